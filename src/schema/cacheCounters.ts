import { builder } from "./builder.ts";

/** What became of look-ups, and of what was kept. */
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

/** Implemented by the whole, by its layers and by their kinds. */
export const CacheCountersType = builder.interfaceRef<CacheCounters>("CacheCounters").implement({
  description: "What became of look-ups in the cache, and of what was kept.",
  fields: (t) => ({
    hitRate: t.float({
      nullable: true,
      description: "Hits among all look-ups, 0 to 1; null before the first.",
      resolve: ({ localHits, sharedHits, joined, misses, bypasses }) => {
        const hits = localHits + sharedHits + joined;
        const lookUps = hits + misses + bypasses;
        return lookUps === 0 ? null : hits / lookUps;
      },
    }),
    localHits: t.expose("localHits", { type: "SafeInt", description: "Answers from this process's memory." }),
    sharedHits: t.expose("sharedHits", { type: "SafeInt", description: "Answers from Redis." }),
    joinedHits: t.expose("joined", {
      type: "SafeInt",
      description: "Answers that another request was reading already.",
    }),
    misses: t.expose("misses", { type: "SafeInt", description: "Answers that were read from the database." }),
    bypasses: t.expose("bypasses", {
      type: "SafeInt",
      description: "Answers that were read from the database because the cache could not vouch for any.",
    }),
    fills: t.expose("fills", { type: "SafeInt", description: "Answers that were kept." }),
    rejectedFills: t.expose("rejectedFills", {
      type: "SafeInt",
      description: "Answers that were not kept: something they depend on had changed meanwhile.",
    }),
    uncacheable: t.expose("uncacheable", {
      type: "SafeInt",
      description: "Answers that are for one request alone.",
    }),
    errors: t.expose("errors", {
      type: "SafeInt",
      description: "Failed calls to the version table; each request went on without.",
    }),
    invalidations: t.expose("invalidations", {
      type: "SafeInt",
      description: "Kept answers that a change has ended.",
    }),
    expirations: t.expose("expirations", {
      type: "SafeInt",
      description: "Kept answers that were asked for when their time was up, and were still right.",
    }),
    evictions: t.expose("evictions", {
      type: "SafeInt",
      description: "Kept answers that had to make room for others.",
    }),
    entries: t.expose("entries", { type: "SafeInt", description: "Answers in this process's memory now." }),
    bytes: t.expose("bytes", { type: "SafeInt", description: "Memory that they take, in bytes." }),
  }),
});
