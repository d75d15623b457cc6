import type { ReplicaStatistics } from "../coherence/replicaReads.ts";
import { builder } from "./builder.ts";
import { cacheControl } from "./cacheControl.ts";
import { type CacheCounters, CacheCountersType } from "./cacheCounters.ts";
import { type CacheManagerReport, CacheManagerStatistics } from "./cacheManagerStatistics.ts";
import { CacheReplicaType } from "./cacheReplica.ts";
import { type CacheStatus, CacheStatusType } from "./cacheStatus.ts";

/** One kind of answer. */
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

/** What the cache of this instance has done since its start, or since its figures were reset. */
export interface CacheStatistics extends CacheCounters {
  readonly since: Date;
  readonly status: CacheStatus;
  /** Round trips that brought the version table up to date. */
  readonly roundTrips: number;
  /** Those who wait for a change. */
  readonly watchers: number;
  readonly epochChanges: number;
  readonly relayedChanges: number;
  readonly relay: CacheRelayReport;
  readonly layers: readonly CacheLayerReport[];
  readonly replay: CacheReplayReport;
  /** Undefined without Redis. */
  readonly manager: CacheManagerReport | undefined;
  /** Empty without any. */
  readonly replicas: readonly ReplicaStatistics[];
  readonly samples: number;
  readonly violations: number;
  readonly advice: readonly CacheAdviceReport[];
}

const CacheKindType = builder.objectRef<CacheKindReport>("CacheKind").implement({
  description: "One kind of kept answer.",
  interfaces: [CacheCountersType],
  fields: (t) => ({
    kind: t.exposeString("kind", {
      description: "`user`, `projects`, `jobStatistics`: the name of what reads it.",
    }),
  }),
});

const CacheLayerNameType = builder.enumType("CacheLayerName", {
  description: "A layer of the cache.",
  values: {
    RESPONSES: { value: "responses", description: "Whole answers of queries." },
    ENTITIES: { value: "entities", description: "Rows." },
    COLLECTIONS: { value: "collections", description: "Pages and totals of lists." },
    STATISTICS: { value: "statistics", description: "Figures over rows." },
  } as const,
});

const CacheLayerType = builder.objectRef<CacheLayerReport>("CacheLayer").implement({
  description: "One layer of the cache.",
  interfaces: [CacheCountersType],
  fields: (t) => ({
    layer: t.expose("layer", { type: CacheLayerNameType, description: "Which one." }),
    kinds: t.expose("kinds", { type: [CacheKindType], description: "What it consists of." }),
  }),
});

const CacheReplayType = builder.objectRef<CacheReplayReport>("CacheReplay").implement({
  description:
    "Requests that are answered before GraphQL is entered, because the same bytes were sent before.",
  fields: (t) => ({
    requests: t.expose("requests", { type: "SafeInt", description: "Requests that are remembered now." }),
    bytes: t.expose("bytes", { type: "SafeInt", description: "Memory that they take, in bytes." }),
    hits: t.expose("hits", { type: "SafeInt", description: "Requests that were answered that way." }),
    misses: t.expose("misses", {
      type: "SafeInt",
      description: "Requests that were remembered, and whose answer was no longer kept or no longer right.",
    }),
  }),
});

const CacheRelayType = builder.objectRef<CacheRelayReport>("CacheRelay").implement({
  description:
    "How changes by others than the service come to the cache: they write no tags into Redis, so every instance looks for them.",
  fields: (t) => ({
    lastReportAgeMs: t.float({
      nullable: true,
      description:
        "How long ago the instant is up to which this instance last reported every change as told, in milliseconds. Above 1,000, and if no other instance reports either, nothing is served from the cache. Null: it has not reported yet.",
      resolve: ({ reportAgeMs }) => reportAgeMs ?? null,
    }),
    lagP50Ms: t.float({
      description:
        "How late changes were told, from their statement on, in milliseconds: half of them were faster.",
      resolve: ({ lag }) => lag.p50Ms,
    }),
    lagP99Ms: t.float({ description: "99 of 100 were faster.", resolve: ({ lag }) => lag.p99Ms }),
    lagMaxMs: t.float({ description: "The slowest.", resolve: ({ lag }) => lag.maxMs }),
  }),
});

const CacheAdviceType = builder.objectRef<CacheAdviceReport>("CacheAdvice").implement({
  description: "What the figures say of one setting of the cache.",
  fields: (t) => ({
    setting: t.exposeString("setting", {
      description: "The time to live that was looked at: `CACHE_TTL_USER`.",
    }),
    action: t.field({
      type: builder.enumType("CacheAdviceAction", {
        description: "What to do.",
        values: {
          KEEP: { value: "keep", description: "Nothing: it is as it should be." },
          RAISE: { value: "raise", description: "Give it a longer time." },
          MEMORY: { value: "memory", description: "Give the cache more memory: `CACHE_MAX_BYTES`." },
        } as const,
      }),
      description: "What to do.",
      resolve: ({ action }) => action,
    }),
    currentSeconds: t.exposeInt("currentSeconds", { description: "What is set, in seconds." }),
    advisedSeconds: t.exposeInt("advisedSeconds", { description: "What should be, in seconds." }),
    reason: t.exposeString("reason", { description: "Why, with the figures." }),
  }),
});

const CacheStatisticsType = builder.objectRef<CacheStatistics>("CacheStatistics").implement({
  description:
    "What this instance's cache of answers, rows, lists and figures has done since its start, or since its figures were reset.",
  interfaces: [CacheCountersType],
  fields: (t) => ({
    since: t.expose("since", { type: "DateTime", description: "When counting began." }),
    status: t.expose("status", { type: CacheStatusType, description: "Whether it serves, asked now." }),
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
        "How often since its start the cache began anew, because Redis or PostgreSQL was restarted or could not be reached.",
    }),
    relayedChanges: t.expose("relayedChanges", {
      type: "SafeInt",
      description: "Changes by others than the service that this instance has told the version table.",
    }),
    relay: t.expose("relay", { type: CacheRelayType, description: "How those changes came." }),
    layers: t.expose("layers", {
      type: [CacheLayerType],
      description: "The same figures by layer and kind.",
    }),
    replay: t.expose("replay", {
      type: CacheReplayType,
      description: "Requests that were answered before GraphQL was entered; their answers are counted above.",
    }),
    manager: t.field({
      type: CacheManagerStatistics,
      nullable: true,
      description: "What else the platform keeps in Redis. Null without Redis.",
      resolve: ({ manager }) => manager ?? null,
    }),
    replicas: t.expose("replicas", {
      type: [CacheReplicaType],
      description: "The replicas of the database that are read from (`DATABASE_REPLICA_URLS`).",
    }),
    samples: t.expose("samples", {
      type: "SafeInt",
      description: "Hits that were compared with what the database says (`CACHE_SAMPLE_RATE`).",
    }),
    violations: t.expose("violations", {
      type: "SafeInt",
      description:
        "Those that were wrong: always 0, unless triggers were disabled or this service has a fault.",
    }),
    advice: t.expose("advice", {
      type: [CacheAdviceType],
      description: "What the figures say of the times to live, for those with enough of them.",
    }),
  }),
});

builder.queryField("cacheStatistics", (t) =>
  t.field({
    authScopes: { administrator: true },
    type: CacheStatisticsType,
    description: "What the cache of the instance that answers has done, read now.",
    extensions: cacheControl({ maxAge: 0 }),
    resolve: (_, __, { system }) => system.cacheStatistics(),
  }),
);
