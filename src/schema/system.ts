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
  /** Share of one core since the start, in percent; several threads can make it more than 100. */
  readonly cpuPercent: number;
  readonly nodeVersion: string;
}

export interface SubscriptionStatistics {
  readonly open: number;
  readonly max: number;
}

/** What the service can say of itself. */
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
  description: "Whether something can do its work.",
  values: { HEALTHY: { description: "It can." }, UNHEALTHY: { description: "It cannot." } } as const,
});

const statusOf = (isHealthy: boolean) => (isHealthy ? "HEALTHY" : "UNHEALTHY");

const ComponentHealthType = builder.objectRef<ComponentHealth>("ComponentHealth").implement({
  description: "Whether one part of the service can do its work.",
  fields: (t) => ({
    name: t.exposeString("name", {
      description: "`database`, `migrations`, `cache`, `users`, `projects` or `conversionJobs`.",
    }),
    status: t.field({
      type: HealthStatus,
      description: "Whether it can.",
      resolve: ({ isHealthy }) => statusOf(isHealthy),
    }),
    latencyMs: t.exposeFloat("latencyMs", { description: "How long it took to find out, in milliseconds." }),
    message: t.exposeString("message", { nullable: true, description: "What there is to say of it." }),
  }),
});

const Health = builder.objectRef<Awaited<ReturnType<SystemReports["health"]>>>("Health").implement({
  description: "Whether the service can do its work.",
  fields: (t) => ({
    status: t.field({
      type: HealthStatus,
      description: "Whether every part that the service needs can.",
      resolve: ({ isHealthy }) => statusOf(isHealthy),
    }),
    components: t.expose("components", {
      authScopes: { administrator: true },
      type: [ComponentHealthType],
      description: "Each part.",
    }),
  }),
});

const ProcessStatisticsType = builder.objectRef<ProcessStatistics>("ProcessStatistics").implement({
  description: "The process that answers.",
  fields: (t) => ({
    uptimeSeconds: t.exposeFloat("uptimeSeconds", { description: "Seconds since its start." }),
    residentMemoryBytes: t.expose("residentMemoryBytes", {
      type: "SafeInt",
      description: "Memory that it holds.",
    }),
    heapUsedBytes: t.expose("heapUsedBytes", { type: "SafeInt", description: "JavaScript's part of that." }),
    cpuPercent: t.exposeFloat("cpuPercent", {
      description: "Share of one core since the start, in percent.",
    }),
    nodeVersion: t.exposeString("nodeVersion", { description: "The version of Node.js." }),
  }),
});

const SubscriptionStatisticsType = builder
  .objectRef<SubscriptionStatistics>("SubscriptionStatistics")
  .implement({
    description: "The subscriptions and live queries that this instance serves.",
    fields: (t) => ({
      open: t.exposeInt("open", { description: "Those that are open." }),
      max: t.exposeInt("max", { description: "As many as there may be." }),
    }),
  });

const ServiceStatistics = builder
  .objectRef<ReturnType<SystemReports["statistics"]>>("ServiceStatistics")
  .implement({
    description: "Figures of this instance of the service.",
    fields: (t) => ({
      pool: t.expose("pool", { type: PoolStatisticsType, description: "The connections to the database." }),
      process: t.expose("process", { type: ProcessStatisticsType, description: "The process that answers." }),
      subscriptions: t.expose("subscriptions", {
        type: SubscriptionStatisticsType,
        description: "The subscriptions and live queries that it serves.",
      }),
    }),
  });

builder.queryFields((t) => ({
  health: t.field({
    authScopes: { anyone: true },
    type: Health,
    description: "Whether the service and each of its parts can do their work, asked now.",
    extensions: cacheControl({ maxAge: 0 }),
    resolve: (_, __, { system }) => system.health(),
  }),
  poolStatistics: t.field({
    authScopes: { administrator: true },
    type: PoolStatisticsType,
    description: "The connections to the database of the instance that answers, and what to do about them.",
    extensions: cacheControl({ maxAge: 0 }),
    resolve: (_, __, { system }) => system.statistics().pool,
  }),
  statistics: t.field({
    authScopes: { administrator: true },
    type: ServiceStatistics,
    description: "Figures of the instance that answers, read now.",
    extensions: cacheControl({ maxAge: 0 }),
    resolve: (_, __, { system }) => system.statistics(),
  }),
}));
