import { hash } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { AppError } from "../errors.ts";
import type { Tracing } from "../observation/tracing.ts";
import { type Cancellation, createCancellableQuery } from "./cancellation.ts";
import { commitError, databaseError, isDeadlock } from "./errors.ts";
import { type Prisma, PrismaClient } from "./generated/client.ts";
import { createPoolMonitor } from "./monitor.ts";
import { createMonitoredPool } from "./monitoredPool.ts";
import type { PoolStatistics } from "./poolReport.ts";
import type { ReplicaRouting } from "./replica.ts";
import { rowTypes } from "./rowTypes.ts";
import { createSharing, type Sharing } from "./sharing.ts";

export type Database = ReturnType<typeof createDatabase>;

/** Reads one statement's rows. Repositories read through this. */
export type Query = Database["query"];

/**
 * Runs a unit of work in one transaction. This is the only way the service changes rows. The work may run
 * more than once, so it must contain nothing but statements.
 */
export type Write = <Result>(work: (tx: WriteTransaction) => Promise<Result>) => Promise<Result>;

/** The same for work that needs no Prisma models: it sends its statements on the connection itself. */
export type WriteStatements = <Result>(
  work: (tx: StatementTransaction) => Promise<Result>,
  options?: WriteOptions<Result>,
) => Promise<Result>;

export interface WriteOptions<Result> {
  /**
   * Which results are stored when the write belongs to a mutation that the client may repeat
   * (repositories/idempotency.ts). By default all are. "never": the write is not part of what the client
   * asked for.
   */
  readonly keeps?: ((result: Result) => boolean) | "never";
  /**
   * The work is done within milliseconds, whatever its input, so it may be committed together with other
   * writes that arrive at the same moment (groupCommit.ts). It runs once more when one of those fails.
   */
  readonly isShort?: boolean;
}

/** What the repositories are given. */
export interface DataAccess {
  readonly query: Query;
  /** Undefined: each request sends its own reads. */
  readonly sharing?: Sharing;
  readonly write: Write;
  readonly writeStatements: WriteStatements;
  /**
   * Whether the next write's result is stored for a repeated request. Such a write must not be combined with
   * other callers' writes.
   */
  readonly isRepeatable: () => boolean;
}

/** What a unit of work writes with: Prisma's models, and `$queryRaw` on the same transaction. */
export type WriteTransaction = Prisma.TransactionClient;

/** With a name, each connection parses and plans the statement once. Meant for long statements sent often. */
export type Statement = string | { readonly name: string; readonly text: string };

export interface StatementTransaction {
  query<Row extends pg.QueryResultRow>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
  /**
   * Sends a statement that the caller knows to be the transaction's last. What `behindLast` was given is
   * pipelined right behind it.
   */
  queryLast<Row extends pg.QueryResultRow>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
  /**
   * Sets what `queryLast` sends behind the last statement without waiting for its answer. A wrapper that adds
   * statements of its own to the work passes undefined, since the work's last statement is then no longer the
   * last.
   */
  behindLast(send: (() => void) | undefined): void;
  /** `query` under the name that Prisma's transactions have for it. */
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<unknown>;
}

/**
 * Begins a transaction that promises to drain the tags of its changes before it commits (coherence/write.ts).
 * Until then PostgreSQL keeps the tags with the transaction and not in the outbox.
 */
const BEGIN_DRAINED = "BEGIN; SET LOCAL stack_converter.drains = 'on'";

/**
 * A connection keeps prepared statements until it is closed. Each takes some 50 kB of the server's memory.
 */
const MAX_PREPARED = 100;

/** The names of the first `MAX_PREPARED` texts, which are the frequent ones. All connections share them. */
const preparedNames = new Map<string, string>();

function preparedNameOf(text: string): string | undefined {
  const name = preparedNames.get(text);
  if (name !== undefined || preparedNames.size === MAX_PREPARED) return name;
  // PostgreSQL keeps at most 63 characters. The words make it recognizable in `pg_prepared_statements` and on
  // the wire.
  const fresh = `${text.trim().replace(/\W+/g, "_").slice(0, 46)}_${hash("sha256", text, "hex").slice(0, 16)}`;
  preparedNames.set(text, fresh);
  return fresh;
}

