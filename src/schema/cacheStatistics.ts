import { builder } from "./builder.ts";
import { cacheControl } from "./cacheControl.ts";

/** What the coherent cache of this instance has done since its start. */
export interface CacheStatistics {
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
  readonly entries: number;
  readonly bytes: number;
  /** Round trips that brought the version table up to date. */
  readonly roundTrips: number;
  /** Those who wait for a change. */
  readonly watchers: number;
  readonly epochChanges: number;
  readonly relayedChanges: number;
}

const CacheStatisticsType = builder.objectRef<CacheStatistics>("CacheStatistics").implement({
  description: "What this instance's cache of rows, lists and figures has done since its start.",
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
    entries: t.expose("entries", { type: "SafeInt", description: "Answers in this process's memory now." }),
    bytes: t.expose("bytes", { type: "SafeInt", description: "Memory that they take, in bytes." }),
    validations: t.expose("roundTrips", {
      type: "SafeInt",
      description: "Round trips that asked what has changed; all requests that wait at one moment share one.",
    }),
    watchers: t.expose("watchers", {
      type: "SafeInt",
      description: "Live queries, and things that somebody follows, that wait for a change now.",
    }),
    epochChanges: t.expose("epochChanges", {
      type: "SafeInt",
      description:
        "How often the cache began anew, because Redis or PostgreSQL was restarted or could not be reached.",
    }),
    relayedChanges: t.expose("relayedChanges", {
      type: "SafeInt",
      description: "Changes by others than the service that this instance has told the version table.",
    }),
  }),
});

builder.queryField("cacheStatistics", (t) =>
  t.field({
    type: CacheStatisticsType,
    description: "What the cache of the instance that answers has done, read now.",
    extensions: cacheControl({ maxAge: 0 }),
    resolve: (_, __, { system }) => system.cacheStatistics(),
  }),
);
