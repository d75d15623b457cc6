import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { viewerOf } from "../../src/auth/viewer.ts";
import { createRedisConnection } from "../../src/cache/connection.ts";
import { createRateLimiter, type RateLimiter, type RateSubject } from "../../src/server/rateLimiter.ts";
import { createRedisBucket } from "../../src/server/tokenBucket.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { startRedis } from "../support/redis.ts";

const log = pino({ level: "silent" });

/** A clock that moves only when `pass` is called. */
function createClock() {
  let ms = 1_000_000;
  return { now: () => ms, pass: (by: number) => (ms += by) };
}

const stranger = (limiter: RateLimiter, address = "192.0.2.1"): RateSubject =>
  limiter.subjectOf(null, address)!;

async function admitted(
  limiter: RateLimiter,
  subject: RateSubject,
  requests: number,
  cost = 1,
): Promise<number> {
  let count = 0;
  for (let request = 0; request < requests; request++) {
    if ((await limiter.take(subject, cost)).isAdmitted) count++;
  }
  return count;
}

describe("one instance", () => {
  const limits = { viewer: 1_000, stranger: 600 };

  test("admits the whole limit at once, and then as much as comes back over a minute", async () => {
    const clock = createClock();
    const limiter = createRateLimiter({ limits, shared: undefined, now: clock.now });
    const subject = stranger(limiter);
    expect(await admitted(limiter, subject, 700)).toBe(600);
    expect(await limiter.take(subject, 1)).toEqual({
      subject: { policy: "stranger", name: "stranger:192.0.2.1" },
      limit: 600,
      isAdmitted: false,
      remaining: 0,
      retryAfterSeconds: 1,
    });
    clock.pass(1_000);
    expect(await admitted(limiter, subject, 20)).toBe(10);
    clock.pass(3_600_000);
    expect(await admitted(limiter, subject, 700)).toBe(600);
  });

  test("says when to retry, and admits the request then", async () => {
    const clock = createClock();
    const limiter = createRateLimiter({ limits, shared: undefined, now: clock.now });
    const subject = stranger(limiter);
    await admitted(limiter, subject, 600);
    const { isAdmitted, retryAfterSeconds } = await limiter.take(subject, 300);
    expect([isAdmitted, retryAfterSeconds]).toEqual([false, 30]);
    clock.pass(29_000);
    expect((await limiter.take(subject, 300)).isAdmitted).toBe(false);
    expect((await limiter.take(subject, 1)).isAdmitted).toBe(true);
    clock.pass(2_000);
    expect((await limiter.take(subject, 300)).isAdmitted).toBe(true);
  });

  test("counts each viewer and each address separately, and an IPv6 network as one address", async () => {
    const limiter = createRateLimiter({ limits, shared: undefined });
    const viewer = limiter.subjectOf(viewerOf("u1", "USER"), "192.0.2.1")!;
    expect(viewer).toEqual({ policy: "viewer", name: "viewer:u1" });
    expect(await admitted(limiter, stranger(limiter), 601)).toBe(600);
    expect(await admitted(limiter, viewer, 1_001)).toBe(1_000);
    expect(await admitted(limiter, stranger(limiter, "2001:db8::1"), 600)).toBe(600);
    expect((await limiter.take(stranger(limiter, "2001:db8::2:3"), 1)).isAdmitted).toBe(false);
    expect((await limiter.take(stranger(limiter, "2001:db8:0:1::1"), 1)).isAdmitted).toBe(true);
  });

  test("admits a request that costs more than the limit if no units are spent", async () => {
    const limiter = createRateLimiter({ limits, shared: undefined });
    expect((await limiter.take(stranger(limiter), 1_000_000)).isAdmitted).toBe(true);
    expect((await limiter.take(stranger(limiter), 1)).isAdmitted).toBe(false);
  });

  test("counts nobody if the limit is 0, and no stranger without an address", () => {
    const limiter = createRateLimiter({ limits: { viewer: 0, stranger: 10 }, shared: undefined });
    expect(limiter.subjectOf(viewerOf("u1", "USER"), "192.0.2.1")).toBeUndefined();
    expect(limiter.subjectOf(null, undefined)).toBeUndefined();
  });

  test("spends its lease without asking the shared bucket, and leases one share at a time", async () => {
    const asked: number[] = [];
    const limiter = createRateLimiter({
      limits,
      shared: async ({ wanted }) => {
        asked.push(wanted);
        return { granted: wanted, left: 500 };
      },
    });
    const subject = stranger(limiter);
    const decisions = await Promise.all(Array.from({ length: 18 }, () => limiter.take(subject, 1)));
    expect(decisions.every(({ isAdmitted }) => isAdmitted)).toBe(true);
    expect(asked).toEqual([6, 6, 6]);
    expect(limiter.takeAtOnce(subject, 1)).toBeUndefined();
    await limiter.take(subject, 1);
    expect(limiter.takeAtOnce(subject, 5)?.isAdmitted).toBe(true);
    expect(limiter.takeAtOnce(subject, 1)).toBeUndefined();
  });

  test("does not ask the shared bucket while it knows that nothing is left", async () => {
    let asked = 0;
    const clock = createClock();
    const limiter = createRateLimiter({
      limits,
      now: clock.now,
      shared: async () => {
        asked++;
        return { granted: 0, left: 0.5 };
      },
    });
    const subject = stranger(limiter);
    expect(limiter.exhausted(subject)).toBeUndefined();
    expect(await admitted(limiter, subject, 100)).toBe(0);
    expect(asked).toBe(1);
    expect(limiter.exhausted(subject)).toMatchObject({ isAdmitted: false, retryAfterSeconds: 1 });
    clock.pass(100);
    expect(limiter.exhausted(subject)).toBeUndefined();
  });
});

