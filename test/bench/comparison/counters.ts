import { Redis } from "ioredis";
import pg from "pg";

/**
 * Counts statements in PostgreSQL and commands in Redis, in the databases themselves and so in the same way
 * for all.
 */
export async function createCounters(postgresUrl: string, redisUrl: string) {
  const client = new pg.Client({ connectionString: postgresUrl });
  // The client may still emit an error when the server is stopped.
  client.on("error", () => {});
  await client.connect();
  await client.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
  const redis = new Redis(redisUrl);
  redis.on("error", () => {});
  return {
    /** Statements so far in one database, including BEGIN and COMMIT. */
    async statements(database: string): Promise<number> {
      const { rows } = await client.query(
        "SELECT coalesce(sum(s.calls), 0)::float8 AS calls FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid WHERE d.datname = $1",
        [new URL(database).pathname.slice(1)],
      );
      return rows[0].calls;
    },

    /**
     * Commands so far. `all` includes the commands that scripts call within Redis. A server that calls
     * scripts calls little else, so `scripts` alone counts for it.
     */
    async commands(): Promise<{ scripts: number; all: number }> {
      let [scripts, all] = [0, 0];
      for (const [, name, calls] of (await redis.info("commandstats")).matchAll(
        /cmdstat_(\S+?):calls=(\d+)/g,
      )) {
        if (name === "info") continue;
        all += Number(calls);
        if (name === "evalsha" || name === "eval") scripts += Number(calls);
      }
      return { scripts, all };
    },

    async close(): Promise<void> {
      redis.disconnect();
      await client.end();
    },
  };
}

export type Counters = Awaited<ReturnType<typeof createCounters>>;