/**
 * Gives the service's own statements a name, so that each connection parses them once. Prisma sends its own
 * BEGIN. Only `write` opens transactions through Prisma, so every such BEGIN may make the promise to drain.
 */
// biome-ignore lint/suspicious/noExplicitAny: whatever `pg` takes for a statement
function sentAs(statement: any, values: unknown): any {
  if (typeof statement === "string") {
    const name = Array.isArray(values) ? preparedNameOf(statement) : undefined;
    return name === undefined ? statement : { name, text: statement };
  }
  return statement?.text === "BEGIN" ? { ...statement, text: BEGIN_DRAINED } : statement;
}

class Client extends pg.Client {
  // biome-ignore lint/suspicious/noExplicitAny: `query` has a dozen signatures, and each goes through as it is
  override query(statement: any, values?: any, callback?: any): any {
    return super.query(sentAs(statement, values), values, callback);
  }
}

/**
 * With replicas, the primary's address may lead to a replica: after a failover, until whatever routes the
 * address has noticed. Rows read from it as if from the primary would be stale.
 */
async function refuseReplica(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ isReplica: boolean }>('SELECT pg_is_in_recovery() AS "isReplica"');
  if (rows[0]?.isReplica)
    throw new AppError("SERVICE_UNAVAILABLE", "The database takes no writes at the moment. Try again later.");
}

/** @throws OutcomeUnknown when the database does not say whether it has committed */
async function commit(client: pg.ClientBase): Promise<void> {
  const { command } = await client.query("COMMIT").catch((error: unknown) => {
    throw commitError(error);
  });
  // One of the statements had failed, and the work swallowed the error.
  if (command === "ROLLBACK")
    throw new Error("The transaction was rolled back, as one of its statements had failed.");
}

function statementsOn(client: pg.ClientBase): StatementTransaction {
  let sendBehind: (() => void) | undefined;
  let isOver = false;
  async function query<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[] = []) {
    if (isOver) throw new Error("A transaction was given a statement after its last one.");
    // `pg` types its values as mutable; it only reads them.
    return (await client.query<Row>(statement, values as unknown[])).rows;
  }
  return {
    query,
    $queryRawUnsafe: (text, ...values) => query(text, values),
    queryLast(statement, values) {
      const answer = query<never>(statement, values);
      sendBehind?.();
      isOver = sendBehind !== undefined;
      return answer;
    },
    behindLast(send) {
      sendBehind = send;
    },
  };
}

export interface DatabaseOptions {
  /** Gives a read the interruption that cancels it. */
  readonly cancellation?: Cancellation | undefined;
  readonly tracing?: Tracing | undefined;
  /** Which reads go to a replica. */
  readonly replicas?: Pick<ReplicaRouting, "current"> | undefined;
}

/** How many times, at most, a transaction that deadlocks is run. */
const MAX_DEADLOCKS = 4;

/**
 * One `pg` pool, shared by raw statements and Prisma's adapter, so that its limits hold for the service as a
 * whole. Nothing connects before the first statement.
 */
