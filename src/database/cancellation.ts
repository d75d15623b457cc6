import pg from "pg";
import type { Logger } from "pino";
import type { Interruption } from "./interruption.ts";
import { createTurnScope } from "./turnScope.ts";

export type Cancellation = ReturnType<typeof createCancellation>;

/** Which interruption belongs to which reads. It cancels their statements. Writes are never cancelled. */
export const createCancellation = () => createTurnScope<Interruption>();

/**
 * Cancels the statement that a server process runs. Resolves when the server has been told, or cannot be
 * told.
 */
export type Cancel = (processId: number) => Promise<void>;

/**
 * Cancels over a connection of its own: when all of the pool's connections are busy, their statements are the
 * ones to cancel. Cancellations requested while that connection is being made share it.
 */
export function createCancel(connectionString: string, log: Pick<Logger, "warn">): Cancel {
  let asked: number[] = [];
  let cancelling: Promise<void> | undefined;

  const cancelAsked = async (): Promise<void> => {
    const client = new pg.Client({
      connectionString,
      application_name: "stack-converter cancel",
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
    });
    client.on("error", () => {});
    let ids: number[] = [];
    try {
      await client.connect().finally(() => {
        // Without a connection too: these processes go on to other statements, which nobody wants cancelled.
        ids = asked;
        asked = [];
        cancelling = undefined;
      });
      await client.query("SELECT pg_cancel_backend(id) FROM unnest($1::int[]) AS id", [ids]);
    } catch (error) {
      // The statement's own time-out will end it.
      log.warn({ err: error }, "a statement could not be cancelled");
    } finally {
      await client.end().catch(() => {});
    }
  };

  return (processId) => {
    asked.push(processId);
    cancelling ??= cancelAsked();
    return cancelling;
  };
}

/**
 * Runs a statement and cancels it when it is interrupted. Cancelling it in PostgreSQL matters: otherwise the
 * server would go on computing an answer that nobody waits for. Rejects with the interruption's reason then.
 *
 * @param onCancel receives the cancellation: until it has arrived, no other statement may use the connection
 */
export async function queryUntilInterrupted<Row extends pg.QueryResultRow>(
  client: pg.PoolClient,
  {
    interruption,
    cancel,
    onCancel,
  }: { interruption: Interruption; cancel: Cancel; onCancel: (sent: Promise<void>) => void },
  text: string,
  values: readonly unknown[],
): Promise<pg.QueryResult<Row>> {
  // Safe: a connected client has the id of its server process, which the types leave out.
  const { processID } = client as unknown as { processID: number };
  const end = (): void => onCancel(cancel(processID));
  try {
    interruption.throwIfOver();
    interruption.listen(end);
    // `pg` types its values as mutable; it only reads them.
    return await client.query<Row>(text, values as unknown[]);
  } catch (error) {
    throw interruption.isOver ? interruption.reason : error;
  } finally {
    interruption.ignore(end);
  }
}

/** The same on any of the pool's connections. */
export function createCancellableQuery(pool: pg.Pool, connectionString: string, log: Pick<Logger, "warn">) {
  const cancel = createCancel(connectionString, log);

  return async function query<Row extends pg.QueryResultRow>(
    interruption: Interruption,
    text: string,
    values: readonly unknown[],
  ): Promise<pg.QueryResult<Row>> {
    interruption.throwIfOver();
    const client = await pool.connect();
    let cancelled: Promise<void> | undefined;
    let broken: Error | undefined;
    const onCancel = (sent: Promise<void>): void => {
      cancelled = sent;
    };
    try {
      return await queryUntilInterrupted<Row>(client, { interruption, cancel, onCancel }, text, values);
    } catch (error) {
      if (!interruption.isOver && !(error instanceof pg.DatabaseError)) broken = error as Error; // Safe: `pg` rejects with errors.
      throw error;
    } finally {
      // Not before the cancellation has arrived: it would cancel the next statement on this connection.
      if (cancelled === undefined) client.release(broken);
      else void cancelled.finally(() => client.release(broken));
    }
  };
}
