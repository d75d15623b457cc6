import { Readable } from "node:stream";
import type { ExecutionResult, GraphQLFormattedError } from "graphql";

/** A result whose text may be known already, and the id after which a reader that comes back goes on. */
export interface Message extends ExecutionResult {
  readonly stringify?: (result: ExecutionResult) => string;
  readonly eventId?: string;
}

/** For browsers that show nothing before something has come, and for proxies that close silent connections. */
const HEARTBEAT = ":\n\n";
const HEARTBEAT_EVERY_MS = 12_000;
/** "distinct connections" of https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. */
const COMPLETE = "event: complete\ndata:\n\n";

/** One heartbeat for all streams: a timer for each would be most of what an idle stream costs. */
export function createHeartbeat(everyMs = HEARTBEAT_EVERY_MS) {
  const streams = new Set<EventStream>();
  let timer: NodeJS.Timeout | undefined;
  return {
    add(stream: EventStream): void {
      streams.add(stream);
      timer ??= setInterval(() => {
        for (const each of streams) each.beat();
      }, everyMs).unref();
    },
    delete(stream: EventStream): void {
      streams.delete(stream);
      if (streams.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/**
 * Results as server-sent events, a chunk each. The next result is asked for when the chunk before has been
 * taken, which is back-pressure: if a reader stops reading, all that waits for it is one message, and what
 * its connection buffers.
 */
export class EventStream extends Readable {
  readonly #results: AsyncIterator<Message>;
  readonly #heartbeat: ReturnType<typeof createHeartbeat>;
  #isPulling = false;

  constructor(results: AsyncIterator<Message>, heartbeat: ReturnType<typeof createHeartbeat>) {
    super({ highWaterMark: 1 });
    this.#results = results;
    this.#heartbeat = heartbeat;
    heartbeat.add(this);
    this.push(HEARTBEAT);
  }

  beat(): void {
    // A waiting message shows that the stream is alive, too.
    if (this.readableLength === 0 && !this.destroyed && !this.readableEnded) this.push(HEARTBEAT);
  }

  override _read(): void {
    if (this.#isPulling) return;
    this.#isPulling = true;
    this.#results.next().then(
      ({ done, value }) => {
        this.#isPulling = false;
        if (this.destroyed) return;
        if (!done) this.push(eventOf(value));
        else {
          this.push(COMPLETE);
          this.push(null);
          this.#heartbeat.delete(this);
        }
      },
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#heartbeat.delete(this);
    void this.#results.return?.();
    callback(error);
  }
}

function eventOf(message: Message): string {
  const { eventId } = message;
  return `event: next\n${eventId === undefined ? "" : `id: ${eventId}\n`}data: ${textOf(message)}\n\n`;
}

/**
 * The message as JSON, without what Yoga's errors carry for its own use. JSON has no line breaks, so it is
 * one line of data.
 */
function textOf({ stringify, eventId: _, ...result }: Message): string {
  if (stringify !== undefined && result.errors === undefined) return stringify(result);
  if (result.errors === undefined) return JSON.stringify(result);
  return JSON.stringify({
    ...result,
    errors: result.errors.map((error) => withoutInternals(error.toJSON())),
  });
}

function withoutInternals({ extensions, ...error }: GraphQLFormattedError): GraphQLFormattedError {
  const { http: _, unexpected: __, ...own } = extensions ?? {};
  return { ...error, extensions: own };
}
