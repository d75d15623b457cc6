import type { LocalCounts } from "./localEntry.ts";

/** The outcomes of the look-ups of one kind of answer. */
export interface LookUpCounts {
  /** Answers from L1, this process's memory. */
  localHits: number;
  /** Answers from L2, beside the version table. */
  sharedHits: number;
  /** Answers that another request was already loading. */
  joined: number;
  /** Answers that had to be loaded. */
  misses: number;
  /** Answers loaded without a look-up, because the cache could vouch for nothing, or is off for the kind. */
  bypasses: number;
  fills: number;
  /** Loaded answers that L1 or L2 rejected, mostly because something they depend on had changed meanwhile. */
  rejectedFills: number;
  /** Loaded answers that cannot be kept: without tags, without a time to live, or not plain data. */
  uncacheable: number;
  /** Failed calls to the version table, and answers that could not be encoded or decoded. */
  errors: number;
}

export interface StoreStatistics extends Readonly<LookUpCounts>, Readonly<LocalCounts> {
  /** How many tags L1 indexes. */
  readonly tags: number;
  /** Round trips that brought the copy of the version table up to date. */
  readonly roundTrips: number;
  /** Watchers that wait for a change. */
  readonly watchers: number;
  readonly kinds: readonly KindStatistics[];
}

export interface KindStatistics extends Readonly<LookUpCounts>, Readonly<LocalCounts> {
  readonly kind: string;
}

const NOTHING_LOOKED_UP: LookUpCounts = {
  localHits: 0,
  sharedHits: 0,
  joined: 0,
  misses: 0,
  bypasses: 0,
  fills: 0,
  rejectedFills: 0,
  uncacheable: 0,
  errors: 0,
};
const NOTHING_KEPT: LocalCounts = { entries: 0, bytes: 0, invalidations: 0, expirations: 0, evictions: 0 };
/** The initial value of sums over kinds. */
export const NOTHING_COUNTED: Readonly<LookUpCounts & LocalCounts> = {
  ...NOTHING_LOOKED_UP,
  ...NOTHING_KEPT,
};

export type CountLookUps = ReturnType<typeof createLookUpCounts>;

/** Counts look-ups by kind of answer. */
export function createLookUpCounts() {
  const kinds = new Map<string, LookUpCounts>();
  return {
    of(kind: string): LookUpCounts {
      let counts = kinds.get(kind);
      if (counts === undefined) {
        counts = { ...NOTHING_LOOKED_UP };
        kinds.set(kind, counts);
      }
      return counts;
    },

    /** The counts of each kind, merged with those of the entries that are kept of it. Sorted by kind. */
    read(kept: ReadonlyMap<string, Readonly<LocalCounts>>): KindStatistics[] {
      return [...new Set([...kinds.keys(), ...kept.keys()])].sort().map((kind) => ({
        kind,
        ...(kinds.get(kind) ?? NOTHING_LOOKED_UP),
        ...(kept.get(kind) ?? NOTHING_KEPT),
      }));
    },

    total(): LookUpCounts {
      const total = { ...NOTHING_LOOKED_UP };
      for (const counts of kinds.values()) {
        for (const name of Object.keys(total) as (keyof LookUpCounts)[]) total[name] += counts[name]; // Safe: its own keys.
      }
      return total;
    },

    reset: (): void => kinds.clear(),
  };
}
