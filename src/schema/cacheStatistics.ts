import type { ReplicaStatistics } from "../coherence/replicaReads.ts";
import { builder } from "./builder.ts";
import { cacheControl } from "./cacheControl.ts";
import { type CacheCounters, CacheCountersType } from "./cacheCounters.ts";
import { type CacheManagerReport, CacheManagerStatistics } from "./cacheManagerStatistics.ts";
import { CacheReplicaType } from "./cacheReplica.ts";
import { type CacheStatus, CacheStatusType } from "./cacheStatus.ts";

/** The counters of one kind of answer. */
export interface CacheKindReport extends CacheCounters {
  readonly kind: string;
}

export type CacheLayerName = "responses" | "entities" | "collections" | "statistics";

export interface CacheLayerReport extends CacheCounters {
  readonly layer: CacheLayerName;
  readonly kinds: readonly CacheKindReport[];
}

export interface CacheReplayReport {
  readonly requests: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
}

export interface CacheRelayReport {
  readonly reportAgeMs: number | undefined;
  readonly lag: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
}

export interface CacheAdviceReport {
  readonly setting: string;
  readonly action: "keep" | "raise" | "memory";
  readonly currentSeconds: number;
  readonly advisedSeconds: number;
  readonly reason: string;
}

/** The statistics of this instance's cache since its start, or since they were last reset. */
export interface CacheStatistics extends CacheCounters {
  readonly since: Date;
  readonly status: CacheStatus;
  /** Round trips that brought this process's copy of the version table up to date. */
  readonly roundTrips: number;
  /** Watchers that wait for a change. */
  readonly watchers: number;
  readonly epochChanges: number;
  readonly relayedChanges: number;
  readonly relay: CacheRelayReport;
  readonly layers: readonly CacheLayerReport[];
  readonly replay: CacheReplayReport;
  /** Undefined without Redis. */
  readonly manager: CacheManagerReport | undefined;
  /** Empty if there are no replicas. */
  readonly replicas: readonly ReplicaStatistics[];
  readonly samples: number;
  readonly violations: number;
  readonly advice: readonly CacheAdviceReport[];
}

const CacheKindType = builder.objectRef<CacheKindReport>("CacheKind").implement({
  description: "One kind of cached answer.",
  interfaces: [CacheCountersType],
  fields: (t) => ({
    kind: t.exposeString("kind", {
      description: "The name of the kind, such as `user`, `projects` or `jobStatistics`.",
    }),
  }),
});

const CacheLayerNameType = builder.enumType("CacheLayerName", {
  description: "A layer of the cache.",
  values: {
    RESPONSES: { value: "responses", description: "Whole responses to queries." },
    ENTITIES: { value: "entities", description: "Single rows." },
    COLLECTIONS: { value: "collections", description: "Pages and totals of lists." },
    STATISTICS: { value: "statistics", description: "Statistics about rows." },
  } as const,
});

const CacheLayerType = builder.objectRef<CacheLayerReport>("CacheLayer").implement({
  description: "One layer of the cache.",
  interfaces: [CacheCountersType],
  fields: (t) => ({
    layer: t.expose("layer", { type: CacheLayerNameType, description: "Which layer it is." }),
    kinds: t.expose("kinds", { type: [CacheKindType], description: "The kinds of answers in the layer." }),
  }),
});

const CacheReplayType = builder.objectRef<CacheReplayReport>("CacheReplay").implement({
  description:
    "Replayed requests: they are answered before they reach GraphQL, because a request of the same bytes was sent before.",
  fields: (t) => ({
    requests: t.expose("requests", {
      type: "SafeInt",
      description: "The number of requests that are remembered now.",
    }),
    bytes: t.expose("bytes", {
      type: "SafeInt",
      description: "The memory that the remembered requests take, in bytes.",
    }),
    hits: t.expose("hits", { type: "SafeInt", description: "The number of requests that were replayed." }),
    misses: t.expose("misses", {
      type: "SafeInt",
      description:
        "The number of requests that were remembered, but whose answer was no longer cached or no longer valid.",
    }),
  }),
});

const CacheRelayType = builder.objectRef<CacheRelayReport>("CacheRelay").implement({
  description:
    "How the cache learns of changes by programs other than the service. These write no tags into Redis, so every instance looks for their changes in the database.",
  fields: (t) => ({
    lastReportAgeMs: t.float({
      nullable: true,
      description:
        "The age of the instant up to which this instance has reported all such changes, in milliseconds. If it is above 1,000, and no other instance reports either, nothing is served from the cache. Null if this instance has not reported yet.",
      resolve: ({ reportAgeMs }) => reportAgeMs ?? null,
    }),
    lagP50Ms: t.float({
      description: "The median time from the statement that made a change to its report, in milliseconds.",
      resolve: ({ lag }) => lag.p50Ms,
    }),
    lagP99Ms: t.float({
      description:
        "The 99th percentile of the time from the statement that made a change to its report, in milliseconds.",
      resolve: ({ lag }) => lag.p99Ms,
    }),
    lagMaxMs: t.float({
      description: "The longest time from the statement that made a change to its report, in milliseconds.",
      resolve: ({ lag }) => lag.maxMs,
    }),
  }),
});

