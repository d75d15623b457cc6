import { AppError } from "../errors.ts";
import { networkOf } from "./clientAddress.ts";
import type { RequestContext } from "./context.ts";

/** Who has the streams of a request: its viewer, or the address of a stranger. Empty: it came without a socket. */
export function ownerOf({ viewer, exchange }: Pick<RequestContext, "viewer" | "exchange">): string {
  if (viewer !== null) return viewer.userId;
  return exchange?.address === undefined ? "" : networkOf(exchange.address);
}

export type Streams = ReturnType<typeof createStreams>;

/** The answers that go on: subscriptions and live queries, as many as the limit allows. */
export function createStreams({
  max,
  maxPerViewer,
}: {
  readonly max: number;
  readonly maxPerViewer: number;
}) {
  /** What ends each of them. */
  const open = new Set<() => void>();
  /** How many each viewer has, and each address of strangers. */
  const ofViewers = new Map<string, number>();
  let isStopping = false;

  return {
    max,
    count: (): number => open.size,

    /**
     * A stream of what `pull` gives, until that is undefined, it throws or the reader goes away; then
     * `close` is called, once, which must make a `pull` that is under way end.
     *
     * @param viewer whose it is; empty: nobody's in particular, and not limited
     * @throws AppError `TOO_MANY_SUBSCRIPTIONS`
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

    /** Ends all of them: who still reads is told that the service stops. */
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
