import type { CacheCounters as ManagerCounters } from "../cache/statistics.ts";
import { builder } from "./builder.ts";

/** Statistics of the cache manager. It keeps data that may be stale, and keeps it in Redis alone. */
export interface CacheManagerReport {
  readonly since: Date;
  readonly total: ManagerCounters;
  readonly prefixes: readonly (ManagerCounters & { readonly prefix: string })[];
}

const ManagerCountersType = builder.interfaceRef<ManagerCounters>("CacheManagerCounters").implement({
  description: "Counters of keys in Redis, and the duration of calls about them.",
  fields: (t) => ({
    hits: t.expose("hits", { type: "SafeInt", description: "The number of keys that were read and found." }),
    misses: t.expose("misses", {
      type: "SafeInt",
      description: "The number of keys that were read and not found.",
    }),
    errors: t.expose("errors", {
      type: "SafeInt",
      description:
        "The number of keys whose read or write got no answer, or an answer that could not be decoded. They are neither hits nor misses.",
    }),
    writes: t.expose("writes", {
      type: "SafeInt",
      description: "The number of keys that were stored, deleted, incremented or given a new time to live.",
    }),
    hitRate: t.exposeFloat("hitRate", {
      description: "The share of hits among hits and misses: 0 to 1. It is 0 if nothing was read.",
    }),
    bytesRead: t.expose("bytesRead", {
      type: "SafeInt",
      description: "The size of the encoded values that were read, in bytes.",
    }),
    bytesWritten: t.expose("bytesWritten", {
      type: "SafeInt",
      description: "The size of the encoded values that were written, in bytes.",
    }),
    latencyP50Ms: t.float({
      description: "The median duration of calls that Redis answered, in milliseconds.",
      resolve: ({ latencyMs }) => latencyMs.p50,
    }),
    latencyP95Ms: t.float({
      description: "The 95th percentile of the duration of calls that Redis answered, in milliseconds.",
      resolve: ({ latencyMs }) => latencyMs.p95,
    }),
    latencyP99Ms: t.float({
      description: "The 99th percentile of the duration of calls that Redis answered, in milliseconds.",
      resolve: ({ latencyMs }) => latencyMs.p99,
    }),
  }),
});

const CacheManagerTotal = builder.objectRef<ManagerCounters>("CacheManagerTotal").implement({
  description: "The counters of all keys together.",
  interfaces: [ManagerCountersType],
});

const CacheManagerPrefix = builder
  .objectRef<ManagerCounters & { readonly prefix: string }>("CacheManagerPrefix")
  .implement({
    description: "The counters of the keys with one prefix.",
    interfaces: [ManagerCountersType],
    fields: (t) => ({
      prefix: t.exposeString("prefix", {
        description:
          "What the keys have before their first `:`. `*` stands for all keys beyond the first 64 prefixes.",
      }),
    }),
  });

export const CacheManagerStatistics = builder
  .objectRef<CacheManagerReport>("CacheManagerStatistics")
  .implement({
    description:
      "Statistics of the data that the platform keeps in Redis beside the coherent cache, and that may be stale.",
    fields: (t) => ({
      since: t.expose("since", { type: "DateTime", description: "When counting began." }),
      total: t.expose("total", {
        type: CacheManagerTotal,
        description: "The counters of all keys together.",
      }),
      prefixes: t.expose("prefixes", {
        type: [CacheManagerPrefix],
        description: "The counters by the keys' prefixes.",
      }),
    }),
  });