const CacheAdviceType = builder.objectRef<CacheAdviceReport>("CacheAdvice").implement({
  description: "Advice on one setting of the cache, based on the cache's statistics.",
  fields: (t) => ({
    setting: t.exposeString("setting", {
      description: "The setting that the advice is about: a time to live, such as `CACHE_TTL_USER`.",
    }),
    action: t.field({
      type: builder.enumType("CacheAdviceAction", {
        description: "What to do about a setting of the cache.",
        values: {
          KEEP: { value: "keep", description: "Leave the setting as it is." },
          RAISE: { value: "raise", description: "Set a longer time to live." },
          MEMORY: { value: "memory", description: "Give the cache more memory (`CACHE_MAX_BYTES`)." },
        } as const,
      }),
      description: "What to do about the setting.",
      resolve: ({ action }) => action,
    }),
    currentSeconds: t.exposeInt("currentSeconds", {
      description: "The present value of the setting, in seconds.",
    }),
    advisedSeconds: t.exposeInt("advisedSeconds", {
      description: "The advised value of the setting, in seconds.",
    }),
    reason: t.exposeString("reason", {
      description: "The reason for the advice, with the numbers that it is based on.",
    }),
  }),
});

const CacheStatisticsType = builder.objectRef<CacheStatistics>("CacheStatistics").implement({
  description:
    "Statistics of this instance's cache of responses, rows, lists and statistics, since the instance's start or since they were last reset.",
  interfaces: [CacheCountersType],
  fields: (t) => ({
    since: t.expose("since", { type: "DateTime", description: "When counting began." }),
    status: t.expose("status", {
      type: CacheStatusType,
      description: "Whether the cache is serving, checked now.",
    }),
    validations: t.expose("roundTrips", {
      type: "SafeInt",
      description:
        "The number of round trips to the version table that asked what has changed. All requests that wait at the same moment share one.",
    }),
    watchers: t.expose("watchers", {
      type: "SafeInt",
      description:
        "The number of live queries, and of followed jobs and projects, that are waiting for a change now.",
    }),
    epochChanges: t.expose("epochChanges", {
      type: "SafeInt",
      description:
        "How often the cache has begun a new epoch since the instance's start, because Redis or PostgreSQL was restarted or could not be reached.",
    }),
    relayedChanges: t.expose("relayedChanges", {
      type: "SafeInt",
      description:
        "The number of changes by programs other than the service that this instance has reported to the version table.",
    }),
    relay: t.expose("relay", {
      type: CacheRelayType,
      description: "How the cache learns of changes by programs other than the service.",
    }),
    layers: t.expose("layers", {
      type: [CacheLayerType],
      description: "The same counters by layer and kind.",
    }),
    replay: t.expose("replay", {
      type: CacheReplayType,
      description:
        "Replayed requests, which were answered before they reached GraphQL. The other counters include their answers.",
    }),
    manager: t.field({
      type: CacheManagerStatistics,
      nullable: true,
      description: "What else the platform keeps in Redis. Null if there is no Redis.",
      resolve: ({ manager }) => manager ?? null,
    }),
    replicas: t.expose("replicas", {
      type: [CacheReplicaType],
      description: "The database replicas that the instance reads from (`DATABASE_REPLICA_URLS`).",
    }),
    samples: t.expose("samples", {
      type: "SafeInt",
      description: "The number of hits that were compared with the database (`CACHE_SAMPLE_RATE`).",
    }),
    violations: t.expose("violations", {
      type: "SafeInt",
      description:
        "The number of compared hits that were wrong. It is always 0, unless triggers were disabled or the service has a fault.",
    }),
    advice: t.expose("advice", {
      type: [CacheAdviceType],
      description: "Advice on the times to live, for those with enough data.",
    }),
  }),
});

builder.queryField("cacheStatistics", (t) =>
  t.field({
    authScopes: { administrator: true },
    type: CacheStatisticsType,
    description: "Statistics of the cache of the instance that answers, read now. Administrators only.",
    extensions: cacheControl({ maxAge: 0 }),
    resolve: (_, __, { system }) => system.cacheStatistics(),
  }),
);
