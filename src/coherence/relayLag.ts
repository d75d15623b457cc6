import { createHistogram } from "../observation/histogram.ts";

/** The time from the statement of an out-of-band write until the relay bumped its tags, in ms. */
export interface RelayLag {
  /** How many rows of the outbox were relayed. */
  readonly count: number;
  /** At most 6.25 % above the true value, as is `p99Ms`. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Records the relay's lag. It counts from the statement that wrote the change, because the outbox row holds
 * no other time. So time that the transaction stays open after that statement counts as lag too, though
 * nobody could see the change then.
 */
export function createLagRecord() {
  const histogram = createHistogram();
  let count = 0;
  let maxMs = 0;

  return {
    add(lagMs: number): void {
      histogram.record(lagMs);
      count++;
      maxMs = Math.max(maxMs, lagMs);
    },
    read: (): RelayLag => ({
      count,
      p50Ms: histogram.percentileMs(0.5),
      p99Ms: histogram.percentileMs(0.99),
      maxMs,
    }),
    reset(): void {
      histogram.reset();
      count = maxMs = 0;
    },
  };
}
