import { createHistogram } from "../observation/histogram.ts";

/** How late changes of others were told to the version table, from their statement on, in ms. */
export interface RelayLag {
  /** How many were told. */
  readonly count: number;
  /** At most 6.25 % above the truth. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Counted from the statement that wrote the change, which is all that its row knows. So a
 * transaction that stays open long after it counts as lag too, though nobody could see the change.
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
