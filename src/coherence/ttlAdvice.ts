import type { KindStatistics } from "./storeStatistics.ts";

/** How the cached answers of one type were used, and how they ended. */
export type ObservedCounts = Pick<
  KindStatistics,
  "localHits" | "sharedHits" | "joined" | "misses" | "invalidations" | "expirations" | "evictions"
>;

export interface TtlAdvice {
  /**
   * `keep`: the time to live is right. `raise`: it should be longer. `memory`: most answers are evicted, so
   * the time to live hardly matters.
   */
  readonly action: "keep" | "raise" | "memory";
  /** The time to live to set, in seconds; the present one unless the action is `raise`. */
  readonly advisedSeconds: number;
  /** The reason in words, with the figures that lead to it. */
  readonly reason: string;
}

/** Fewer ends say little: with 100, a share is known to within ten percentage points, 19 times out of 20. */
const MIN_ENDS = 100;
const MIN_LOOK_UPS = 1_000;
const MAX_SECONDS = 86_400;
/** Observations say nothing about times much longer than those that were observed. */
const MAX_RAISE = 4;

/**
 * Advises on a type's time to live from the observed hits and changes. Answers are never served after a
 * change, so the time to live only decides how long unchanged answers are kept. An answer that was still
 * valid when it expired and was asked for again is a miss that a longer time would have avoided.
 *
 * @param ttlSeconds the present time to live, above 0
 * @returns undefined while there are too few observations
 */
export function adviseTtl(ttlSeconds: number, counts: ObservedCounts): TtlAdvice | undefined {
  const { invalidations, expirations, evictions, misses } = counts;
  const hits = counts.localHits + counts.sharedHits + counts.joined;
  const ends = invalidations + expirations + evictions;
  if (ends < MIN_ENDS || hits + misses < MIN_LOOK_UPS) return undefined;

  const keep = (reason: string): TtlAdvice => ({ action: "keep", advisedSeconds: ttlSeconds, reason });
  const share = (part: number) => `${percent(part, ends)} of ${ends} kept answers`;

  if (evictions > ends / 2) {
    return {
      action: "memory",
      advisedSeconds: ttlSeconds,
      reason: `${share(evictions)} had to make room before they were asked for again: a larger CACHE_MAX_BYTES keeps them, a longer time does not.`,
    };
  }
  if (expirations > ends / 2) {
    const longerSeconds = roundDown(
      Math.min(MAX_RAISE * ttlSeconds, lifeSeconds(ttlSeconds, counts), MAX_SECONDS),
    );
    if (longerSeconds <= ttlSeconds)
      return keep(`${share(expirations)} were still right when their time was up, and it cannot be longer.`);
    return {
      action: "raise",
      advisedSeconds: longerSeconds,
      reason: `${share(expirations)} were still right when their time was up, and were read again: ${percent(expirations, misses)} of all misses.`,
    };
  }
  if (expirations === 0)
    return keep("No answer was kept until its time was up, so a longer time would change nothing.");
  return keep(`${share(expirations)} were still right when their time was up: most end by a change before.`);
}

/**
 * How long an answer stays valid on average: the total time for which answers were seen to be valid, divided
 * by the number of changes. An answer that a change ended is assumed to have been valid for half of its time
 * to live.
 */
function lifeSeconds(ttlSeconds: number, { invalidations, expirations }: ObservedCounts): number {
  return (ttlSeconds * (expirations + invalidations / 2)) / invalidations;
}

/** Rounds down to two digits: more would claim a precision that the figures do not have. */
function roundDown(seconds: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(seconds)) - 1);
  return Math.floor(seconds / unit) * unit;
}

function percent(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}
