import { describe, expect, test } from "vitest";
import { describeTarget, parseRedisUrl } from "../../src/cache/redisUrl.ts";
import { slotOf } from "../../src/cache/slot.ts";
import { loadConfig } from "../../src/config.ts";

const VALID = {
  "redis://localhost": { kind: "single", endpoint: { host: "localhost", port: 6379 }, isTls: false, db: 0 },
  "rediss://ann:p%40ss@cache.example:6380/3": {
    kind: "single",
    endpoint: { host: "cache.example", port: 6380 },
    isTls: true,
    db: 3,
    username: "ann",
    password: "p@ss",
  },
  "redis://:p@ss@[::1]:7000?db=2": {
    kind: "single",
    endpoint: { host: "::1", port: 7000 },
    isTls: false,
    db: 2,
    password: "p@ss",
  },
  "/run/redis.sock": { kind: "socket", path: "/run/redis.sock", isTls: false, db: 0 },
  "unix://:secret@/run/redis.sock?db=1": {
    kind: "socket",
    path: "/run/redis.sock",
    isTls: false,
    db: 1,
    password: "secret",
  },
  "redis+sentinel://:secret@a,b:5000/main?db=4&sentinelPassword=other": {
    kind: "sentinel",
    endpoints: [
      { host: "a", port: 26379 },
      { host: "b", port: 5000 },
    ],
    masterName: "main",
    isTls: false,
    db: 4,
    password: "secret",
    sentinel: { password: "other" },
  },
  "rediss+cluster://ann:secret@a:1,b": {
    kind: "cluster",
    endpoints: [
      { host: "a", port: 1 },
      { host: "b", port: 6379 },
    ],
    isTls: true,
    db: 0,
    username: "ann",
    password: "secret",
  },
};

const INVALID = [
  "http://localhost",
  "redis://",
  "redis://hunter2:0",
  "redis://localhost:70000",
  "redis://a,b",
  "redis://localhost/hunter2",
  "redis://localhost?hunter2=1",
  "redis://:hun/ter2@localhost",
  "redis://:hunter2%@localhost",
  "redis+sentinel://:hunter2@a",
  "redis+cluster://:hunter2@a/1",
  "unix://hunter2/run/redis.sock",
  "unix://",
];

describe("a REDIS_URL", () => {
  test.each(Object.entries(VALID))("%s is read", (url, target) => {
    expect(parseRedisUrl(url)).toEqual(target);
  });

  test.each(INVALID)("%s is refused without repeating any part of it", (url) => {
    expect(() => parseRedisUrl(url)).toThrow(expect.objectContaining({ code: "REDIS_URL_INVALID" }));
    expect(() => parseRedisUrl(url)).not.toThrow(/hun|ter2/);
  });

  test("is described without credentials", () => {
    const described = Object.keys(VALID).map((url) => describeTarget(parseRedisUrl(url)));
    expect(described).toEqual([
      "redis://localhost:6379/0",
      "rediss://cache.example:6380/3",
      "redis://[::1]:7000/2",
      "unix:///run/redis.sock?db=0",
      "unix:///run/redis.sock?db=1",
      "redis+sentinel://a:26379,b:5000/main?db=4",
      "rediss+cluster://a:1,b:6379",
    ]);
  });

  test("is accepted by the configuration in each of these forms", () => {
    for (const url of Object.keys(VALID)) {
      expect(loadConfig({ REDIS_URL: url }).redis).toEqual({
        url,
        maxRetries: 2,
        connectTimeoutMs: 2_000,
        commandTimeoutMs: 250,
      });
    }
    expect(loadConfig({}).redis).toBeUndefined();
    expect(() => loadConfig({ REDIS_URL: "http://:hunter2@localhost" })).toThrow(
      /REDIS_URL: expected redis:\/\//,
    );
    expect(() => loadConfig({ REDIS_URL: "http://:hunter2@localhost" })).not.toThrow(/hunter2/);
  });
});

describe("slotOf", () => {
  // From the Redis Cluster specification, and from CLUSTER KEYSLOT on Redis 7.0.
  test.each([
    ["123456789", 12739],
    ["{user1000}.following", 3443],
    ["{user1000}.followers", 3443],
    ["foo{}{bar}", 8363],
    ["foo{{bar}}zap", 4015],
    ["foo{bar}{zap}", 5061],
    ["", 0],
  ])("puts %j into slot %i", (key, slot) => {
    expect(slotOf(key)).toBe(slot);
  });
});
