import { AppError } from "../errors.ts";
import { networkOf } from "./clientAddress.ts";
import type { RequestContext } from "./context.ts";

/**
 * Whom a request's streams are counted for: its viewer, or a stranger's network. Empty: the request came
 * without a socket.
 */
export function ownerOf({ viewer, exchange }: Pick<RequestContext, "viewer" | "exchange">): string {
  if (viewer !== null) return viewer.userId;
  return exchange?.address === undefined ? "" : networkOf(exchange.address);
}

export type Streams = ReturnType<typeof createStreams>;

/** The open streams: subscriptions and live queries, as many as the limits allow. */
export function createStreams({
  max,
  maxPerViewer,
}: {
  readonly max: number;
  readonly maxPerViewer: number;
}) {
  /** The function that ends each stream. */
  const open = new Set<() => void>();
  /** Number of streams of each viewer, and of each stranger's network. */
  const ofViewers = new Map<string, number>();
  let isStopping = false;

  return {
    max,
    count: (): number => open.size,

    /**
     * Opens a stream of the values that `pull` gives. It ends when `pull` gives undefined or rejects, when the
     * reader goes away, and when the service stops. Then `close` is called, once; it must make a running `pull` end.
     *
     * @param viewer whom the stream is counted for; empty: nobody, and the limit for each viewer does not apply
     * @throws AppError `TOO_MANY_SUBSCRIPTIONS`, or `SERVICE_UNAVAILABLE` while the service stops; `close`
     *   has been called then
     */
    open<Value>(
      viewer: string,
      pull: () => Promise<Value | undefined>,
      close: () => void,
    ): AsyncIterableIterator<Value> {
      const count = ofViewers.get(viewer) ?? 0;
      const refusal = isStopping
        ? stopping()
        : open.size >= max
          ? tooMany(max)
          : viewer !== "" && count >= maxPerViewer
            ? tooManyOfViewer(maxPerViewer)
            : undefined;
      if (refusal !== undefined) {
        close();
        throw refusal;
      }
      const end = (): void => {
        if (!open.delete(end)) return;
        const left = ofViewers.get(viewer)! - 1;
        if (left === 0) ofViewers.delete(viewer);
        else ofViewers.set(viewer, left);
        close();
      };
      open.add(end);
      ofViewers.set(viewer, count + 1);

      return {
        async next() {
          if (!open.has(end)) return { done: true, value: undefined };
          try {
            const value = await pull();
            if (open.has(end) && value !== undefined) return { done: false, value };
          } catch (error) {
            end();
            throw error;
          }
          end();
          if (isStopping) throw stopping();
          return { done: true, value: undefined };
        },
        async return() {
          end();
          return { done: true, value: undefined };
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },

    /** Ends all streams. Readers that still read are told that the service is stopping. */
    async close(): Promise<void> {
      isStopping = true;
      for (const end of open) end();
    },
  };
}

function tooMany(max: number): AppError {
  return new AppError(
    "TOO_MANY_SUBSCRIPTIONS",
    `This instance has ${max} subscriptions and live queries (MAX_SUBSCRIPTIONS). Try again later, or another instance.`,
    { details: { max } },
  );
}

function tooManyOfViewer(max: number): AppError {
  return new AppError(
    "TOO_MANY_SUBSCRIPTIONS",
    `You have ${max} subscriptions and live queries on this instance (MAX_SUBSCRIPTIONS_PER_VIEWER). Close one first.`,
    { details: { max } },
  );
}

function stopping(): AppError {
  return new AppError("SERVICE_UNAVAILABLE", "This instance stops. Subscribe again with the last cursor.");
}
