import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

export interface ListenerOptions {
  readonly connectionString: string;
  /** A name of ours, never a client's. */
  readonly channel: string;
  /** Also called when a connection has been made: what was said before it was not heard. */
  readonly onNotification: () => void;
  /** Further work on the same connection, for as long as it is there. Its failure ends the connection. */
  readonly onConnected?: (client: pg.Client) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

const RECONNECT_AFTER_MS = 1_000;

/**
 * Hears what PostgreSQL's NOTIFY says on a channel, on a connection of its own, until the signal aborts.
 * Never rejects. Words may be lost while there is no connection, so whoever needs them polls as well.
 */
export async function listenUntilAborted(
  { connectionString, channel, onNotification, onConnected, onError }: ListenerOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client({ connectionString, application_name: `stack-converter ${channel}` });
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    client.once("end", end);
    // Not once: a server that ends says why, and then the connection breaks, which is another.
    client.on("error", end);
    signal.addEventListener("abort", end, { once: true });
    client.on("notification", onNotification);
    try {
      await client.connect();
      await client.query(`LISTEN "${channel}"`);
      onNotification();
      await Promise.race([ended, onConnected?.(client)]);
      await ended;
    } catch (error) {
      onError(error);
    }
    await client.end().catch(() => {});
    // It outlives any number of connections.
    signal.removeEventListener("abort", end);
    await sleep(RECONNECT_AFTER_MS, undefined, { signal }).catch(() => {});
  }
}
