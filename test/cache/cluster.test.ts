import { beforeAll, describe, expect, test } from "vitest";
import type { RedisState } from "../../src/cache/connection.ts";
import { createCacheManager } from "../../src/cache/manager.ts";
import { slotOf } from "../../src/cache/slot.ts";
import { connectTo, silent, until, watchUnhandled } from "./fixtures.ts";
import { SLOTS, startCluster } from "./redisCluster.ts";

describe("a Redis Cluster", () => {
  let cluster: Awaited<ReturnType<typeof startCluster>>;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  const connect = () => connectTo(cluster.url, { maxRetries: 3 });
  const entries = Array.from({ length: 3_000 }, (_, i) => ({ key: `item:${i}`, value: i }));

  test("puts keys into the slots that `slotOf` computes", async () => {
    const keys = ["a", "{a}b", "a{}b", "é😀", "{é}x", "x".repeat(300)];
    const [client] = cluster.clients;
    const theirs = await Promise.all(keys.map((key) => client?.cluster("KEYSLOT", key)));
    expect(keys.map(slotOf)).toEqual(theirs);
  });

  test("has the identities of all its masters, joined", async () => {
    const connection = await connect();
    const infos = await Promise.all(cluster.masters.map((client) => client.info("server")));
    const runIds = infos.map((info) => /run_id:(\w+)/.exec(info)?.[1]);
    expect(connection.state.identity).toMatchObject({ runId: runIds.toSorted().join(","), role: "master" });
    expect(connection.masters()).toHaveLength(3);
  });

  test("takes one pipeline per server, and deletes only the manager's own keys, from every server", async () => {
    const connection = await connect();
    const cache = createCacheManager({ connection, namespace: "a[*", log: silent });
    const bare = cluster.masters;
    for (let i = 0; i < 50; i++)
      await connection.run(`other:${i}`, (redis) => redis.set(`other:${i}`, i), { isIdempotent: true });

    const { sent } = connection.statistics();
    expect(await cache.setMultiple(entries)).toBe(true);
    expect((await cache.getMultiple(entries.map(({ key }) => key))).size).toBe(3_000);
    expect(connection.statistics().sent - sent).toBe(6);
    expect(await cache.increment("n:1")).toBe(1);

    const sizes = () => Promise.all(bare.map((client) => client.dbsize()));
    expect((await sizes()).every((size) => size > 500)).toBe(true);
    expect(await cache.healthCheck()).toMatchObject({
      isHealthy: true,
      keyCount: 3_001,
      isKeyCountComplete: true,
    });
    expect(await cache.deletePattern("item:1*")).toMatchObject({ deleted: 1_111, isComplete: true });
    expect(await cache.flush()).toEqual({ deleted: 1_890, isComplete: true });
    expect((await sizes()).reduce((sum, size) => sum + size)).toBe(50);
  });

  test("runs scripts whose keys share a hash tag, even after the servers have forgotten them", async () => {
    const connection = await connect();
    const script = connection.defineScript("swap", {
      keys: ["from", "to"],
      lua: 'redis.call("SET", KEYS[2], redis.call("GET", KEYS[1])); return redis.call("GET", KEYS[2])',
      isIdempotent: true,
      parse: String,
    });
    for (const tag of ["{x}", "{y}", "{z}", "{w}"]) {
      await connection.run(tag, (redis) => redis.set(`${tag}:a`, tag), { isIdempotent: true });
      expect(await script([`${tag}:a`, `${tag}:b`])).toBe(tag);
    }
    for (const client of cluster.masters) await client.script("FLUSH");
    expect(await script(["{x}:a", "{x}:b"])).toBe("{x}");
    await expect(script(["{x}:a", "{y}:b"])).rejects.toThrow(/CROSSSLOT|same slot/i);
    expect(connection.state.phase).toBe("ready");
  });

  test("follows a slot that moves", async () => {
    const connection = await connect();
    const slot = slotOf("{moving}");
    const owner = Math.floor(slot / Math.ceil(SLOTS / 3));
    const target = (owner + 1) % 2;
    const [from, to] = [cluster.masters[owner], cluster.masters[target]];
    if (from === undefined || to === undefined || from === to) throw new Error("choose another hash tag");
    const write = () =>
      connection.run("{moving}", (redis) => redis.set("{moving}", 1), { isIdempotent: false });
    expect(await write()).toBe("OK");
    const [fromId, toId] = [await from.call("CLUSTER", "MYID"), await to.call("CLUSTER", "MYID")];
    await to.call("CLUSTER", "SETSLOT", slot, "IMPORTING", String(fromId));
    await from.call("CLUSTER", "SETSLOT", slot, "MIGRATING", String(toId));
    await from.migrate("127.0.0.1", Number(to.options.port), "{moving}", 0, 1_000);
    for (const client of [to, from]) await client.call("CLUSTER", "SETSLOT", slot, "NODE", String(toId));

    await until(async () => (await write().catch(() => "refused")) === "OK");
    expect(await to.get("{moving}")).toBe("1");
    expect(connection.statistics().suspensions).toBe(0);
  });

  // The last test, because it leaves the cluster with other masters.
  test("loses a third of its keys until a replica is promoted, and announces the new identity before calls reach it", async () => {
    const unhandled = watchUnhandled();
    const connection = await connect();
    const cache = createCacheManager({ connection, namespace: "failover", log: silent });
    expect(await cache.setMultiple(entries)).toBe(true);
    const before = connection.state.identity;
    const seen: RedisState[] = [];
    connection.onStateChange((state) => seen.push(state));

    const lost = entries.find(({ key }) => slotOf(`failover:${key}`) >= 2 * Math.ceil(SLOTS / 3));
    const kept = entries.find(({ key }) => slotOf(`failover:${key}`) < Math.ceil(SLOTS / 3));
    if (lost === undefined || kept === undefined) throw new Error("no such key");
    await cluster.servers[2]?.kill();
    await until(() => seen.length > 0);
    expect(await cache.get(lost.key)).toBeUndefined();
    expect(await cache.set(lost.key, 1)).toBe(false);

    await until(async () => (await cache.set(lost.key, "after")) === true);
    const after = connection.state.identity;
    expect(connection.state.phase).toBe("ready");
    expect(seen.at(-1)).toEqual(connection.state);
    expect(after?.runId).not.toBe(before?.runId);
    expect(await cache.get(lost.key)).toBe("after");
    expect(await cache.get(kept.key)).toBe(kept.value);
    expect(unhandled).toEqual([]);
  });
});
