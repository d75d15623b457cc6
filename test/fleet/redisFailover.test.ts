import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { slotOf } from "../../src/cache/slot.ts";
import { controlClient, until } from "../cache/fixtures.ts";
import { SLOTS, startCluster } from "../cache/redisCluster.ts";
import { startSentinel } from "../cache/redisSentinel.ts";
import { findBinaries } from "../support/binaries.ts";
import { startLoad } from "../support/load.ts";
import { startRedis } from "../support/redis.ts";
import { createServedDatabase, startServing } from "../support/serving.ts";

const PROJECTS = 4;
const PATIENT = { timeout: 60_000, interval: 20 };
/** Longer than a healthy server can be silent on a busy machine. */
const SILENCE_MS = 1_500;

/** Runs two services on that Redis, with clients, while `crash` kills its master. Checks every answer. */
async function failOver(name: string, REDIS_URL: string, crash: () => Promise<void>) {
  const DATABASE_URL = await createServedDatabase(PROJECTS);
  const env = { DATABASE_URL, REDIS_URL };
  const services = await Promise.all([startServing(env), startServing(env)]);
  const load = startLoad({
    origin: (client) => services[client % 2]!.origin,
    readers: 8,
    writers: PROJECTS,
    pauseMs: 10,
  });
  await expect.poll(load.hits, PATIENT).toBeGreaterThan(100);

  await crash();
  const crashedAt = performance.now();
  const [writesThen, readsThen] = [load.acknowledged(), load.reads()];
  await expect
    .poll(() => load.acknowledged().every((value, n) => n === 0 || value > writesThen[n]! + 1), PATIENT)
    .toBe(true);
  await expect.poll(() => load.reads() - readsThen, PATIENT).toBeGreaterThan(100);
  // Replies of the old server that were still under way count as hits. After a moment only new ones do.
  await sleep(500);
  const hitsThen = load.hits();
  await expect.poll(() => load.hits() - hitsThen, PATIENT).toBeGreaterThan(100);
  const ms = Math.round(performance.now() - crashedAt);

  const { reads, hits, writes, stale, failures } = await load.stop();
  console.log(
    `${name}: ${reads} reads (${hits} hits), ${writes} writes, ${failures.length} failed; hits after ${ms} ms`,
  );
  expect(stale).toEqual([]);
  expect(failures).toEqual([]);
}

describe.skipIf(findBinaries().redis === undefined)("no request fails and no answer is stale", () => {
  test("while Sentinels replace the master, and the cache recovers by itself", {
    timeout: 300_000,
  }, async () => {
    const master = await startRedis();
    const replicas = await Promise.all(
      [1, 2].map(() => startRedis({ args: ["--replicaof", "127.0.0.1", String(master.port)] })),
    );
    for (const { url } of replicas) {
      const client = controlClient(url);
      await until(async () => (await client.info("replication")).includes("master_link_status:up"));
    }
    const options = { quorum: 2, silenceMs: SILENCE_MS };
    const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(master.port, options)));
    const clients = sentinels.map(({ url }) => controlClient(url));
    const knows = async (client: (typeof clients)[number], what: string, count: number) => {
      const list = await client.call("SENTINEL", what, "main");
      return Array.isArray(list) && list.length === count;
    };
    for (const client of clients)
      await until(async () => (await knows(client, "SENTINELS", 2)) && (await knows(client, "REPLICAS", 2)));

    const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",");
    await failOver("Sentinel", `redis+sentinel://${hosts}/main`, master.kill);
    const [, port] = (await clients[0]!.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")) as string[];
    expect(replicas.map((replica) => String(replica.port))).toContain(port);
  });

  test("while a Redis Cluster of three masters replaces the one with the version table", {
    timeout: 300_000,
  }, async () => {
    const replicated = Math.floor(slotOf("{stack-converter-coherence}") / Math.ceil(SLOTS / 3));
    const cluster = await startCluster({ replicated, nodeTimeoutMs: SILENCE_MS });
    await failOver("Cluster", cluster.url, cluster.servers[replicated]!.kill);
    const replica = cluster.clients[3]!;
    expect(await replica.info("replication")).toContain("role:master");
  });
});
