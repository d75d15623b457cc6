import { describe, expect, test } from "vitest";
import { createCacheManager } from "../../src/cache/manager.ts";
import { findBinaries } from "../support/binaries.ts";
import { startRedis } from "../support/redis.ts";
import { connectTo, controlClient, silent, until, watchUnhandled } from "./fixtures.ts";
import { startSentinel } from "./redisSentinel.ts";

const command = findBinaries().redis;

describe.skipIf(command === undefined)("a Sentinel group", () => {
  test("is followed to its new master, which counts as a different server", async () => {
    const unhandled = watchUnhandled();
    const master = await startRedis();
    const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(master.port)] });
    const replicaClient = controlClient(replica.url);
    await until(async () => (await replicaClient.info("replication")).includes("master_link_status:up"));
    const sentinel = await startSentinel(master.port);
    const sentinelClient = controlClient(sentinel.url);
    await until(async () => {
      const replicas = await sentinelClient.call("SENTINEL", "REPLICAS", "main");
      return Array.isArray(replicas) && replicas.length === 1;
    });

    // The first Sentinel of the list does not exist, so the next one is asked.
    const connection = await connectTo(`redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinel.port}/main`);
    const cache = createCacheManager({ connection, namespace: "failover", log: silent });
    expect(await cache.set("k:1", "before")).toBe(true);
    const before = connection.state.identity;
    await until(async () => (await replicaClient.exists("failover:k:1")) === 1);

    await master.kill();
    await until(() => connection.state.phase === "connecting");
    expect(await cache.get("k:1")).toBeUndefined();
    expect(await connection.waitUntilReady(30_000)).toBe(true);

    const after = connection.state.identity;
    expect(after?.runId).toBe(/run_id:(\w+)/.exec(await replicaClient.info("server"))?.[1]);
    expect(after?.runId).not.toBe(before?.runId);
    expect(after?.replicationId).not.toBe(before?.replicationId);
    expect(await cache.get("k:1")).toBe("before");
    expect(await cache.set("k:1", "after")).toBe(true);
    expect(unhandled).toEqual([]);
  });
});
