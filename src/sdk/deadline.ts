import { StackConverterError } from "./error.ts";
import { MAX_TIMER_MS } from "./retry.ts";

/**
 * One signal that fires at a timeout or with the outer signal. `AbortSignal.any` would do, but is newer than
 * many browsers in use.
 *
 * @param timeoutMs 0 for none
 * @param missing the beginning of the timeout's message, which the time completes
 */
export function createDeadline(
  outer: AbortSignal | undefined,
  timeoutMs: number,
  missing = "No whole answer within",
) {
  const controller = new AbortController();
  let end: (error: StackConverterError) => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    end = (error) => {
      reject(error);
      controller.abort(error);
    };
  });
  // Nothing may be racing against it at the moment, and then its rejection would be unhandled.
  ended.catch(() => {});

  const onAbort = () =>
    end(new StackConverterError("ABORTED", "The call was aborted.", { cause: outer?.reason }));
  if (outer?.aborted) onAbort();
  else outer?.addEventListener("abort", onAbort);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = () => {
    if (timeoutMs <= 0 || timeoutMs > MAX_TIMER_MS) return;
    timer = setTimeout(
      () => end(new StackConverterError("TIMEOUT", `${missing} ${timeoutMs} ms.`)),
      timeoutMs,
    );
  };
  start();

  return {
    signal: controller.signal,
    /** Rejects at the deadline, even if the caller's own `fetch` ignores its signal. */
    race: <Value>(work: Promise<Value>): Promise<Value> => Promise.race([ended, work]),
    /** Stops the clock until `restart`. */
    pause: () => clearTimeout(timer),
    restart() {
      clearTimeout(timer);
      start();
    },
    clear() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", onAbort);
    },
  };
}
