import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

export interface ListenerOptions {
  readonly connectionString: string;
  /** One of the service's own names, never a client's input: it goes into the SQL as it is. */
  readonly channel: string;
  /** Also called once per connection: notifications sent before it was made were not heard. */
  readonly onNotification: () => void;
  /**
   * Further work on the same connection, for as long as it lasts. If the work fails, the connection is
   * closed.
   */
  readonly onConnected?: (client: pg.Client) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

const RECONNECT_AFTER_MS = 1_000;
/** How long a server that has perhaps been cut off may take to answer the goodbye. */
const GOODBYE_WITHIN_MS = 1_000;

/**
 * Listens for PostgreSQL's NOTIFY on a channel, on a connection of its own, until the signal aborts. Never
 * rejects. Notifications are lost while there is no connection, so a caller that needs all of them polls as
 * well.
 */
export async function listenUntilAborted(
  { connectionString, channel, onNotification, onConnected, onError }: ListenerOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const socket = new Socket();
    const client = new pg.Client({
      connectionString,
      application_name: `stack-converter ${channel}`,
      stream: () => socket,
    });
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    client.once("end", end);
    // Not `once`: a server that shuts down first sends an error with the reason, and then the connection
    // breaks, which is a second error.
    client.on("error", end);
    signal.addEventListener("abort", end, { once: true });
    client.on("notification", onNotification);
    const listen = async () => {
      await client.connect();
      await client.query(`LISTEN "${channel}"`);
      onNotification();
      await onConnected?.(client);
    };
    try {
      await Promise.race([ended, listen()]);
      await ended;
    } catch (error) {
      onError(error);
    }
    const goodbye = setTimeout(() => socket.destroy(), GOODBYE_WITHIN_MS);
    await client.end().catch(() => {});
    clearTimeout(goodbye);
    // The signal outlives any number of connections.
    signal.removeEventListener("abort", end);
    await sleep(RECONNECT_AFTER_MS, undefined, { signal }).catch(() => {});
  }
}
