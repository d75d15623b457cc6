import { Redis } from "ioredis";
import { beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startCacheInstance } from "./cacheInstance.ts";

const ADMIN = `ADMIN:${keyOf(1)}`;
const USERS = "{ users(first: 10) { totalCount nodes { username } } }";
const INVALIDATE =
  "mutation ($input: InvalidateCacheInput!) { invalidateCache(input: $input) { tags keys isComplete } }";
const WARM = "mutation ($input: WarmCacheInput!) { warmCache(input: $input) { warmed notKept failed } }";
const RESET =
  "mutation ($input: ResetCacheStatisticsInput!) { resetCacheStatistics(input: $input) { figures } }";

const paths = (errors: { extensions: { issues: { path: unknown[] }[] } }[] | undefined) =>
  errors![0]!.extensions.issues.map(({ path }) => path.join("."));

describe("administration of two instances on one Redis", async () => {
  const database = await createTestDatabase();
  const redis = await startRedis();
  const env = { DATABASE_URL: database.url, REDIS_URL: redis.url };
  const [one, two] = [await startCacheInstance(env), await startCacheInstance(env)];
  beforeAll(async () => {
    await insertRows(one.app.database.pool, { users: 3 });
    await one.untilServing();
    await two.untilServing();
  }, 60_000);

  test.each([
    [INVALIDATE, { tags: ["User#"] }],
    [WARM, { operations: [{ query: USERS }] }],
    [RESET, {}],
  ])("is for administrators alone: %s", async (mutation, input) => {
    for (const authorization of [`USER:${keyOf(1)}`, `USER:${keyOf(2)}`]) {
      const { data, errors } = await one.send(mutation, { input }, authorization);
      expect(data).toBeNull();
      expect(errors!.map(({ extensions }) => extensions)).toEqual([{ code: "FORBIDDEN" }]);
    }
  });

  test("invalidating a tag ends the entries with that tag, on every instance, and no others", async () => {
    const other = `{ project(id: "Project:${keyOf(7)}") { id } }`;
    for (const instance of [one, two]) {
      await instance.untilItHits(USERS);
      await instance.untilItHits(other);
    }
    const data = await one.ask(INVALIDATE, { input: { tags: ["User#", "User#"] } }, ADMIN);
    expect(data.invalidateCache).toEqual({ tags: 1, keys: 0, isComplete: true });
    expect((await two.send(USERS)).status).toContain("fwd=miss");
    for (const instance of [one, two]) expect((await instance.send(other)).status).toContain("hit");
  });

  test("a pattern deletes keys of the cache manager, and no other program's keys", async () => {
    const cache = one.app.cache!;
    const stranger = new Redis(redis.url);
    await stranger.set("session:1", "theirs");
    await cache.setMultiple(["session:1", "session:2", "other:1"].map((key) => ({ key, value: key })));
    const data = await two.ask(INVALIDATE, { input: { pattern: "session:*" } }, ADMIN);
    expect(data.invalidateCache).toEqual({ tags: 0, keys: 2, isComplete: true });
    expect([...(await cache.getMultiple(["session:1", "session:2", "other:1"])).keys()]).toEqual(["other:1"]);
    expect(await stranger.get("session:1")).toBe("theirs");
    stranger.disconnect();
  });

  test("the input of invalidateCache is checked and bounded", async () => {
    const refused = async (input: unknown) => paths((await one.send(INVALIDATE, { input }, ADMIN)).errors);
    expect(await refused({})).toEqual(["input"]);
    expect(await refused({ tags: [] })).toEqual(["input"]);
    expect(await refused({ tags: ["User#", "Nothing:1", "Project"] })).toEqual([
      "input.tags.1",
      "input.tags.2",
    ]);
    expect(await refused({ tags: Array.from({ length: 1_001 }, (_, n) => `User:${n}`) })).toEqual([
      "input.tags",
    ]);
    expect(await refused({ pattern: "" })).toEqual(["input.pattern"]);
    expect(await refused({ pattern: "a*a*a*a*a*a*" })).toEqual(["input.pattern"]);
  });

  test("queries are warmed for the viewer who asks; mutations and invalid operations count as failed and are never run", async () => {
    const users = "query ($n: Int!) { users(first: $n) { nodes { id } } }";
    const create = 'mutation { upsertUser(input: { githubId: "99", username: "never" }) { user { id } } }';
    const operations = [
      { query: users, variables: '{"n":2}' },
      { query: "query A { users { totalCount } } query B { projects { totalCount } }", operationName: "B" },
      { query: "{ health { status } }" },
      { query: create },
      { query: "query A { users { totalCount } } mutation B { __typename }", operationName: "B" },
      { query: "{ nothing }" },
      { query: "{ users(" },
    ];
    const data = await one.ask(WARM, { input: { operations } }, ADMIN);
    expect(data.warmCache).toEqual({ warmed: 2, notKept: 1, failed: 4 });
    expect((await one.send(users, { n: 2 }, ADMIN)).status).toContain("hit");
    // Another viewer's answer is a different one. Its rows are cached already.
    const statements = one.app.database.pool.totalCount;
    expect((await one.send(users, { n: 2 })).status).toContain("fwd=miss");
    expect(one.app.database.pool.totalCount).toBe(statements);
    expect(await one.ask('{ user(githubId: "99") { id } }')).toEqual({ user: null });
  });

  test("the input of warmCache is checked and bounded", async () => {
    const refused = async (operations: unknown) =>
      paths((await one.send(WARM, { input: { operations } }, ADMIN)).errors);
    expect(await refused([])).toEqual(["input.operations"]);
    expect(await refused(Array.from({ length: 101 }, () => ({ query: USERS })))).toEqual([
      "input.operations",
    ]);
    expect(
      await refused([{ query: "" }, { query: USERS, variables: "[1]" }, { query: USERS, variables: "{" }]),
    ).toEqual(["input.operations.0.query", "input.operations.1.variables", "input.operations.2.variables"]);
  });

  test("resetCacheStatistics resets the named figures or all, and leaves the entries", async () => {
    await one.untilItHits(USERS);
    const selection = "localHits entries replay { hits requests } manager { total { hits } }";
    const before = await one.figures(selection);
    expect(before.manager.total.hits).toBeGreaterThan(0);
    expect(before.replay.hits).toBeGreaterThan(0);
    expect(await one.ask(RESET, { input: { figures: ["MANAGER"] } }, ADMIN)).toEqual({
      resetCacheStatistics: { figures: ["MANAGER"] },
    });
    expect(await one.figures(selection)).toEqual({ ...before, manager: { total: { hits: 0 } } });
    await one.ask(RESET, { input: {} }, ADMIN);
    expect(await one.figures(selection)).toEqual({
      localHits: 0,
      entries: before.entries,
      replay: { hits: 0, requests: before.replay.requests },
      manager: { total: { hits: 0 } },
    });
  });

  test("cacheStatistics also reports its figures by layer and kind", async () => {
    await one.ask(RESET, { input: {} }, ADMIN);
    const id = `User:${keyOf(1)}`;
    const query = `{ node(id: "${id}") { id } users(first: 1) { nodes { id } } userStatistics { total } }`;
    expect((await one.send(query)).status).toContain("fwd=miss");
    expect((await one.send(query)).status).toContain("hit");
    const { layers, ...total } = await one.figures(
      "misses localHits layers { layer misses localHits fills kinds { kind misses } }",
    );
    const of = (name: string) => layers.find(({ layer }: { layer: string }) => layer === name);
    expect(layers.map(({ layer }: { layer: string }) => layer)).toEqual([
      "RESPONSES",
      "ENTITIES",
      "COLLECTIONS",
      "STATISTICS",
    ]);
    expect(of("RESPONSES")).toMatchObject({ misses: 1, localHits: 1, fills: 1 });
    expect(of("ENTITIES").kinds).toContainEqual({ kind: "user", misses: 1 });
    expect(of("COLLECTIONS").kinds).toContainEqual({ kind: "users", misses: 1 });
    expect(of("STATISTICS").kinds).toContainEqual({ kind: "userStatistics", misses: 1 });
    expect(total).toEqual({ misses: 4, localHits: 1 });
  });

  test("cacheStatistics reports the lag of changes past the service, and the pending transactions", async () => {
    const before = await one.figures("relayedChanges");
    const others = (await two.figures("relayedChanges")).relayedChanges;
    await one.app.database.pool.query("UPDATE users SET username = 'psql' WHERE id = $1", [keyOf(1)]);
    await one.until("the change is told", async () => {
      const told = [await one.figures("relayedChanges"), await two.figures("relayedChanges")];
      return told[0].relayedChanges + told[1].relayedChanges > before.relayedChanges + others;
    });
    const reports = [];
    for (const instance of [one, two]) {
      const { status, relay, relayedChanges } = await instance.figures(
        "relayedChanges relay { lastReportAgeMs lagP50Ms lagP99Ms lagMaxMs } status { pendingTransactions epoch { name state ageMs } }",
      );
      expect(status).toMatchObject({ pendingTransactions: 0, epoch: { state: "LIVE" } });
      expect(status.epoch.ageMs).toBeGreaterThan(0);
      expect(relay.lastReportAgeMs).toBeGreaterThanOrEqual(0);
      expect(relay.lagP50Ms).toBeLessThanOrEqual(relay.lagP99Ms);
      expect(relay.lagMaxMs > 0).toBe(relayedChanges > 0);
      reports.push(status.epoch.name);
    }
    expect(reports[0]).toBe(reports[1]);
  });

  test("without Redis the cache reports what keeps it from serving, and an invalidation still takes effect", async () => {
    await one.untilItHits(USERS);
    await redis.kill();
    const { status } = await one.figures("status { isServing obstacle }");
    expect(status).toEqual({ isServing: false, obstacle: "UNREACHABLE" });
    const data = await one.ask(INVALIDATE, { input: { tags: ["User#"], pattern: "*" } }, ADMIN);
    expect(data.invalidateCache).toEqual({ tags: 1, keys: 0, isComplete: false });
    expect((await one.figures("status { obstacle }")).status.obstacle).toBe("LOST");
    await redis.restart();
    await one.untilItHits(USERS);
  }, 60_000);
});

describe("administration of one instance without Redis", async () => {
  const database = await createTestDatabase();
  const instance = await startCacheInstance({ DATABASE_URL: database.url });
  beforeAll(() => instance.untilServing(), 60_000);

  test("tags are invalidated in memory, and there are no keys to delete", async () => {
    await instance.untilItHits(USERS);
    const data = await instance.ask(INVALIDATE, { input: { tags: ["User!"], pattern: "*" } }, ADMIN);
    expect(data.invalidateCache).toEqual({ tags: 1, keys: 0, isComplete: true });
    expect((await instance.send(USERS)).status).toContain("fwd=miss");
    expect((await instance.figures("manager { since }")).manager).toBeNull();
  });

  test("a cache that is turned off reports that, and keeps nothing when it is warmed", async () => {
    const off = await startCacheInstance({
      DATABASE_URL: (await createTestDatabase()).url,
      CACHE_ENABLED: "false",
    });
    const { status } = await off.figures("status { isServing obstacle }");
    expect(status).toEqual({ isServing: false, obstacle: "OFF" });
    const data = await off.ask(WARM, { input: { operations: [{ query: USERS }] } }, ADMIN);
    expect(data.warmCache).toEqual({ warmed: 0, notKept: 1, failed: 0 });
  });
});
