import { AppError } from "../errors.ts";

export type Streams = ReturnType<typeof createStreams>;

/** The answers that go on: subscriptions and live queries, as many as the limit allows. */
export function createStreams({ max }: { readonly max: number }) {
  /** What ends each of them. */
  const open = new Set<() => void>();
  let isStopping = false;

  return {
    max,
    count: (): number => open.size,

    /**
     * A stream of what `pull` gives, until that is undefined, it throws or the reader goes away; then
     * `close` is called, once, which must make a `pull` that is under way end.
     *
     * @throws AppError `TOO_MANY_SUBSCRIPTIONS`
     */
    open<Value>(pull: () => Promise<Value | undefined>, close: () => void): AsyncIterableIterator<Value> {
      if (isStopping || open.size >= max) {
        close();
        throw isStopping ? stopping() : tooMany(max);
      }
      const end = (): void => {
        if (open.delete(end)) close();
      };
      open.add(end);

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

function stopping(): AppError {
  return new AppError("SERVICE_UNAVAILABLE", "This instance stops. Subscribe again with the last cursor.");
}
