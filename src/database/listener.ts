import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

export interface ListenerOptions {
  readonly connectionString: string;
  /** A name of ours, never a client's. */
  readonly channel: string;
  /** Also called when a connection has been made: what was said before it was not heard. */
  readonly onNotification: () => void;
  readonly onError: (error: unknown) => void;
}

const RECONNECT_AFTER_MS = 1_000;

/**
 * Hears what PostgreSQL's NOTIFY says on a channel, on a connection of its own, until the signal aborts.
 * Never rejects. Words may be lost while there is no connection, so whoever needs them polls as well.
 */
export async function listenUntilAborted(
  { connectionString, channel, onNotification, onError }: ListenerOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client({ connectionString, application_name: `stack-converter ${channel}` });
    const ended = new Promise<void>((resolve) => {
      client.once("end", resolve);
      // Not once: a server that ends says why, and then the connection breaks, which is another.
      client.on("error", () => resolve());
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    client.on("notification", onNotification);
    try {
      await client.connect();
      await client.query(`LISTEN "${channel}"`);
      onNotification();
      await ended;
    } catch (error) {
      onError(error);
    }
    await client.end().catch(() => {});
    await sleep(RECONNECT_AFTER_MS, undefined, { signal }).catch(() => {});
  }
}
