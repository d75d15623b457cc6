import { builder } from "./builder.ts";

/** Counts the outcomes of look-ups, and what became of cached answers. */
export interface CacheCounters {
  readonly localHits: number;
  readonly sharedHits: number;
  readonly joined: number;
  readonly misses: number;
  readonly bypasses: number;
  readonly fills: number;
  readonly rejectedFills: number;
  readonly uncacheable: number;
  readonly errors: number;
  readonly invalidations: number;
  readonly expirations: number;
  readonly evictions: number;
  readonly entries: number;
  readonly bytes: number;
}

/** Implemented by the cache as a whole, by its layers and by their kinds. */
export const CacheCountersType = builder.interfaceRef<CacheCounters>("CacheCounters").implement({
  description: "Counters of look-ups in the cache, and of cached answers.",
  fields: (t) => ({
    hitRate: t.float({
      nullable: true,
      description: "The share of look-ups that were hits: 0 to 1. Null before the first look-up.",
      resolve: ({ localHits, sharedHits, joined, misses, bypasses }) => {
        const hits = localHits + sharedHits + joined;
        const lookUps = hits + misses + bypasses;
        return lookUps === 0 ? null : hits / lookUps;
      },
    }),
    localHits: t.expose("localHits", {
      type: "SafeInt",
      description: "The number of answers that were served from this process's memory.",
    }),
    sharedHits: t.expose("sharedHits", {
      type: "SafeInt",
      description: "The number of answers that were served from Redis.",
    }),
    joinedHits: t.expose("joined", {
      type: "SafeInt",
      description:
        "The number of answers that were shared with another request, which was already loading them.",
    }),
    misses: t.expose("misses", {
      type: "SafeInt",
      description: "The number of answers that were not cached and had to be read from the database.",
    }),
    bypasses: t.expose("bypasses", {
      type: "SafeInt",
      description:
        "The number of answers that were read from the database without a look-up, because the cache could not vouch for any or does not keep this kind.",
    }),
    fills: t.expose("fills", {
      type: "SafeInt",
      description: "The number of answers that were stored in the cache.",
    }),
    rejectedFills: t.expose("rejectedFills", {
      type: "SafeInt",
      description:
        "The number of answers that were not stored, because something that they depend on had changed in the meantime.",
    }),
    uncacheable: t.expose("uncacheable", {
      type: "SafeInt",
      description: "The number of answers that were not stored, because they are for one request alone.",
    }),
    errors: t.expose("errors", {
      type: "SafeInt",
      description:
        "The number of failed calls to the version table, and of answers that could not be encoded. The requests went on without the cache.",
    }),
    invalidations: t.expose("invalidations", {
      type: "SafeInt",
      description: "The number of cached answers that were invalidated by a change.",
    }),
    expirations: t.expose("expirations", {
      type: "SafeInt",
      description:
        "The number of cached answers that were still valid when they were asked for, but whose time to live had run out.",
    }),
    evictions: t.expose("evictions", {
      type: "SafeInt",
      description: "The number of cached answers that were removed to make room for others.",
    }),
    entries: t.expose("entries", {
      type: "SafeInt",
      description: "The number of answers in this process's memory now.",
    }),
    bytes: t.expose("bytes", {
      type: "SafeInt",
      description: "The memory that cached answers take in this process, in bytes.",
    }),
  }),
});
