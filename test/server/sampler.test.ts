import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startCacheInstance } from "./cacheInstance.ts";

const USERS = "query Names { users(first: 10) { nodes { username } } }";

describe.each([
  ["in memory", false],
  ["in Redis", true],
])("hits that are compared with the database, with the version table %s", async (_, isShared) => {
  const database = await createTestDatabase();
  const instance = await startCacheInstance({
    DATABASE_URL: database.url,
    CACHE_SAMPLE_RATE: "1",
    ...(isShared && { REDIS_URL: (await startRedis()).url }),
  });
  const { pool } = instance.app.database;
  const figures = () => instance.figures("samples violations bypasses");
  const firstName = (data: { users: { nodes: { username: string }[] } }) => data.users.nodes[0]!.username;

  const replayed = async () => firstName(await instance.ask(USERS));
  /** Without HTTP, so that the request cannot be replayed. */
  const throughGraphql = async () => {
    const response = await instance.app.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: USERS }),
    });
    return firstName(((await response.json()) as { data: Parameters<typeof firstName>[0] }).data);
  };

  /** A write that no trigger sees: the cache's promise assumes that nobody makes one. */
  async function writeUnseen(username: string): Promise<void> {
    const client = await pool.connect();
    await client.query("ALTER TABLE users DISABLE TRIGGER users_invalidate_update");
    await client.query("UPDATE users SET username = $1 WHERE id = $2", [username, keyOf(1)]);
    await client.query("ALTER TABLE users ENABLE TRIGGER users_invalidate_update");
    client.release();
  }

  beforeAll(async () => {
    await insertRows(pool, { users: 2 });
    await instance.untilServing();
  }, 60_000);
  beforeEach(async () => {
    await pool.query("UPDATE users SET username = 'right' WHERE id = $1", [keyOf(1)]);
    // The relay takes the change out of the outbox after it has reported it. An answer from before that may
    // be right by chance.
    await instance.until("the change is told", async () => {
      const { rows } = await pool.query("SELECT FROM cache_invalidations LIMIT 1");
      return rows.length === 0 && (await replayed()) === "right";
    });
    await instance.untilItHits(USERS);
  });

  test("that are right count neither as violations nor as look-ups", async () => {
    const before = await figures();
    await instance.until("a comparison", async () => {
      await replayed();
      return (await figures()).samples > before.samples;
    });
    expect(await figures()).toMatchObject({ violations: before.violations, bypasses: before.bypasses });
  });

  test.each([
    ["replayed", replayed],
    ["answered by GraphQL", throughGraphql],
  ])(
    "that are wrong are counted, logged without their values, and invalidated: %s",
    async (_, ask) => {
      const before = await figures();
      await writeUnseen("unseen");
      expect(await ask()).toBe("right");
      await instance.until("a violation", async () => {
        await ask();
        return (await figures()).violations > before.violations;
      });

      const line = instance.logs.atLeast(50).at(-1)!;
      expect(line).toMatchObject({ paths: ["data.users.nodes.0.username"] });
      expect(line.key).toMatch(/^response:/);
      expect(line.tags).toEqual(expect.arrayContaining(["User#", `User:${keyOf(1)}`]));
      expect(JSON.stringify(line)).not.toMatch(/unseen|right/);
      await instance.until("the right answer", async () => (await ask()) === "unseen");
      expect(await figures()).toMatchObject({ violations: before.violations + 1 });
    },
    60_000,
  );

  test("that are followed by an ordinary change are no violations", async () => {
    const before = await figures();
    // The comparison's statement waits for the table's lock, and the change overtakes it.
    const locker = await pool.connect();
    await locker.query("BEGIN");
    await locker.query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    await instance.until("a comparison waits", async () => {
      expect(await replayed()).toBe("right");
      const { rows } = await pool.query(
        "SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
      );
      return rows.length > 0;
    });
    await locker.query("UPDATE users SET username = 'changed' WHERE id = $1", [keyOf(1)]);
    await locker.query("COMMIT");
    locker.release();
    // The next comparison begins when this one has ended, after its wait.
    await instance.until("two comparisons", async () => {
      await replayed();
      return (await figures()).samples >= before.samples + 2;
    });
    expect(await replayed()).toBe("changed");
    expect((await figures()).violations).toBe(before.violations);
  }, 60_000);
});
