import type { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { createRedisConnection, type RedisState } from "../../src/cache/connection.ts";
import { RedisUnavailableError } from "../../src/cache/errors.ts";
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

const repeatable = { isIdempotent: true };
const once = { isIdempotent: false };
const ping = (redis: Redis) => redis.ping();
const reasonsOf = (results: PromiseSettledResult<unknown>[]) =>
  results.map((result) =>
    result.status === "rejected" && result.reason instanceof RedisUnavailableError
      ? result.reason.reason
      : result.status,
  );

describe("a Redis connection", () => {
  test("refuses calls at once, without touching a socket, while Redis is dead, and reconnects by itself", async () => {
    const unhandled = watchUnhandled();
    const server = await startRedis();
    const connection = await connectTo(server.url);
    const before = connection.state.identity;

    // Runs under load through the kill and through the restart.
    let isLoaded = true;
    const outcomes = new Set<string>();
    const load = Array.from({ length: 20 }, async () => {
      while (isLoaded) {
        const [result] = await Promise.allSettled([connection.run("key", ping, once)]);
        outcomes.add(reasonsOf([result]).join());
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    await server.kill();
    await until(() => connection.state.phase === "connecting");
    expect(connection.isAvailable("key")).toBe(false);

    isLoaded = false;
    await Promise.all(load);
    const { sent, refused } = connection.statistics();
    const calls = Array.from({ length: 1_000 }, () => connection.run("key", ping, repeatable));
    expect(new Set(reasonsOf(await Promise.allSettled(calls)))).toEqual(new Set(["not-connected"]));
    expect(connection.statistics()).toMatchObject({ sent, refused: refused + 1_000 });

    isLoaded = true;
    await server.restart();
    expect(await connection.waitUntilReady(10_000)).toBe(true);
    isLoaded = false;
    expect(await connection.run("key", ping, repeatable)).toBe("PONG");
    expect(connection.state.identity?.runId).not.toBe(before?.runId);
    expect(
      [...outcomes].filter((o) => !["fulfilled", "connection-lost", "not-connected"].includes(o)),
    ).toEqual([]);
    expect(unhandled).toEqual([]);
  });

  test("tells listeners about a new server before the first call reaches it", async () => {
    const server = await startRedis();
    const connection = await connectTo(server.url);
    const firstRunId = connection.state.identity?.runId ?? "";
    const seen: RedisState[] = [];
    const fromListener: Promise<string>[] = [];
    connection.onStateChange((state) => {
      seen.push(state);
      if (state.phase === "ready") fromListener.push(connection.run("key", ping, repeatable));
    });
    connection.onStateChange(() => {
      throw new Error("a listener's own trouble");
    });
    // Tries in every turn of the event loop. The first answer must come from a server that was announced.
    let announced: string | undefined;
    let answeredBy: string | undefined;
    let isTrying = true;
    const trying = (async () => {
      while (isTrying) {
        let atSending: RedisState | undefined;
        const ask = (redis: Redis) => {
          atSending = seen.at(-1);
          return redis.info("server");
        };
        try {
          const info = await connection.run("key", ask, repeatable);
          if (atSending !== undefined && answeredBy === undefined) {
            answeredBy = /run_id:(\w+)/.exec(info)?.[1];
            announced = atSending.phase === "ready" ? atSending.identity?.runId : "nobody";
          }
          // Before the kill nothing is announced, because listeners are only told about changes.
          if (atSending === undefined && !info.includes(firstRunId))
            answeredBy = "a server that nobody announced";
        } catch {}
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await server.kill();
    await until(() => seen.length === 1);
    await server.restart();
    await until(() => answeredBy !== undefined);
    isTrying = false;
    await trying;

    expect(seen.map(({ phase }) => phase)).toEqual(["connecting", "ready"]);
    expect(seen[0]?.identity?.runId).not.toBe(seen[1]?.identity?.runId);
    expect(answeredBy).toBe(announced);
    expect(await Promise.all(fromListener)).toEqual(["PONG"]);
  });

  test("accepts an answer that arrived in time, however busy this process was meanwhile", async () => {
    const server = await startRedis();
    const connection = await connectTo(server.url, { commandTimeoutMs: 200 });
    const calls = Array.from({ length: 10 }, () => connection.run("key", ping, once));
    await new Promise((resolve) => setImmediate(resolve));
    const until = performance.now() + 300;
    while (performance.now() < until);
    expect(new Set(reasonsOf(await Promise.allSettled(calls)))).toEqual(new Set(["fulfilled"]));
    expect(connection.statistics()).toMatchObject({ timedOut: 0, suspensions: 0 });
  });

  test("opens its breaker when calls to a stopped server time out, and closes it when the server continues", async () => {
    const unhandled = watchUnhandled();
    const server = await startRedis();
    const connection = await connectTo(server.url, { commandTimeoutMs: 60 });
    await freeze(server.pid());

    const first = Array.from({ length: 5 }, () => connection.run("key", ping, repeatable));
    expect(reasonsOf(await Promise.allSettled(first))).toEqual(Array(5).fill("timeout"));
    expect(connection.state.phase).toBe("suspended");
    expect(connection.statistics()).toMatchObject({ sent: 5, timedOut: 5, suspensions: 1, retried: 0 });

    const more = Array.from({ length: 1_000 }, () => connection.run("key", ping, repeatable));
    expect(new Set(reasonsOf(await Promise.allSettled(more)))).toEqual(new Set(["suspended"]));
    expect(connection.statistics()).toMatchObject({ sent: 5, refused: 1_000 });

    thaw(server.pid());
    expect(await connection.waitUntilReady(10_000)).toBe(true);
    expect(await connection.run("key", ping, repeatable)).toBe("PONG");
    expect(unhandled).toEqual([]);
  });

  test("retries a call whose connection broke, unless the call may have been executed already and is not idempotent", async () => {
    const server = await startRedis();
    const control = controlClient(server.url);
    const connection = await connectTo(server.url);
    const breakOnce = () => {
      let isFirst = true;
      return async (redis: Redis) => {
        if (!isFirst) return redis.incr("counter");
        isFirst = false;
        const counted = redis.incr("counter");
        counted.catch(() => {});
        await control.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        await until(() => redis.status !== "ready");
        throw new Error("Connection is closed.");
      };
    };
    await expect(connection.run("counter", breakOnce(), once)).rejects.toMatchObject({
      code: "REDIS_UNAVAILABLE",
      reason: "connection-lost",
      mayHaveRun: true,
    });
    expect(connection.statistics().retried).toBe(0);
    await connection.waitUntilReady(5_000);

    // The default retries wait 10 to 40 ms in all, hardly longer than a reconnection takes, so this has more.
    const patient = await connectTo(server.url, { maxRetries: 10 });
    expect(await patient.run("counter", breakOnce(), repeatable)).toBe(3);
    expect(patient.statistics().retried).toBe(1);
  });

  test("leaves a server that has become a replica, and treats it as another server when it is promoted", async () => {
    const server = await startRedis();
    const control = controlClient(server.url);
    const connection = await connectTo(server.url);
    const before = connection.state.identity;

    await control.replicaof("127.0.0.1", 1);
    await expect(connection.run("key", (redis) => redis.set("key", 1), once)).rejects.toMatchObject({
      reason: "refused",
      serverCode: "READONLY",
      mayHaveRun: false,
    });
    await until(() => connection.state.phase === "connecting");

    await control.replicaof("NO", "ONE");
    expect(await connection.waitUntilReady(10_000)).toBe(true);
    expect(await connection.run("key", (redis) => redis.set("key", 1), once)).toBe("OK");
    expect(connection.state.identity).toEqual({ ...before, replicationId: expect.any(String) });
    expect(connection.state.identity?.replicationId).not.toBe(before?.replicationId);
  });

  test("identifies the server by its INFO", async () => {
    const server = await startRedis({ args: ["--maxmemory-policy", "allkeys-lru"] });
    const info = await controlClient(server.url).info();
    const connection = await connectTo(server.url);
    const field = (name: string) => new RegExp(`^${name}:(.*)\r$`, "m").exec(info)?.[1];
    expect(connection.state).toEqual({
      phase: "ready",
      identity: {
        runId: field("run_id"),
        replicationId: field("master_replid"),
        role: "master",
        version: field("redis_version"),
        maxmemoryPolicy: "allkeys-lru",
      },
    });
  });

  test("passes on Redis' own error for a wrong call", async () => {
    const connection = await connectTo(redisUrl());
    await expect(connection.run("x", (redis) => redis.call("NO.SUCH.COMMAND"), once)).rejects.toMatchObject({
      name: "ReplyError",
    });
    expect(connection.state.phase).toBe("ready");
  });

  test("never shows its password in errors or logs, whether it is right or wrong", async () => {
    const password = "correct-horse-battery";
    const server = await startRedis();
    await controlClient(server.url).config("SET", "requirepass", password);
    const withPassword = (text: string) => server.url.replace("://", `://:${text}@`);

    const { lines, log } = recordingLog();
    const config = { maxRetries: 0, connectTimeoutMs: 2_000, commandTimeoutMs: 2_000 };
    const right = createRedisConnection({ ...config, url: withPassword(password) }, log);
    expect(await right.waitUntilReady(10_000)).toBe(true);
    const wrong = createRedisConnection({ ...config, url: withPassword("wrong-horse-battery") }, log);
    await until(() => lines.some((line) => line.includes("WRONGPASS")));
    const failure = await wrong.run("key", ping, once).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RedisUnavailableError);
    await Promise.all([right.close(), wrong.close()]);

    expect(everythingIn(failure)).not.toContain("horse");
    expect(lines.join("")).not.toContain("horse");
    expect(wrong.target).toBe(`redis://127.0.0.1:${server.port}/0`);
  });

  test("warns once per outage, however often it tries to reconnect", async () => {
    const server = await startRedis();
    const { lines, log } = recordingLog();
    const connection = createRedisConnection(
      { url: server.url, maxRetries: 0, connectTimeoutMs: 2_000, commandTimeoutMs: 2_000 },
      log,
    );
    await connection.waitUntilReady(10_000);
    await server.kill();
    const levels = () => lines.map((line): unknown => JSON.parse(line).level);
    await until(() => levels().filter((level) => level === 20).length >= 3);
    await server.restart();
    await connection.waitUntilReady(10_000);
    await connection.close();
    expect(levels().filter((level) => level === 40)).toHaveLength(1);
    expect(levels().filter((level) => level === 30)).toHaveLength(2);
  });

  test("closes in bounded time, even when the server is stopped, and lets running calls end", async () => {
    const server = await startRedis();
    const running = await connectTo(server.url);
    const answers = Array.from({ length: 100 }, (_, i) =>
      running.run("key", (redis) => redis.echo(String(i)), once),
    );
    await running.close();
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
    await expect(running.run("key", ping, once)).rejects.toMatchObject({ reason: "closed" });
    expect(running.state.phase).toBe("closed");

    const stuck = await connectTo(server.url, { commandTimeoutMs: 100 });
    await freeze(server.pid());
    await stuck.close();
    expect(stuck.state.phase).toBe("closed");
    thaw(server.pid());

    const never = createRedisConnection(
      { url: "redis://127.0.0.1:1", maxRetries: 0, connectTimeoutMs: 100, commandTimeoutMs: 100 },
      silent,
    );
    const ready = never.waitUntilReady(60_000);
    await never.close();
    expect(await ready).toBe(false);
  });

  test("also connects through a Unix socket, and selects the database that the URL names", async () => {
    const server = await startRedis({ args: ["--unixsocket", "redis.sock"] });
    const folder = (await controlClient(server.url).config("GET", "dir")) as [string, string];
    const connection = await connectTo(`unix://${folder[1]}/redis.sock?db=1`);
    await connection.run("key", (redis) => redis.set("key", "in database 1"), once);
    const control = controlClient(server.url);
    expect(await control.get("key")).toBeNull();
    await control.select(1);
    expect(await control.get("key")).toBe("in database 1");
  });
});

describe("a Lua script", () => {
  const definition = {
    keys: ["source", "target"],
    lua: `redis.call("SET", KEYS[2], ARGV[1]); return {redis.call("GET", KEYS[1]), #ARGV[2]}`,
    isIdempotent: true,
    parse: (reply: unknown) => reply,
  } as const;

  test("takes one round trip from its first call on, and two when the server has forgotten the script", async () => {
    const server = await startRedis();
    const control = controlClient(server.url);
    await control.set("{t}:a", "value");
    const proxy = await countRoundTrips(server.url);
    const connection = createRedisConnection(
      { url: proxy.url, maxRetries: 0, connectTimeoutMs: 2_000, commandTimeoutMs: 2_000 },
      silent,
    );
    const script = connection.defineScript("copy", definition);
    await connection.waitUntilReady(10_000);
    const call = () => script(["{t}:a", "{t}:b"], "written", Buffer.from([0xff, 0]));

    expect(await proxy.count(async () => expect(await call()).toEqual(["value", 2]))).toBe(1);
    await control.script("FLUSH");
    expect(await proxy.count(async () => expect(await call()).toEqual(["value", 2]))).toBe(2);
    expect(await proxy.count(call)).toBe(1);
    expect(await control.get("{t}:b")).toBe("written");

    // A restarted server has forgotten it too, but gets it with the new connection, before the first call.
    await server.restart();
    await until(() => connection.statistics().connections === 2 && connection.state.phase === "ready");
    expect(await proxy.count(call)).toBe(1);
    await connection.close();
  });

  test("returns Buffers when asked to, and no two scripts may have one name", async () => {
    const connection = await connectTo(redisUrl());
    const script = connection.defineScript("bytes", {
      keys: ["unused"],
      lua: "return ARGV[1]",
      isIdempotent: true,
      returnsBuffers: true,
      parse: (reply) => reply,
    });
    expect(await script(["k"], Buffer.from([0xff, 0x00]))).toEqual(Buffer.from([0xff, 0x00]));
    expect(() => connection.defineScript("bytes", definition)).toThrow(
      expect.objectContaining({ code: "SCRIPT_INVALID" }),
    );
  });
});
