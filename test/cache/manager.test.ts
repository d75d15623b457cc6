import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { RedisConnection } from "../../src/cache/connection.ts";
import { escapeGlob } from "../../src/cache/keyspace.ts";
import { createCacheManager } from "../../src/cache/manager.ts";
import { redisUrl, startRedis } from "../support/redis.ts";
import { countRoundTrips } from "../support/roundTrips.ts";
import {
  connectTo,
  controlClient,
  everythingIn,
  freeze,
  recordingLog,
  silent,
  thaw,
  until,
  watchUnhandled,
} from "./fixtures.ts";

/** A manager with a namespace that no other manager of this run has. */
function managerOn(
  connection: RedisConnection,
  options: { namespace?: string; maxValueBytes?: number } = {},
) {
  return createCacheManager({
    connection,
    namespace: `t${randomUUID().slice(0, 8)}`,
    log: silent,
    ...options,
  });
}

const entries = (count: number, prefix = "item") =>
  Array.from({ length: count }, (_, i) => ({ key: `${prefix}:${i}`, value: i }));

describe("the cache manager", () => {
  test("stores, finds, expires and deletes values", async () => {
    const cache = managerOn(await connectTo(redisUrl()));
    const value = { name: "a", at: new Date(5), big: 2n ** 70n, none: null };
    expect(await cache.get("k:1")).toBeUndefined();
    expect(await cache.set("k:1", value)).toBe(true);
    expect(await cache.get("k:1")).toStrictEqual(value);
    expect(await cache.exists("k:1")).toBe(true);
    expect(await cache.getTTL("k:1")).toBe(300);
    expect(await cache.expire("k:1", 7)).toBe(true);
    expect(await cache.getTTL("k:1")).toBe(7);
    expect(await cache.set("k:1", null, 60)).toBe(true);
    expect(await cache.get("k:1")).toBeNull();
    expect(await cache.delete("k:1")).toBe(true);
    expect(await cache.delete("k:1")).toBe(true);
    expect(await cache.exists("k:1")).toBe(false);
    expect(await cache.expire("k:1", 7)).toBe(false);
    expect(await cache.getTTL("k:1")).toBeUndefined();
  });

  test("gives every key that it writes a time to live, and reports a key without one as endless", async () => {
    const connection = await connectTo(redisUrl());
    const cache = managerOn(connection, { namespace: "endless" });
    await cache.set("a:1", 1);
    await cache.setMultiple(
      [
        { key: "a:2", value: 2 },
        { key: "a:3", value: 3, ttlSeconds: 10 },
      ],
      20,
    );
    await cache.warmCache([{ key: "a:4", value: 4 }], { ttlSeconds: 30 });
    await cache.increment("a:5", { ttlSeconds: 40 });
    const ttls = await Promise.all([1, 2, 3, 4, 5].map((i) => cache.getTTL(`a:${i}`)));
    expect(ttls).toEqual([300, 20, 10, 30, 40]);
    await controlClient(redisUrl()).set("endless:foreign", 1);
    expect(await cache.getTTL("foreign")).toBe(Number.POSITIVE_INFINITY);
    await cache.flush();
  });

  test("increments atomically, and keeps the time to live of the first increment", async () => {
    const cache = managerOn(await connectTo(redisUrl()));
    const sums = await Promise.all(
      Array.from({ length: 100 }, () => cache.increment("n:1", { ttlSeconds: 50 })),
    );
    expect(sums.toSorted((a = 0, b = 0) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(await cache.increment("n:1", { by: -110, ttlSeconds: 1_000 })).toBe(-10);
    expect(await cache.getTTL("n:1")).toBeLessThanOrEqual(50);
    expect(await cache.get("n:1")).toBe(-10);

    await cache.set("n:2", "text");
    await expect(cache.increment("n:2")).rejects.toMatchObject({ code: "CACHE_NOT_A_COUNTER" });
    await expect(cache.increment("n:3", { by: 0.5 })).rejects.toMatchObject({ code: "CACHE_NOT_A_COUNTER" });
    expect(await cache.increment("n:4", { by: Number.MAX_SAFE_INTEGER })).toBe(Number.MAX_SAFE_INTEGER);
    await expect(cache.increment("n:4")).rejects.toMatchObject({ code: "CACHE_NOT_A_COUNTER" });
  });

  test("takes one round trip for a call with many keys", async () => {
    const server = await startRedis();
    const proxy = await countRoundTrips(server.url);
    const cache = managerOn(await connectTo(proxy.url));
    await cache.increment("n:0");
    const all = entries(100);
    expect(await proxy.count(() => cache.setMultiple(all))).toBe(1);
    const keys = ["missing:1", ...all.map(({ key }) => key), "item:0"];
    expect(
      await proxy.count(async () => {
        const found = await cache.getMultiple<number>(keys);
        expect([...found]).toEqual(all.map(({ key, value }) => [key, value]));
      }),
    ).toBe(1);
    expect(await proxy.count(() => cache.increment("n:0"))).toBe(1);
    expect(await proxy.count(() => cache.getMultiple([]))).toBe(0);
    expect(cache.getStatistics().prefixes).toMatchObject({
      item: { hits: 100, misses: 0, writes: 100, bytesRead: 190, bytesWritten: 190 },
      missing: { hits: 0, misses: 1 },
    });
  });

  test.each(["a*", "a[b", "a\\", "a?", "[a-z]", "a^", "{a}", "ä😀"])(
    "touches only its own keys in the namespace %j",
    async (namespace) => {
      const server = await startRedis();
      const control = controlClient(server.url);
      const foreign = [
        "ab:1",
        "a:1",
        "a*b:1",
        "a[bc:1",
        "ab",
        `${namespace}`,
        `${namespace}x:1`,
        `x${namespace}:1`,
        "b:1",
        "a\\:",
        "*",
        "a\\b:1",
      ].filter((key) => !key.startsWith(`${namespace}:`));
      for (const key of foreign) await control.set(key, "foreign");
      const cache = managerOn(await connectTo(server.url), { namespace });

      await cache.setMultiple(entries(10, "x"));
      await cache.setMultiple(entries(10, "y"));
      expect(await cache.deletePattern("x:[0-4]")).toEqual({ deleted: 5, isComplete: true });
      expect(await cache.deletePattern("y:*")).toEqual({ deleted: 10, isComplete: true });
      expect(await cache.healthCheck()).toMatchObject({ keyCount: 5, isKeyCountComplete: true });
      expect(await cache.flush()).toEqual({ deleted: 5, isComplete: true });
      expect((await control.keys("*")).toSorted()).toEqual([...new Set(foreign)].toSorted());
    },
  );

  test("deletes 10,000 keys in batches, and never with KEYS, FLUSHDB or DEL", async () => {
    const server = await startRedis();
    const control = controlClient(server.url);
    const cache = managerOn(await connectTo(server.url), { namespace: "big" });
    expect(await cache.setMultiple(entries(10_000))).toBe(true);
    await control.set("foreign", 1);
    await control.config("RESETSTAT");

    expect(await cache.deletePattern("item:*")).toEqual({ deleted: 10_000, isComplete: true });
    expect(await control.keys("*")).toEqual(["foreign"]);
    const stats = await control.info("commandstats");
    const calls = (command: string) =>
      Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    // The one KEYS is this test's own. With COUNT 1,000, a scan of 10,001 keys takes about ten steps.
    expect([calls("keys"), calls("flushdb"), calls("flushall"), calls("del")]).toEqual([1, 0, 0, 0]);
    expect(calls("scan")).toBeGreaterThanOrEqual(9);
    expect(calls("scan")).toBeLessThanOrEqual(11);
    expect(calls("unlink")).toBeLessThanOrEqual(calls("scan"));
  });

  test("escapes every character that has a meaning in a glob", () => {
    expect(escapeGlob("a*b?c[d]e\\f^g-h")).toBe("a\\*b\\?c\\[d\\]e\\\\f\\^g\\-h");
  });

  test("warms in batches, skips values that cannot be stored, pulls entries lazily and reports its progress", async () => {
    const server = await startRedis();
    const proxy = await countRoundTrips(server.url);
    const cache = managerOn(await connectTo(proxy.url), { maxValueBytes: 100 });
    await cache.increment("n:0");
    const progress: number[] = [];
    async function* source() {
      for (const entry of entries(250)) yield entry;
      yield { key: "bad:1", value: () => 1 };
      yield { key: "bad:2", value: "x".repeat(100) };
    }
    let result: unknown;
    const roundTrips = await proxy.count(async () => {
      result = await cache.warmCache(source(), {
        batchSize: 100,
        onProgress: ({ written }) => progress.push(written),
      });
    });
    expect(result).toEqual({ written: 250, skipped: 2, isComplete: true });
    expect(progress).toEqual([100, 200, 250]);
    expect(roundTrips).toBe(3);

    const stop = new AbortController();
    let pulled = 0;
    function* endless() {
      for (;;) yield { key: `e:${pulled++}`, value: 1 };
    }
    const aborted = await cache.warmCache(endless(), {
      batchSize: 10,
      signal: stop.signal,
      onProgress: ({ written }) => written === 30 && stop.abort(),
    });
    expect(aborted).toEqual({ written: 30, skipped: 0, isComplete: false });
    expect(pulled).toBe(31);
  });

  test("refuses keys, values and options that break its rules, with a code, connected or not", async () => {
    const server = await startRedis();
    const connection = await connectTo(server.url);
    const cache = managerOn(connection, { namespace: "rules", maxValueBytes: 20 });
    await server.kill();
    await until(() => connection.state.phase !== "ready");
    const longest = "k".repeat(512 - "rules:".length);

    expect(await cache.set(longest, "x".repeat(18))).toBe(false);
    await expect(cache.set("k", "x".repeat(19))).rejects.toMatchObject({ code: "CACHE_VALUE_TOO_LARGE" });
    await expect(cache.set("k", "é".repeat(10))).rejects.toMatchObject({ code: "CACHE_VALUE_TOO_LARGE" });
    await expect(cache.get(`${longest}k`)).rejects.toMatchObject({ code: "CACHE_KEY_TOO_LONG" });
    await expect(cache.getMultiple([`${"é".repeat(254)}`])).rejects.toMatchObject({
      code: "CACHE_KEY_TOO_LONG",
    });
    await expect(cache.get("")).rejects.toMatchObject({ code: "CACHE_KEY_INVALID" });
    await expect(cache.get("\ud800")).rejects.toMatchObject({ code: "CACHE_KEY_INVALID" });
    await expect(cache.set("k", undefined)).rejects.toMatchObject({ code: "CACHE_VALUE_INVALID" });
    for (const ttl of [0, 1.5, -1, Number.POSITIVE_INFINITY, Number.NaN, 31_622_401]) {
      await expect(cache.set("k", 1, ttl)).rejects.toMatchObject({ code: "CACHE_TTL_INVALID" });
    }
    await expect(cache.getMultiple(Array(10_001).fill("k"))).rejects.toMatchObject({
      code: "CACHE_BATCH_INVALID",
    });
    await expect(cache.warmCache([], { batchSize: 0 })).rejects.toMatchObject({
      code: "CACHE_BATCH_INVALID",
    });
    for (const namespace of ["", "a:b", "\udc00", "n".repeat(64)]) {
      expect(() => managerOn(connection, { namespace })).toThrow(
        expect.objectContaining({ code: "CACHE_NAMESPACE_INVALID" }),
      );
    }
  });

  test("fails open while Redis is dead: reads miss, writes return false, nothing is thrown or sent", async () => {
    const unhandled = watchUnhandled();
    const server = await startRedis();
    const connection = await connectTo(server.url);
    const cache = managerOn(connection);
    await cache.set("k:1", 1);
    await server.kill();
    await until(() => connection.state.phase !== "ready");
    cache.resetStatistics();
    const { sent } = connection.statistics();

    expect(await cache.get("k:1")).toBeUndefined();
    expect(await cache.getMultiple(["k:1", "k:2"])).toEqual(new Map());
    expect(await cache.exists("k:1")).toBe(false);
    expect(await cache.getTTL("k:1")).toBeUndefined();
    expect(await cache.set("k:1", 1)).toBe(false);
    expect(await cache.setMultiple([{ key: "k:1", value: 1 }])).toBe(false);
    expect(await cache.delete("k:1")).toBe(false);
    expect(await cache.expire("k:1", 1)).toBe(false);
    expect(await cache.increment("k:1")).toBeUndefined();
    expect(await cache.deletePattern("*")).toEqual({ deleted: 0, isComplete: false });
    expect(await cache.flush()).toEqual({ deleted: 0, isComplete: false });
    expect(await cache.warmCache(entries(3))).toEqual({ written: 0, skipped: 0, isComplete: false });
    expect(await cache.healthCheck()).toEqual({ isHealthy: false, reason: expect.stringContaining("Redis") });

    expect(connection.statistics().sent).toBe(sent);
    expect(cache.getStatistics().total).toMatchObject({ hits: 0, misses: 0, writes: 0, errors: 13 });
    expect(unhandled).toEqual([]);
  });

  test("answers every call of a loop through kills and restarts, and works afterwards", async () => {
    const unhandled = watchUnhandled();
    const server = await startRedis();
    const connection = await connectTo(server.url);
    const cache = managerOn(connection);
    let isRunning = true;
    const answers = new Set<unknown>();
    const loops = Array.from({ length: 16 }, async (_, i) => {
      while (isRunning) {
        answers.add(await cache.set(`k:${i}`, i));
        const found = await cache.get(`k:${i}`);
        answers.add(found === undefined || found === i);
        await cache.getMultiple(["k:0", "k:1"]);
        await cache.increment("n:1");
        await cache.flush();
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    for (let round = 0; round < 3; round++) {
      await server.kill();
      await until(() => connection.state.phase !== "ready");
      await server.restart();
      expect(await connection.waitUntilReady(10_000)).toBe(true);
    }
    isRunning = false;
    await Promise.all(loops);
    expect([...answers].toSorted()).toEqual([false, true]);
    expect(await cache.set("k:1", 1)).toBe(true);
    expect(await cache.get("k:1")).toBe(1);
    expect(connection.statistics()).toMatchObject({ connections: 4, suspensions: 0 });
    expect(unhandled).toEqual([]);
  });

  test("gives up on a stopped Redis after the command time-out, and on later calls at once", async () => {
    const unhandled = watchUnhandled();
    const server = await startRedis();
    const connection = await connectTo(server.url, { commandTimeoutMs: 60 });
    const cache = managerOn(connection);
    await cache.set("k:1", 1);
    await freeze(server.pid());
    const first = Array.from({ length: 5 }, () => cache.get("k:1"));
    expect(await Promise.all(first)).toEqual(Array(5).fill(undefined));
    const { sent } = connection.statistics();
    expect(await Promise.all(Array.from({ length: 100 }, () => cache.get("k:1")))).toEqual(
      Array(100).fill(undefined),
    );
    expect(connection.statistics()).toMatchObject({ sent, timedOut: 5, refused: 100 });
    thaw(server.pid());
    await connection.waitUntilReady(10_000);
    expect(await cache.get("k:1")).toBe(1);
    expect(unhandled).toEqual([]);
  });

  test("goes on reading when Redis is full, and reports that writes are not stored", async () => {
    const server = await startRedis();
    const connection = await connectTo(server.url);
    const cache = managerOn(connection);
    await cache.set("k:1", 1);
    await controlClient(server.url).config("SET", "maxmemory", "1");
    for (let i = 0; i < 10; i++) expect(await cache.set("k:2", 2)).toBe(false);
    expect(await cache.setMultiple(entries(3))).toBe(false);
    expect(await cache.get("k:1")).toBe(1);
    expect(connection.statistics().suspensions).toBe(0);
  });

  test("treats a value that it cannot decode as a miss, and does not log the value", async () => {
    const connection = await connectTo(redisUrl());
    const { lines, log } = recordingLog();
    const cache = createCacheManager({ connection, namespace: "corrupt", log });
    await controlClient(redisUrl()).set("corrupt:k:1", "hunter2", "EX", 60);
    expect(await cache.get("k:1")).toBeUndefined();
    expect(cache.getStatistics().total).toMatchObject({ hits: 0, misses: 0, errors: 1 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("hunter2");
  });

  test("reports its health: memory, policy and the number of its keys, or of those that it scanned", async () => {
    const server = await startRedis({ args: ["--maxmemory-policy", "noeviction"] });
    const control = controlClient(server.url);
    const cache = managerOn(await connectTo(server.url), { namespace: "health" });
    await cache.setMultiple(entries(2_500));
    for (let i = 0; i < 10; i++) await control.set(`other:${i}`, i);
    const health = await cache.healthCheck();
    expect(health).toEqual({
      isHealthy: true,
      latencyMs: expect.any(Number),
      usedMemoryBytes: expect.any(Number),
      maxmemoryPolicy: "noeviction",
      keyCount: 2_500,
      isKeyCountComplete: true,
    });
    expect(health.isHealthy && health.latencyMs > 0 && health.usedMemoryBytes > 100_000).toBe(true);
    const partial = await cache.healthCheck({ maxScannedKeys: 1_000 });
    expect(partial).toMatchObject({ isKeyCountComplete: false });
    expect(partial.isHealthy && partial.keyCount > 0 && partial.keyCount < 2_500).toBe(true);
  });
});

test("a command that an ACL refuses within a script is an outage like any other, and tells no arguments", async () => {
  const server = await startRedis();
  const connection = await connectTo(server.url);
  const cache = managerOn(connection);
  const control = controlClient(server.url);
  await control.call("ACL", "SETUSER", "default", "-incrby");
  expect(await cache.increment("n:1")).toBeUndefined();
  const failure = await connection
    .run("k", (redis) => redis.eval("return redis.call('INCRBY', KEYS[1], ARGV[1])", 1, "k", "12345"), {
      isIdempotent: true,
    })
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "REDIS_UNAVAILABLE", reason: "refused", serverCode: "NOPERM" });
  expect(everythingIn(failure)).not.toContain("12345");
  await control.call("ACL", "SETUSER", "default", "+@all");
  expect(await cache.increment("n:1")).toBe(1);
});
