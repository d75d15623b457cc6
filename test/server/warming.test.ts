import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { NOBODY } from "../../src/repositories/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { KEEPER, startCacheInstance } from "./cacheInstance.ts";

/** Without Redis, a start's epoch begins only ten seconds after the last epoch went live. */
const START_TIMEOUT_MS = 180_000;

const COUNT = "{ users { totalCount } }";
const ONE = "query One($id: ID!) { node(id: $id) { id } }";
const ADA = `USER:${keyOf(1)}`;
const UPSERT =
  "mutation ($githubId: String!, $username: String!) { upsertUser(input: { githubId: $githubId, username: $username }) { user { id } } }";

const linesOf = ({ logs }: Awaited<ReturnType<typeof startCacheInstance>>, message: string) =>
  logs.lines.filter((line) => line.msg === message);

describe.each([
  ["in memory", false],
  ["in Redis", true],
])("warming, with the version table %s", async (_, isShared) => {
  const database = await createTestDatabase();
  const env = {
    DATABASE_URL: database.url,
    ...(isShared && { REDIS_URL: (await startRedis()).url }),
  };
  const admin = new pg.Pool({ connectionString: database.url, max: 1 });
  atEndOfFile(() => admin.end());
  await insertRows(admin, { users: 2 });
  const saved = async () =>
    (
      await admin.query(
        `SELECT query, variables, operation_name, user_id, role, round(requests::numeric, 1)::float8 AS requests
         FROM warm_operations ORDER BY requests DESC, query`,
      )
    ).rows;

  test(
    "the most requested operations are saved when the service stops, with their viewers and counts, but no secrets",
    async () => {
      const instance = await startCacheInstance(env);
      await instance.untilServing();
      await instance.ask(UPSERT, { githubId: "7", username: "grace" });
      const id = `User:${keyOf(1)}`;
      await instance.untilItHits(ONE, { id }, ADA);
      for (let count = 0; count < 5; count++) await instance.ask(ONE, { id }, ADA);
      await instance.untilItHits(COUNT);
      await instance.app.close();

      const rows = await saved();
      expect(rows).toEqual([
        {
          query: ONE,
          variables: JSON.stringify({ id }),
          operation_name: null,
          user_id: keyOf(1),
          role: "USER",
          requests: expect.any(Number),
        },
        {
          query: COUNT,
          variables: "{}",
          operation_name: null,
          user_id: KEEPER.userId,
          role: "ADMIN",
          requests: 2,
        },
      ]);
      expect(rows[0].requests).toBeGreaterThanOrEqual(7);
      expect(JSON.stringify((await admin.query("SELECT * FROM warm_operations")).rows)).not.toContain(ADA);
    },
    START_TIMEOUT_MS,
  );

  test(
    "the next start runs them, so that the first client to ask gets a hit",
    async () => {
      const instance = await startCacheInstance(env);
      await instance.until("the cache is warm", () => linesOf(instance, "the cache is warm").length > 0);
      expect(linesOf(instance, "warming the cache")).toMatchObject([{ operations: 2 }]);
      expect(linesOf(instance, "the cache is warm")).toMatchObject([{ warmed: 2, notKept: 0, failed: 0 }]);
      expect((await instance.send(ONE, { id: `User:${keyOf(1)}` }, ADA)).status).toContain("hit");
      expect((await instance.send(COUNT)).status).toContain("hit");
      // It is warm for the viewer of the saved operation, and for nobody else.
      expect((await instance.send(ONE, { id: `User:${keyOf(1)}` })).status).toContain("fwd=miss");
      await instance.app.close();
    },
    START_TIMEOUT_MS,
  );

  test(
    "the counts of several runs add up, and operations of deleted users are neither warmed nor kept",
    async () => {
      const before = await saved();
      await admin.query("DELETE FROM users WHERE id = $1", [keyOf(1)]);
      const instance = await startCacheInstance({ ...env, CACHE_WARM_COUNT: "2" });
      await instance.until("the cache is warm", () => linesOf(instance, "the cache is warm").length > 0);
      await instance.untilItHits(COUNT);
      for (let count = 0; count < 9; count++) await instance.ask(COUNT);
      await instance.app.close();
      const rows = await saved();
      expect(rows.filter(({ user_id }) => user_id === keyOf(1))).toEqual([]);
      const countOf = (all: typeof rows) => all.find(({ query }) => query === COUNT).requests;
      expect(countOf(rows)).toBeGreaterThanOrEqual(countOf(before) + 9);
    },
    START_TIMEOUT_MS,
  );

  test(
    "no more operations are kept than CACHE_WARM_COUNT, and none if it is 0",
    async () => {
      const instance = await startCacheInstance({ ...env, CACHE_WARM_COUNT: "1" });
      await instance.untilServing();
      for (const query of ["{ projects { totalCount } }", COUNT, COUNT]) await instance.ask(query);
      await instance.app.close();
      expect((await saved()).map(({ query }) => query)).toEqual([COUNT]);

      await admin.query("TRUNCATE warm_operations");
      const off = await startCacheInstance({ ...env, CACHE_WARM_COUNT: "0" });
      await off.untilServing();
      await off.untilItHits(COUNT);
      await off.app.close();
      expect(await saved()).toEqual([]);
    },
    START_TIMEOUT_MS,
  );

  test(
    "the list in CACHE_WARM_FILE is warmed instead, and its failures are counted",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "stack-converter-warm-"));
      atEndOfFile(() => rm(folder, { recursive: true }));
      const file = join(folder, "warm.json");
      const operations = [
        { query: COUNT },
        { query: ONE, variables: { id: `User:${keyOf(2)}` } },
        { query: 'mutation { deleteUser(input: { id: "x" }) { deletedId } }' },
        ...Array.from({ length: 30 }, (_, n) => ({ query: `{ users(first: ${n + 1}) { nodes { id } } }` })),
      ];
      await writeFile(file, JSON.stringify(operations));
      const instance = await startCacheInstance({ ...env, CACHE_WARM_FILE: file });
      await instance.until("the cache is warm", () => linesOf(instance, "the cache is warm").length > 0);
      // On a busy machine the cache may vouch for nothing at some moment. It keeps no answer of that moment.
      const [warm] = linesOf(instance, "the cache is warm");
      expect(warm).toMatchObject({ failed: 1 });
      expect(Number(warm!.warmed) + Number(warm!.notKept)).toBe(32);
      expect(linesOf(instance, "warming the cache")).toMatchObject([
        { operations: 33 },
        { operations: 33, done: 20, failed: 1 },
      ]);
      // A file's operations run as an administrator who is no real user.
      if (warm!.notKept === 0)
        expect((await instance.send(ONE, { id: `User:${keyOf(2)}` }, `ADMIN:${NOBODY}`)).status).toContain(
          "hit",
        );
      await instance.app.close();

      await writeFile(file, "[{]");
      const broken = await startCacheInstance({ ...env, CACHE_WARM_FILE: file });
      await broken.until("the log says so", () => broken.logs.atLeast(50).length > 0);
      expect(broken.logs.atLeast(50)).toMatchObject([{ msg: "the cache was not warmed", file }]);
      await broken.untilItHits(COUNT);
      await broken.app.close();
    },
    START_TIMEOUT_MS,
  );
});
