import type { TestProject } from "vitest/node";
import { canInstall, findBinaries, installBinaries } from "./binaries.ts";
import { launchPostgres } from "./postgresServer.ts";
import { launchRedis } from "./redisServer.ts";
import { createTemplate } from "./template.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The maintenance database of the run's PostgreSQL. */
    postgresUrl: string;
    redisUrl: string;
    /** Name of the database that test files clone. */
    templateDatabase: string;
    /** The prefix of the names of all databases of this run. */
    databasePrefix: string;
  }
}

/**
 * Starts the run's own PostgreSQL and Redis, and stops them when the run ends. TEST_DATABASE_URL and
 * TEST_REDIS_URL name servers to use instead. Those are neither installed, nor started, nor stopped.
 */
export default async function setup(project: Pick<TestProject, "provide">): Promise<() => Promise<void>> {
  const external = { postgres: process.env.TEST_DATABASE_URL, redis: process.env.TEST_REDIS_URL };
  const found = findBinaries();
  const isMissing =
    (!external.postgres && found.postgres === undefined) || (!external.redis && found.redis === undefined);
  if (isMissing && canInstall()) {
    installBinaries({ postgres: external.postgres ?? found.postgres, redis: external.redis ?? found.redis });
  }

  // Closed last in, first out.
  const releasers: (() => Promise<void>)[] = [];
  const release = async () => {
    for (let next = releasers.pop(); next !== undefined; next = releasers.pop()) await next();
  };
  const started = async (launch: typeof launchPostgres | typeof launchRedis) => {
    const server = await launch();
    releasers.push(server.stop);
    return server.url;
  };

  try {
    // Both start at the same time. If one fails, the other must have started before it can be stopped.
    const [postgres, redis] = await Promise.allSettled([
      external.postgres || started(launchPostgres),
      external.redis || started(launchRedis),
    ]);
    if (postgres.status === "rejected") throw postgres.reason;
    if (redis.status === "rejected") throw redis.reason;

    const template = await createTemplate(postgres.value);
    releasers.push(template.remove);
    project.provide("postgresUrl", postgres.value);
    project.provide("redisUrl", redis.value);
    project.provide("templateDatabase", template.name);
    project.provide("databasePrefix", template.prefix);
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}
