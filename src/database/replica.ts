import pg from "pg";
import type { Logger } from "pino";
import { backoffMs } from "../cache/backoff.ts";
import type { Config } from "../config.ts";
import { createCancel, queryUntilInterrupted } from "./cancellation.ts";
import type { Query } from "./database.ts";
import type { Interruption } from "./interruption.ts";
import { rowTypes } from "./rowTypes.ts";
import { createTurnScope } from "./turnScope.ts";

/** Sends the statements of one load to a replica. */
export interface ReplicaSession {
  query<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[],
    interruption: Interruption | undefined,
  ): Promise<Row[]>;
}

export type ReplicaRouting = ReturnType<typeof createReplicaRouting>;

/**
 * Which reads go to a replica. Only statements sent in the turn in which a read begins go there. A later one
 * goes to the primary, and its answer is just as correct.
 */
export const createReplicaRouting = () => createTurnScope<ReplicaSession>();

/** How long a replica may take before the primary is asked instead, in ms. */
const READ_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** For asking a replica how far it is. One that cannot answer even this in time is of no use. */
const ASK_TIMEOUT_MS = 1_000;
/** How long a replica that failed is left alone. */
const PAUSE = { firstMs: 200, maxMs: 10_000 } as const;

/** What a standby says of itself. The position is a number: its distance from the beginning of the WAL. */
const WHERE = `SELECT pg_is_in_recovery() AS "isReplica", (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::text AS "position",
  (SELECT name FROM cache_epoch) AS "epoch"`;

/**
 * A pool of connections to one replica. No read waits for a connection: when none is ready, the read goes to
 * the primary, and a connection is opened for later reads. So a replica that is down costs its readers
 * nothing.
 */
export function createReplica(options: {
  readonly url: string;
  readonly config: Pick<Config["database"], "poolMax" | "idleTimeoutMs" | "statementTimeoutMs">;
  readonly routing: Pick<ReplicaRouting, "within">;
  readonly log: Logger;
}) {
  const { url, config, routing, log } = options;
  const name = new URL(url).host;
  const timeoutMs = Math.min(READ_TIMEOUT_MS, config.statementTimeoutMs || READ_TIMEOUT_MS);
  const pool = new pg.Pool({
    connectionString: url,
    min: 0,
    max: config.poolMax,
    idleTimeoutMillis: config.idleTimeoutMs,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: timeoutMs + 500,
    statement_timeout: timeoutMs,
    // In case the replica is promoted one day: nothing may write through a pool that is for reading.
    options: "-c default_transaction_read_only=on",
    application_name: "stack-converter replica",
    keepAlive: true,
    types: rowTypes,
  });
  pool.on("error", (error) => failed(error));
  // The pool does not listen while a connection is checked out. One that breaks between two statements fails
  // its user's next statement.
  pool.on("connect", (client) => client.on("error", () => {}));
  const cancel = createCancel(url, log);

  let errors = 0;
  let failures = 0;
  let downUntil = 0;
  let isOpening = false;
  /** Idle connections that a caller of `checkOut` is about to get. */
  let promised = 0;

  const isDown = () => performance.now() < downUntil;

  /** Records a failure of the replica itself, which is then left alone for a while. */
  function failed(error: unknown): void {
    errors++;
    if (isDown()) return;
    failures++;
    downUntil = performance.now() + backoffMs(failures, PAUSE);
    log.warn({ err: error, replica: name }, "a replica does not answer; the primary is asked instead");
  }

  /** Opens a connection for later reads, one at a time. */
  function open(): void {
    if (isOpening || pool.totalCount >= config.poolMax) return;
    isOpening = true;
    pool
      .connect()
      .then((client) => client.release(), failed)
      .finally(() => {
        isOpening = false;
      });
  }

  /** A refused statement, for example one that conflicts with WAL replay, leaves the connection usable. */
  const isRefusal = (error: unknown) =>
    error instanceof pg.DatabaseError && !/^(08|53|57P)/.test(error.code ?? "");

  function connectionOf(client: pg.PoolClient) {
    const cancellations: Promise<void>[] = [];
    let broken: Error | undefined;

    const note = (error: unknown): void => {
      if (isRefusal(error)) {
        errors++;
        return;
      }
      broken = error instanceof Error ? error : new Error(String(error));
      failed(error);
    };

    const session: ReplicaSession = {
      async query<Row extends pg.QueryResultRow>(
        text: string,
        values: readonly unknown[],
        interruption: Interruption | undefined,
      ) {
        try {
          const { rows } =
            interruption === undefined
              ? // `pg` types its values as mutable; it only reads them.
                await client.query<Row>(text, values as unknown[])
              : await queryUntilInterrupted<Row>(
                  client,
                  { interruption, cancel, onCancel: (sent) => cancellations.push(sent) },
                  text,
                  values,
                );
          failures = 0;
          return rows;
        } catch (error) {
          // A read that was given up says nothing about the replica.
          if (interruption?.isOver !== true) note(error);
          throw error;
        }
      },
    };

    return {
      identity: client,

      async ask() {
        try {
          const { rows } = await client.query<{
            isReplica: boolean;
            position: string | null;
            epoch: string | null;
          }>({
            text: WHERE,
            query_timeout: ASK_TIMEOUT_MS,
          } as pg.QueryConfig); // Safe: `pg` takes this option per statement; its types omit it.
          const { isReplica, position, epoch } = rows[0]!;
          return { isReplica, position: position === null ? null : BigInt(position), epoch };
        } catch (error) {
          note(error);
          throw error;
        }
      },

      run: <Result>(load: () => Promise<Result>): Promise<Result> => routing.within(session, load),

      release(): void {
        const release = () => client.release(broken);
        if (cancellations.length === 0) release();
        else void Promise.all(cancellations).finally(release);
      },
    };
  }

  return {
    name,
    isDown,
    errors: () => errors,

    async checkOut(): Promise<ReturnType<typeof connectionOf> | undefined> {
      if (isDown()) return undefined;
      if (pool.idleCount <= promised) {
        open();
        return undefined;
      }
      promised++;
      try {
        return connectionOf(await pool.connect());
      } catch (error) {
        failed(error);
        return undefined;
      } finally {
        promised--;
      }
    },

    close: (): Promise<void> => pool.end(),
  };
}

/** Warns at startup when promoting a replica would lose acknowledged writes. Never rejects. */
export async function warnOfLoss(query: Query, log: Pick<Logger, "warn">): Promise<void> {
  try {
    const [row] = await query<{ names: string; commit: string }>(
      `SELECT current_setting('synchronous_standby_names') AS "names", current_setting('synchronous_commit') AS "commit"`,
    );
    if (row === undefined || (row.names !== "" && !["off", "local", "remote_write"].includes(row.commit)))
      return;
    log.warn(
      { synchronousStandbyNames: row.names, synchronousCommit: row.commit },
      "when a replica is promoted, acknowledged writes that it has not received are lost: name it in synchronous_standby_names, with synchronous_commit = on",
    );
  } catch {
    // The database is down. The code that needs it will report that.
  }
}
