import { LRUCache } from "lru-cache";
import pg from "pg";
import type { SpanAttributes, Tracing } from "../observation/tracing.ts";
import type { PoolMonitor } from "./monitor.ts";
import { normalizeStatement, verbOf } from "./statementText.ts";

/** How many statements' normalized texts are kept for spans. */
const MAX_SPAN_TEXTS = 500;

type Connected = (error: Error | undefined, client?: pg.PoolClient, done?: () => void) => void;
type Answered = (error: Error | undefined, result?: unknown) => void;

/**
 * `pg`'s pool, instrumented where every statement passes: `connect`, which the pool's own `query` uses too,
 * and the clients' `query`, through which the statements of transactions and of Prisma go as well.
 */
export function createMonitoredPool(
  config: pg.PoolConfig,
  {
    Client,
    monitor,
    tracing,
  }: { Client: typeof pg.Client; monitor: PoolMonitor; tracing?: Tracing | undefined },
): pg.Pool {
  const startSpan = tracing && createStatementSpans(tracing);
  class MonitoredClient extends Client {
    // By position, without a rest parameter: this runs for every statement.
    // biome-ignore lint/suspicious/noExplicitAny: `query` has a dozen signatures, and each goes through as it is
    override query(statement: any, values?: any, callback?: any): any {
      // A cursor or a stream delivers its answer in its own way.
      if (typeof statement?.submit === "function") return super.query(statement, values, callback);
      const text: string | undefined = typeof statement === "string" ? statement : statement?.text;
      const span = startSpan?.(text);
      const startedAt = performance.now();
      const answered = (error: unknown): void => {
        monitor.answered(text, performance.now() - startedAt, error);
        if (span === undefined) return;
        if (error != null) span.fail(codeOf(error));
        span.end();
      };
      const given: Answered | undefined = typeof values === "function" ? values : callback;
      if (given !== undefined) {
        const watching: Answered = (error, result) => {
          answered(error);
          given(error, result);
        };
        // biome-ignore lint/suspicious/noExplicitAny: as above
        return super.query(statement, given === values ? undefined : values, watching as any);
      }
      const promise: Promise<unknown> = super.query(statement, values);
      // The caller gets the original promise, so that nobody waits a microtask longer. Its rejection is the
      // caller's to handle.
      promise.then(() => answered(undefined), answered);
      return promise;
    }
  }

  class MonitoredPool extends pg.Pool {
    override connect(): Promise<pg.PoolClient>;
    override connect(callback: Connected): void;
    override connect(callback?: Connected): Promise<pg.PoolClient> | undefined {
      if (callback === undefined) {
        return new Promise((resolve, reject) => {
          this.connect((error, client) => (client === undefined ? reject(error) : resolve(client)));
        });
      }
      // The pool calls this back when another caller releases a connection, in that caller's context.
      const connected = tracing ? tracing.bind(callback) : callback;
      const startedAt = performance.now();
      const given: Connected = (error, client, done) => {
        const waitMs = performance.now() - startedAt;
        if (error) monitor.notAcquired(waitMs, error);
        else monitor.acquired(waitMs, this.totalCount - this.idleCount);
        connected(error, client, done);
      };
      // Safe: `pg` calls back with nothing or everything.
      super.connect(given as Parameters<pg.Pool["connect"]>[0]);
      // A request that an idle connection can serve counts as waiting only until the next tick.
      monitor.asked(this.waitingCount - this.idleCount);
    }
  }

  return new MonitoredPool({ ...config, Client: MonitoredClient });
}

function createStatementSpans(tracing: Tracing) {
  const attributesOf = new LRUCache<string, SpanAttributes>({ max: MAX_SPAN_TEXTS });
  return (text = "") => {
    if (tracing.active() === undefined) return undefined;
    let attributes = attributesOf.get(text);
    if (attributes === undefined) {
      attributes = {
        "db.system.name": "postgresql",
        "db.operation.name": verbOf(text),
        "db.query.text": normalizeStatement(text),
      };
      attributesOf.set(text, attributes);
    }
    return tracing.start(String(attributes["db.operation.name"]), "client", attributes);
  };
}

function codeOf(error: unknown): string {
  // Safe: an error without a code falls back to the default.
  return String((error as { code?: unknown }).code ?? "connection");
}
