import { StackConverterError } from "./error.ts";

/**
 * Whether the same call may succeed later: the connection or the service has failed, or there were too many
 * requests.
 */
export function isTransient(error: unknown): error is StackConverterError {
  if (!(error instanceof StackConverterError)) return false;
  if (error.code === "NETWORK_ERROR" || error.code === "TIMEOUT") return true;
  if (error.code === "SERVICE_UNAVAILABLE" || error.code === "INTERNAL_SERVER_ERROR") return true;
  const { status = 0 } = error;
  return status >= 500 || status === 429;
}

/**
 * How long to wait before the next try, in ms. The time doubles with every failure, from about a fifth of a
 * second to about ten seconds. It is random, so that clients that failed at the same moment do not retry at
 * the same moment.
 *
 * @param failures in a row, from 1 on
 */
export function backoffMs(failures: number): number {
  return Math.min(10_000, 200 * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}

/** The longest time that a timer takes, almost 25 days. With a longer one, it would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Resolves after `ms`, or as soon as the signal is aborted. It never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(ms, MAX_TIMER_MS));
    signal?.addEventListener("abort", end);
  });
}

/**
 * Repeats the call until it succeeds, fails for good, or `isOver` returns true. Then it rejects with the last
 * failure.
 *
 * @param onRetry called before each pause
 */
export async function retrying<Result>(
  call: () => Promise<Result>,
  {
    isOver,
    onRetry,
    signal,
  }: {
    isOver: () => boolean;
    onRetry?: (error: StackConverterError, inMs: number) => void;
    signal?: AbortSignal | undefined;
  },
): Promise<Result> {
  for (let failures = 1; ; failures++) {
    try {
      return await call();
    } catch (error) {
      if (!isTransient(error) || isOver()) throw error;
      const inMs = backoffMs(failures);
      onRetry?.(error, inMs);
      await sleep(inMs, signal);
      if (isOver()) throw error;
    }
  }
}
