import type { CacheManager } from "../cache/manager.ts";
import type { CoherentStore } from "../coherence/store.ts";
import type { Database } from "../database/database.ts";
import { createMigrationCheck } from "../database/migrationCheck.ts";
import {
  type ComponentHealth,
  checkHealth,
  type Repositories,
  replicaHealth,
} from "../repositories/index.ts";

export interface HealthReport {
  readonly isHealthy: boolean;
  readonly components: readonly ComponentHealth[];
}

export type Health = ReturnType<typeof createHealth>;

/** Whether the service can do its work: for `health` in GraphQL and for the probe of readiness, by the same looks. */
export function createHealth(sources: {
  readonly database: Pick<Database, "healthCheck" | "query">;
  readonly repositories: Pick<Repositories, "healthCheck">;
  /** Undefined without Redis. */
  readonly cache: Pick<CacheManager, "healthCheck"> | undefined;
  readonly store: Pick<CoherentStore, "replicas">;
}) {
  const { database, repositories, cache, store } = sources;
  const checkMigrations = createMigrationCheck(database.query);

  async function cacheHealth(): Promise<ComponentHealth> {
    if (!cache)
      return { name: "cache", isHealthy: true, latencyMs: 0, message: "not used: REDIS_URL is not set" };
    const health = await cache.healthCheck();
    return health.isHealthy
      ? { name: "cache", isHealthy: true, latencyMs: health.latencyMs, message: null }
      : { name: "cache", isHealthy: false, latencyMs: 0, message: "does not answer" };
  }

  /** Without these there is no answer to give. */
  const needed = () =>
    Promise.all([
      checkHealth("database", database.healthCheck),
      checkHealth("migrations", checkMigrations, "are not all applied, or cannot be read"),
    ]);

  return {
    /** Everything, each table read. */
    async read(): Promise<HealthReport> {
      const [required, ofCache, ofRepositories] = await Promise.all([
        needed(),
        cacheHealth(),
        repositories.healthCheck(),
      ]);
      return {
        // Without its cache and its replicas the service answers from the database: slower, and as right as ever.
        isHealthy: areHealthy([...required, ...ofRepositories]),
        components: [...required, ofCache, ...ofRepositories, ...store.replicas().map(replicaHealth)],
      };
    },

    /** What is needed to answer at all, for a probe that comes every few seconds. */
    async ready(): Promise<HealthReport> {
      const components = await needed();
      return { isHealthy: areHealthy(components), components };
    },
  };
}

const areHealthy = (components: readonly ComponentHealth[]) => components.every(({ isHealthy }) => isHealthy);