describe("instances that share a Redis", async () => {
  const redis = await startRedis();
  const connect = () => {
    const connection = createRedisConnection(
      { url: redis.url, maxRetries: 0, connectTimeoutMs: 1_000, commandTimeoutMs: 1_000 },
      log,
    );
    atEndOfFile(() => connection.close());
    return connection;
  };
  const start = async (limit: number) => {
    const connection = connect();
    await connection.waitUntilReady(10_000);
    return createRateLimiter({
      limits: { viewer: 0, stranger: limit },
      shared: createRedisBucket(connection, "test"),
    });
  };

  test("together admit the limit, except for what they have leased and not spent", async () => {
    // One unit comes back every 60 ms.
    const limit = 1_000;
    const instances = await Promise.all(Array.from({ length: 5 }, () => start(limit)));
    const startedAt = performance.now();
    const counts = await Promise.all(
      instances.map((instance) => admitted(instance, stranger(instance, "192.0.2.7"), limit)),
    );
    const sum = counts.reduce((total, count) => total + count, 0);
    const cameBack = Math.ceil(((performance.now() - startedAt) * limit) / 60_000);
    expect(sum).toBeGreaterThanOrEqual(limit - instances.length * (limit / 100));
    expect(sum).toBeLessThanOrEqual(limit + cameBack);
  });

  test("know of each other's requests at once, and a new instance of those before its start", async () => {
    const [one, other] = [await start(100), await start(100)];
    expect(await admitted(one, stranger(one, "192.0.2.8"), 1, 100)).toBe(1);
    expect((await other.take(stranger(other, "192.0.2.8"), 1)).isAdmitted).toBe(false);
    const later = await start(100);
    expect((await later.take(stranger(later, "192.0.2.8"), 50)).isAdmitted).toBe(false);
  });

  test("count separately while Redis is away, and together again afterwards", {
    timeout: 60_000,
  }, async () => {
    const [one, other] = [await start(100), await start(100)];
    await redis.kill();
    for (const instance of [one, other]) {
      expect(await admitted(instance, stranger(instance, "192.0.2.9"), 1, 90)).toBe(1);
      expect((await instance.take(stranger(instance, "192.0.2.9"), 50)).isAdmitted).toBe(false);
    }
    await redis.restart();
    const subject = stranger(one, "192.0.2.10");
    await expect
      .poll(
        async () => {
          await one.take(subject, 100);
          return (await other.take(stranger(other, "192.0.2.10"), 100)).isAdmitted;
        },
        { timeout: 20_000 },
      )
      .toBe(false);
  });
});
