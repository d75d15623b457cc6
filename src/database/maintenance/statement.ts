import type pg from "pg";
import { withSession } from "../session.ts";
import { type StatementProgress, watchStatement } from "./progress.ts";

export interface RunOptions {
  readonly onProgress: (progress: StatementProgress) => void;
  /** Aborting it ends the statement. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs a statement that takes long. Reports its progress, and cancels it in PostgreSQL when the signal is
 * aborted. Both use a connection beside the statement's own.
 *
 * @throws the signal's reason once it is aborted
 */
export type RunStatement = (client: pg.Client, sql: string, options: RunOptions) => Promise<void>;

export function createStatementRunner(connectionString: string): RunStatement {
  return (client, sql, { onProgress, signal }) =>
    withSession(connectionString, "maintenance progress", async (observer) => {
      signal?.throwIfAborted();
      // Safe: a connected client has the id of its server process, which the types leave out.
      const { processID } = client as unknown as { processID: number };
      const ended = new AbortController();
      const watching = watchStatement(observer, processID, onProgress, ended.signal);
      let cancelling: Promise<unknown> | undefined;
      const cancel = () => {
        // If cancelling fails, the statement is waited for: the maintenance lock must not be released while
        // it runs.
        cancelling = observer.query("SELECT pg_cancel_backend($1)", [processID]).catch(() => {});
      };
      signal?.addEventListener("abort", cancel, { once: true });
      try {
        await client.query(sql);
      } catch (error) {
        throw signal?.aborted ? signal.reason : error;
      } finally {
        signal?.removeEventListener("abort", cancel);
        ended.abort();
        // Waits for the cancellation: a late one would end the next statement on that connection.
        await Promise.all([watching, cancelling]);
      }
    });
}

/** For the embedded database: its one session reports nothing while it works, and cannot be interrupted. */
export const runUnwatched: RunStatement = async (client, sql, { signal }) => {
  signal?.throwIfAborted();
  await client.query(sql);
};
