import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { type Fault, pause } from "./fault.ts";
import type { World } from "./world.ts";

/** The faults of the servers, which affect all instances. */

/** The version table's structures (src/coherence/redisVersionTable.ts), in the namespace that src/app.ts gives it. */
const STRUCTURES = ["meta", "versions", "pending", "transactions"].map(
  (name) => `{stack-converter-coherence}:${name}`,
);

async function withRedis<Result>(
  { redis }: World,
  work: (client: Redis) => Promise<Result>,
): Promise<Result> {
  const client = new Redis(redis.url, { lazyConnect: true, retryStrategy: () => null });
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    client.disconnect();
  }
}

const snapshotFile = (world: World) =>
  withRedis(world, async (client) => {
    const [, folder] = (await client.config("GET", "dir")) as unknown as [string, string];
    return join(folder, "dump.rdb");
  });

const redisKill: Fault = {
  name: "redis-kill",
  description: "SIGKILL of Redis, which comes back empty after 0.1 to 3 s",
  endsEpoch: true,
  isRedisOnly: true,
  async run({ world, random, signal, begin }) {
    await rm(await snapshotFile(world), { force: true });
    begin();
    await world.redis.kill();
    await pause(random.integer(100, 3_000), signal);
    await world.redis.restart();
  },
};

const redisSnapshot: Fault = {
  name: "redis-snapshot",
  description: "SIGKILL of Redis, which comes back with what it held 0.2 to 2 s earlier",
  endsEpoch: true,
  isRedisOnly: true,
  async run({ world, random, signal, begin }) {
    await withRedis(world, (client) => client.save());
    await pause(random.integer(200, 2_000), signal);
    begin();
    await world.redis.kill();
    await pause(random.integer(0, 1_000), signal);
    await world.redis.restart();
  },
};

const redisDelete: Fault = {
  name: "redis-del",
  description: "DEL of one structure of the version table",
  endsEpoch: true,
  isRedisOnly: true,
  async run({ world, random, begin }) {
    const key = random.pick(STRUCTURES);
    begin(` (${key.split(":")[1]})`);
    await withRedis(world, (client) => client.del(key));
  },
};

const redisEvict: Fault = {
  name: "redis-evict",
  description: "maxmemory so low that keys are evicted at random, for 1 s",
  endsEpoch: true,
  isRedisOnly: true,
  async run({ world, random, signal, begin }) {
    await withRedis(world, async (client) => {
      const used = Number(/used_memory:(\d+)/.exec(await client.info("memory"))![1]);
      // A little below the used memory, a few keys are evicted. Far below, all are, and writes find no room.
      const limit = random.chance(0.5) ? used - 20_000 : 1;
      begin(limit === 1 ? " (all keys)" : " (some keys)");
      try {
        await client.config("SET", "maxmemory-policy", "allkeys-random", "maxmemory", limit);
        await pause(1_000, signal);
      } finally {
        await client.config("SET", "maxmemory-policy", "noeviction", "maxmemory", 0);
      }
    });
  },
};

const redisPause: Fault = {
  name: "redis-pause",
  description: "SIGSTOP of Redis for 2 s",
  endsEpoch: true,
  isRedisOnly: true,
  async run({ world, signal, begin }) {
    const pid = world.redis.pid();
    if (pid === undefined) return;
    begin();
    process.kill(pid, "SIGSTOP");
    await pause(2_000, signal);
    process.kill(pid, "SIGCONT");
  },
};

const postgresTerminate: Fault = {
  name: "pg-terminate",
  description: "pg_terminate_backend of about half of the service's connections",
  endsEpoch: false,
  isRedisOnly: false,
  async run({ world, begin }) {
    begin();
    await world.outside.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name LIKE 'stack-converter%' AND random() < 0.5`,
    );
  },
};

const postgresRestart: Fault = {
  name: "pg-restart",
  description: "crash of PostgreSQL, and its recovery",
  endsEpoch: true,
  isRedisOnly: false,
  async run({ world, random, signal, begin }) {
    begin();
    await world.postgres.kill();
    await pause(random.integer(0, 1_000), signal);
    await world.postgres.restart();
  },
};

export const serverFaults: readonly Fault[] = [
  redisKill,
  redisSnapshot,
  redisDelete,
  redisEvict,
  redisPause,
  postgresTerminate,
  postgresRestart,
];
