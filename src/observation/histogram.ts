const SUB_BUCKET_BITS = 4;
const SUB_BUCKETS = 2 ** SUB_BUCKET_BITS;
/** Durations of up to 2^26 µs, about 67 s; longer ones count as that. */
const MAX_EXPONENT = 26;
const BUCKETS = (MAX_EXPONENT - SUB_BUCKET_BITS + 1) * SUB_BUCKETS;

/**
 * A histogram of durations in a fixed 1.5 KB: exact below 16 µs, within 1/16 (6.25 %) from there up to 67 s.
 * Its buckets are log-linear as in HdrHistogram: each power of two is divided into 16 equal parts.
 */
export function createHistogram() {
  const counts = new Uint32Array(BUCKETS);
  let total = 0;
  let sumMs = 0;

  return {
    record(durationMs: number): void {
      const index = indexOf(Math.max(0, Math.round(durationMs * 1_000)));
      // Never undefined: `indexOf` stays within the array.
      counts[index]! += 1;
      total++;
      sumMs += durationMs;
    },
    count: (): number => total,
    /** The sum of the durations recorded here. It excludes those added from another histogram. */
    sumMs: (): number => sumMs,
    /** How many durations were at most this long; those up to 6.25 % longer may be included. */
    countUpTo(durationMs: number): number {
      const last = indexOf(Math.round(durationMs * 1_000));
      let sum = 0;
      for (let index = 0; index <= last; index++) sum += counts[index]!; // Never undefined: as above.
      return sum;
    },
    /** The bucket counts, for `add` of another histogram. */
    counts: counts as Readonly<Uint32Array>,
    add(other: Readonly<Uint32Array>): void {
      for (let index = 0; index < BUCKETS; index++) {
        const count = other[index] ?? 0;
        counts[index]! += count;
        total += count;
      }
    },
    /**
     * Returns the percentile as the upper end of its bucket, in ms.
     *
     * @param share between 0 and 1, for example 0.99
     * @returns 0 when nothing was recorded
     */
    percentileMs(share: number): number {
      let left = Math.ceil(share * total);
      if (left === 0) return 0;
      for (let index = 0; index < BUCKETS; index++) {
        left -= counts[index] ?? 0;
        if (left <= 0) return upperEndOf(index) / 1_000;
      }
      return upperEndOf(BUCKETS - 1) / 1_000;
    },
    reset(): void {
      counts.fill(0);
      total = 0;
      sumMs = 0;
    },
  };
}

export type Histogram = ReturnType<typeof createHistogram>;

function indexOf(micros: number): number {
  if (micros < SUB_BUCKETS) return micros;
  const exponent = Math.min(31 - Math.clz32(Math.min(micros, 2 ** 31)), MAX_EXPONENT - 1);
  const shift = exponent - SUB_BUCKET_BITS;
  const part = Math.min(Math.floor(micros / 2 ** shift), 2 * SUB_BUCKETS - 1) - SUB_BUCKETS;
  return (shift + 1) * SUB_BUCKETS + part;
}

/** The largest whole number of microseconds that falls into the bucket. */
function upperEndOf(index: number): number {
  if (index < SUB_BUCKETS) return index;
  const shift = Math.floor(index / SUB_BUCKETS) - 1;
  return ((index % SUB_BUCKETS) + SUB_BUCKETS + 1) * 2 ** shift - 1;
}
