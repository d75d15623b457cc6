import type { CacheCounters as ManagerCounters } from "../cache/statistics.ts";
import { builder } from "./builder.ts";

/** What the cache manager has done: for what may be stale, in Redis alone. */
export interface CacheManagerReport {
  readonly since: Date;
  readonly total: ManagerCounters;
  readonly prefixes: readonly (ManagerCounters & { readonly prefix: string })[];
}

const ManagerCountersType = builder.interfaceRef<ManagerCounters>("CacheManagerCounters").implement({
  description: "What became of keys in Redis.",
  fields: (t) => ({
    hits: t.expose("hits", { type: "SafeInt", description: "Keys that were read and there." }),
    misses: t.expose("misses", { type: "SafeInt", description: "Keys that were read and not there." }),
    errors: t.expose("errors", {
      type: "SafeInt",
      description: "Keys whose read or write got no answer, or one that could not be decoded.",
    }),
    writes: t.expose("writes", {
      type: "SafeInt",
      description: "Keys that were stored, deleted, counted up or given a new time to live.",
    }),
    hitRate: t.exposeFloat("hitRate", {
      description: "Hits among hits and misses, 0 to 1; 0 when nothing was asked for.",
    }),
    bytesRead: t.expose("bytesRead", { type: "SafeInt", description: "Of values, encoded." }),
    bytesWritten: t.expose("bytesWritten", { type: "SafeInt", description: "Of values, encoded." }),
    latencyP50Ms: t.float({
      description: "How long calls took, in milliseconds: half of them were faster.",
      resolve: ({ latencyMs }) => latencyMs.p50,
    }),
    latencyP95Ms: t.float({
      description: "95 of 100 were faster.",
      resolve: ({ latencyMs }) => latencyMs.p95,
    }),
    latencyP99Ms: t.float({
      description: "99 of 100 were faster.",
      resolve: ({ latencyMs }) => latencyMs.p99,
    }),
  }),
});

const CacheManagerTotal = builder.objectRef<ManagerCounters>("CacheManagerTotal").implement({
  description: "All keys together.",
  interfaces: [ManagerCountersType],
});

const CacheManagerPrefix = builder
  .objectRef<ManagerCounters & { readonly prefix: string }>("CacheManagerPrefix")
  .implement({
    description: "Keys that begin alike.",
    interfaces: [ManagerCountersType],
    fields: (t) => ({
      prefix: t.exposeString("prefix", {
        description: 'What stands before the first ":"; "*": all beyond the first 64 prefixes.',
      }),
    }),
  });

export const CacheManagerStatistics = builder
  .objectRef<CacheManagerReport>("CacheManagerStatistics")
  .implement({
    description: "What the platform keeps in Redis beside the coherent cache, and what may be stale.",
    fields: (t) => ({
      since: t.expose("since", { type: "DateTime", description: "When counting began." }),
      total: t.expose("total", { type: CacheManagerTotal, description: "All keys together." }),
      prefixes: t.expose("prefixes", { type: [CacheManagerPrefix], description: "By what they begin with." }),
    }),
  });