export function createDatabase(
  config: Omit<Config["database"], "url" | "replicaUrls" | "dataDirectory">,
  connectionString: string,
  log: Logger,
  { cancellation, tracing, replicas }: DatabaseOptions = {},
) {
  let idleErrors = 0;
  const monitor = createPoolMonitor({ slowMs: config.slowQueryMs });
  const settings = {
    connectionString,
    min: config.poolMin,
    max: config.poolMax,
    idleTimeoutMillis: config.idleTimeoutMs,
    connectionTimeoutMillis: config.connectionTimeoutMs,
    query_timeout: config.queryTimeoutMs,
    statement_timeout: config.statementTimeoutMs,
    // A process that stops in the middle of a transaction must not hold its locks forever.
    idle_in_transaction_session_timeout: config.statementTimeoutMs,
    // JIT compilation of a statement that reads many rows by index takes longer than running it.
    options: "-c jit=off",
    application_name: "stack-converter",
    keepAlive: true,
    // A statement that does not wait for the previous answer is sent along with the previous one.
    pipeline: true,
    types: rowTypes,
    ...(replicas && { onConnect: refuseReplica }),
  };
  const pool = createMonitoredPool(settings, { Client, monitor, tracing });
  // Without a listener, a server restart while a connection is idle would end the process.
  pool.on("error", (error) => {
    idleErrors += 1;
    log.warn({ err: error }, "an idle database connection broke");
  });
  // The pool does not listen while a connection is checked out. One that breaks between two statements fails
  // its user's next statement.
  pool.on("connect", (client) => client.on("error", () => {}));

  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { onPoolError: () => {} }),
    transactionOptions: { maxWait: config.connectionTimeoutMs, timeout: config.queryTimeoutMs },
  });

  const cancellable = createCancellableQuery(pool, connectionString, log);

  /**
   * @throws AppError `SERVICE_UNAVAILABLE` when the database cannot be reached; the interruption's reason
   *   when the read is cancelled (database/cancellation.ts)
   */
  async function query<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    try {
      const interruption = cancellation?.current();
      const replica = replicas?.current();
      if (replica !== undefined) return await replica.query<Row>(text, values, interruption);
      // `pg` types its values as mutable; it only reads them.
      const { rows } = await (interruption === undefined
        ? pool.query<Row>(text, values as unknown[])
        : cancellable<Row>(interruption, text, values));
      return rows;
    } catch (error) {
      throw databaseError(error);
    }
  }

  /**
   * Runs `work` on one connection between BEGIN and COMMIT. Any error rolls back. For reads and maintenance
   * only: rows are changed through `Write`.
   *
   * @throws OutcomeUnknown when the database does not say whether it has committed
   */
  async function transaction<Result>(
    work: (client: pg.PoolClient) => Promise<Result>,
    begin = "BEGIN",
  ): Promise<Result> {
    const client = await pool.connect().catch((error: unknown) => {
      throw databaseError(error);
    });
    let broken: Error | undefined;
    try {
      // Not awaited: BEGIN is pipelined with the work's first statement. It fails only when the connection
      // does.
      const begun = client.query(begin);
      begun.catch(() => {});
      const result = await work(client);
      await begun;
      await commit(client);
      return result;
    } catch (error) {
      // A connection on which even the rollback fails is closed, not given to the next caller.
      await client.query("ROLLBACK").catch((rollbackError: Error) => {
        broken = rollbackError;
      });
      throw databaseError(error);
    } finally {
      client.release(broken);
    }
  }

  /**
   * Runs `work`, which must contain nothing but statements, in one transaction. `WriteStatements` is built on
   * it. When PostgreSQL ends the transaction because of a deadlock with another, the work is run again.
   */
  async function statementTransaction<Result>(
    work: (tx: StatementTransaction) => Promise<Result>,
  ): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await transaction((client) => work(statementsOn(client)), BEGIN_DRAINED);
      } catch (error) {
        if (attempt === MAX_DEADLOCKS || !isDeadlock(error)) throw error;
      }
    }
  }

  /**
   * Runs `work` in one Prisma transaction. Any error rolls back. `Write` is built on it.
   *
   * @throws OutcomeUnknown when the database does not say whether it has committed
   */
  async function prismaTransaction<Result>(
    work: (tx: WriteTransaction) => Promise<Result>,
    options: { isolationLevel?: Prisma.TransactionIsolationLevel } = {},
  ): Promise<Result> {
    let isDone = false;
    try {
      return await prisma.$transaction(async (tx) => {
        const result = await work(tx);
        isDone = true;
        return result;
      }, options);
    } catch (error) {
      // What Prisma does after the work is to commit.
      throw isDone ? commitError(error) : databaseError(error);
    }
  }

  async function healthCheck(): Promise<{ latencyMs: number; version: string }> {
    const startedAt = performance.now();
    const [row] = await query<{ version: string }>("SELECT current_setting('server_version') AS version");
    return { latencyMs: performance.now() - startedAt, version: row?.version ?? "unknown" };
  }

  function getPoolStatistics(): PoolStatistics {
    return {
      total: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      min: config.poolMin,
      max: config.poolMax,
      idleErrors,
      ...monitor.statistics(),
    };
  }

  async function close(): Promise<void> {
    await prisma.$disconnect();
    await pool.end();
  }

  return {
    pool,
    prisma,
    monitor,
    query,
    /** What the repositories need to read rows. */
    reading: { query, sharing: createSharing({ cancellation, replicas, tracing }) },
    transaction,
    statementTransaction,
    prismaTransaction,
    healthCheck,
    getPoolStatistics,
    close,
  };
}
