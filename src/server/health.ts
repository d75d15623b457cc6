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

/** Whether the service can do its work. `health` in GraphQL and the readiness probe use the same checks. */
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

  /** Checks of what the service cannot answer without. */
  const needed = () =>
    Promise.all([
      checkHealth("database", database.healthCheck),
      checkHealth("migrations", checkMigrations, "are not all applied, or cannot be read"),
    ]);

  return {
    /** Checks everything, and reads each table. */
    async read(): Promise<HealthReport> {
      const [required, ofCache, ofRepositories] = await Promise.all([
        needed(),
        cacheHealth(),
        repositories.healthCheck(),
      ]);
      return {
        // Cache and replicas do not count: without them the service answers from the database, slower, but
        // just as correctly.
        isHealthy: areHealthy([...required, ...ofRepositories]),
        components: [...required, ofCache, ...ofRepositories, ...store.replicas().map(replicaHealth)],
      };
    },

    /** Checks what is needed to answer at all, for a probe that comes every few seconds. */
    async ready(): Promise<HealthReport> {
      const components = await needed();
      return { isHealthy: areHealthy(components), components };
    },
  };
}

const areHealthy = (components: readonly ComponentHealth[]) => components.every(({ isHealthy }) => isHealthy);
