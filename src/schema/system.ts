import type { PoolReport } from "../database/poolReport.ts";
import type { ComponentHealth } from "../repositories/index.ts";
import { builder } from "./builder.ts";
import { cacheControl } from "./cacheControl.ts";
import type { CacheAdministration } from "./cacheMutations.ts";
import type { CacheStatistics } from "./cacheStatistics.ts";
import type { PerformMaintenance } from "./maintenance.ts";
import { PoolStatisticsType } from "./poolStatistics.ts";

export interface ProcessStatistics {
  readonly uptimeSeconds: number;
  readonly residentMemoryBytes: number;
  readonly heapUsedBytes: number;
  /** CPU time since the start, in percent of one core. Several threads can bring it above 100. */
  readonly cpuPercent: number;
  readonly nodeVersion: string;
}

export interface SubscriptionStatistics {
  readonly open: number;
  readonly max: number;
}

/** What the service can report about itself, and what administrators can do to it. */
export interface SystemReports {
  readonly health: () => Promise<{
    readonly isHealthy: boolean;
    readonly components: readonly ComponentHealth[];
  }>;
  readonly cacheStatistics: () => Promise<CacheStatistics>;
  readonly cache: CacheAdministration;
  readonly performMaintenance: PerformMaintenance;
  readonly statistics: () => {
    readonly pool: PoolReport;
    readonly process: ProcessStatistics;
    readonly subscriptions: SubscriptionStatistics;
  };
}

const HealthStatus = builder.enumType("HealthStatus", {
  description: "Whether the service, or a part of it, can do its work.",
  values: {
    HEALTHY: { description: "It can do its work." },
    UNHEALTHY: { description: "It cannot do its work." },
  } as const,
});

const statusOf = (isHealthy: boolean) => (isHealthy ? "HEALTHY" : "UNHEALTHY");

const ComponentHealthType = builder.objectRef<ComponentHealth>("ComponentHealth").implement({
  description: "The health of one part of the service.",
  fields: (t) => ({
    name: t.exposeString("name", {
      description:
        "The name of the part: `database`, `migrations`, `cache`, `users`, `projects`, `conversionJobs`, or `replica 1` and so on.",
    }),
    status: t.field({
      type: HealthStatus,
      description: "Whether the part can do its work.",
      resolve: ({ isHealthy }) => statusOf(isHealthy),
    }),
    latencyMs: t.exposeFloat("latencyMs", { description: "How long the check took, in milliseconds." }),
    message: t.exposeString("message", {
      nullable: true,
      description: "Details, such as why the part is unhealthy; null if there are none.",
    }),
  }),
});

const Health = builder.objectRef<Awaited<ReturnType<SystemReports["health"]>>>("Health").implement({
  description: "The health of the service.",
  fields: (t) => ({
    status: t.field({
      type: HealthStatus,
      description:
        "Whether every part that the service needs can do its work. The cache and the replicas are not needed: without them the service is slower, but its answers are as correct.",
      resolve: ({ isHealthy }) => statusOf(isHealthy),
    }),
    components: t.expose("components", {
      authScopes: { administrator: true },
      type: [ComponentHealthType],
      description: "The health of each part. Administrators only.",
    }),
  }),
});

const ProcessStatisticsType = builder.objectRef<ProcessStatistics>("ProcessStatistics").implement({
  description: "Statistics of the process that answers.",
  fields: (t) => ({
    uptimeSeconds: t.exposeFloat("uptimeSeconds", {
      description: "The time since the start of the process, in seconds.",
    }),
    residentMemoryBytes: t.expose("residentMemoryBytes", {
      type: "SafeInt",
      description: "The memory that the process holds (its resident set), in bytes.",
    }),
    heapUsedBytes: t.expose("heapUsedBytes", {
      type: "SafeInt",
      description: "The memory in use on the JavaScript heap, in bytes.",
    }),
    cpuPercent: t.exposeFloat("cpuPercent", {
      description:
        "The CPU time since the process's start, in percent of one core. Several threads can bring it above 100.",
    }),
    nodeVersion: t.exposeString("nodeVersion", {
      description: "The version of Node.js that runs the process.",
    }),
  }),
});

const SubscriptionStatisticsType = builder
  .objectRef<SubscriptionStatistics>("SubscriptionStatistics")
  .implement({
    description: "The subscriptions and live queries that this instance serves.",
    fields: (t) => ({
      open: t.exposeInt("open", {
        description: "The number of subscriptions and live queries that are open.",
      }),
      max: t.exposeInt("max", {
        description: "The maximum number of subscriptions and live queries that may be open at once.",
      }),
    }),
  });

const ServiceStatistics = builder
  .objectRef<ReturnType<SystemReports["statistics"]>>("ServiceStatistics")
  .implement({
    description: "Statistics of the instance that answers.",
    fields: (t) => ({
      pool: t.expose("pool", {
        type: PoolStatisticsType,
        description: "The instance's connections to the database.",
      }),
      process: t.expose("process", { type: ProcessStatisticsType, description: "The process that answers." }),
      subscriptions: t.expose("subscriptions", {
        type: SubscriptionStatisticsType,
        description: "The subscriptions and live queries that the instance serves.",
      }),
    }),
  });

builder.queryFields((t) => ({
  health: t.field({
    authScopes: { anyone: true },
    type: Health,
    description: "Whether the service and each of its parts can do their work, checked now.",
    extensions: cacheControl({ maxAge: 0 }),
    resolve: (_, __, { system }) => system.health(),
  }),
  poolStatistics: t.field({
    authScopes: { administrator: true },
    type: PoolStatisticsType,
    description:
      "The connections to the database of the instance that answers, and advice on them. Administrators only.",
    extensions: cacheControl({ maxAge: 0 }),
    resolve: (_, __, { system }) => system.statistics().pool,
  }),
  statistics: t.field({
    authScopes: { administrator: true },
    type: ServiceStatistics,
    description: "Statistics of the instance that answers, read now. Administrators only.",
    extensions: cacheControl({ maxAge: 0 }),
    resolve: (_, __, { system }) => system.statistics(),
  }),
}));
