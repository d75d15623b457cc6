import type { KindStatistics } from "./storeStatistics.ts";

/** How kept answers of one type were used, and how they ended. */
export type ObservedCounts = Pick<
  KindStatistics,
  "localHits" | "sharedHits" | "joined" | "misses" | "invalidations" | "expirations" | "evictions"
>;

export interface TtlAdvice {
  /** What to change, or (`keep`) what is as it should be. `memory`: the time to live is not what ends answers. */
  readonly action: "keep" | "raise" | "memory";
  /** The time to live to set, in seconds. */
  readonly advisedSeconds: number;
  /** In words, with the figures that lead there. */
  readonly reason: string;
}

/** Fewer than this say little: at 100 ends a share is known to within ten percent, 19 times of 20. */
const MIN_ENDS = 100;
const MIN_LOOK_UPS = 1_000;
const MAX_SECONDS = 86_400;
/** What was seen says nothing of times much longer than those it was seen in. */
const MAX_RAISE = 4;

/**
 * What the observed hits and changes say of a type's time to live. As answers are never served after a
 * change, it decides nothing but how long those are kept that did not change: an answer that was
 * still right when its time was up, and was asked for again, is a miss that a longer time would have saved.
 *
 * @param ttlSeconds the present time to live, above 0
 * @returns undefined while there is too little to go by
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
 * How long an answer stays right on average: the time that answers were seen being right, for each
 * change. Those that a change ended are taken to have been right for half of their time.
 */
function lifeSeconds(ttlSeconds: number, { invalidations, expirations }: ObservedCounts): number {
  return (ttlSeconds * (expirations + invalidations / 2)) / invalidations;
}

/** To two digits: more would claim what is not known. */
function roundDown(seconds: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(seconds)) - 1);
  return Math.floor(seconds / unit) * unit;
}

function percent(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}
