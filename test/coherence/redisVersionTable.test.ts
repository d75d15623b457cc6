import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, describe, expect, it } from "vitest";
import { createRedisVersionTable, createScriptRunner } from "../../src/coherence/redisVersionTable.ts";
import { redisUrl, startRedis } from "../support/redis.ts";
import { open, specifyVersionTable, type TableOptions } from "./versionTableSpecification.ts";
import { checkAgainstWorld } from "./versionTableWorld.ts";

describe("the version table in Redis", () => {
  const client = new Redis(redisUrl());
  afterAll(() => client.quit());
  const create = (options: TableOptions = {}, namespace: string = randomUUID(), redis = client) =>
    createRedisVersionTable({ redis: createScriptRunner(redis), namespace, maxLagMs: 60_000, ...options });

  specifyVersionTable(async (options) => create(options));

  it("serves no stale answer, whatever the order of reads, writes, crashes and floods of tags", async () => {
    expect(await checkAgainstWorld(async () => create({ maxTags: 3 }), 100)).toBeGreaterThan(100);
  });

  it.each(["meta", "versions", "pending", "transactions"])(
    "is lost, for good, when `%s` alone is deleted",
    async (structure) => {
      const namespace = randomUUID();
      const table = create({}, namespace);
      await open(table, "1.a");
      await table.bump("1.a", ["t"]);
      expect(await client.del(`{${namespace}}:${structure}`)).toBe(1);
      expect(await table.since("1.a", 1)).toBe("lost");
      expect(await table.get("1.a", ["k"])).toBe("lost");
      expect(await table.mark("1.a", "7", ["t"])).toBe("lost");
      expect(await table.release("1.a", "7")).toBe("lost");
      expect(await table.bump("1.a", ["t"])).toBe("lost");
      await open(table, "2.b");
      expect(await table.since("2.b", -1)).toEqual({ sequence: 0, versions: undefined, pending: [] });
    },
  );

  it("is lost after a restart, even though the server loads a snapshot of this very epoch", async () => {
    const server = await startRedis();
    const redis = new Redis(server.url);
    redis.on("error", () => {});
    try {
      const table = create({}, "t", redis);
      await open(table, "1.a");
      await redis.save();
      await table.bump("1.a", ["t"]);
      await server.kill();
      await server.restart();
      expect(await redis.hget("{t}:meta", "epoch")).toBe("1.a");
      expect(await table.since("1.a", 0)).toBe("lost");
      expect(await table.mark("1.a", "7", ["t"])).toBe("lost");
    } finally {
      redis.disconnect();
    }
  });

  it.each(["zadd", "hset", "hdel", "zpopmin"])(
    "lets no change get lost when Redis comes to refuse `%s` alone",
    async (command) => {
      const server = await startRedis();
      const redis = new Redis(server.url);
      try {
        const table = create({ maxTags: 2 }, "t", redis);
        await open(table, "1.a");
        for (const key of ["b", "c", "d"]) await table.bump("1.a", [key]);
        const { sequence } = (await table.since("1.a", -1)) as { sequence: number };
        await table.fill("1.a", [{ key: "k", stamp: sequence, tags: ["a"], value: "old", ttlMs: 60_000 }]);
        await table.mark("1.a", "7", ["a"]);
        const isServed = async () => {
          const found = await table.get("1.a", ["k"]);
          return typeof found !== "string" && found[0] !== undefined;
        };
        expect(await isServed()).toBe(false);

        await redis.call("ACL", "SETUSER", "default", `-${command}`);
        await table.release("1.a", "7").catch(() => {});
        await table.bump("1.a", ["e"]).catch(() => {});
        await table.bump("1.a", ["f"]).catch(() => {});
        expect(await isServed()).toBe(false);

        await redis.call("ACL", "SETUSER", "default", "+@all");
        await table.release("1.a", "7");
        expect(await isServed()).toBe(false);
        expect(await table.since("1.a", 0)).toMatchObject({ pending: [] });
      } finally {
        redis.disconnect();
      }
    },
  );

  it("keeps no answer for ever when Redis refuses to give it a time to live", async () => {
    const server = await startRedis();
    const redis = new Redis(server.url);
    try {
      const table = create({}, "t", redis);
      await open(table, "1.a");
      await redis.call("ACL", "SETUSER", "default", "-pexpire");
      const answer = { key: "k", stamp: 1, tags: ["a"], value: "old", ttlMs: 1 };
      await expect(table.fill("1.a", [answer])).rejects.toThrow("The user executing the script");
      expect(await redis.keys("*entry*")).toEqual([]);
    } finally {
      redis.disconnect();
    }
  });

  it("is lost on a replica, and stays lost when the replica is promoted", async () => {
    const replica = await startRedis();
    const redis = new Redis(replica.url);
    try {
      await open(create({}, "t"), "1.a");
      const { hostname, port } = new URL(redisUrl());
      await redis.replicaof(hostname, port);
      await expect.poll(() => redis.hget("{t}:meta", "epoch"), { timeout: 15_000 }).toBe("1.a");
      const table = create({}, "t", redis);
      expect(await table.since("1.a", 0)).toBe("lost");
      await redis.replicaof("NO", "ONE");
      expect(await table.since("1.a", 0)).toBe("lost");
    } finally {
      redis.disconnect();
    }
  });
});
