/**
 * Exponential backoff with jitter: between half and all of `firstMs · 2^(attempt-1)`, which is capped at
 * `maxMs`. Half stays fixed, because full jitter would now and then hardly wait at all.
 *
 * @param attempt from 1
 */
export function backoffMs(
  attempt: number,
  delay: { readonly firstMs: number; readonly maxMs: number },
): number {
  const ceiling = Math.min(delay.maxMs, delay.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.ceil(ceiling * (0.5 + Math.random() / 2));
}
