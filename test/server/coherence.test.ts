import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { pino } from "pino";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { DRAIN } from "../../src/coherence/write.ts";
import { loadConfig } from "../../src/config.ts";
import { asTester } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { recordStatements, withoutTransactionControl } from "../support/sql.ts";

/** One instance of the service, asked without a socket. */
async function startInstance(env: Record<string, string>) {
  const config = loadConfig({ NODE_ENV: "test", ...env });
  const app = await createApp(config, pino({ level: "silent" }), asTester);
  atEndOfFile(app.close);

  async function ask(query: string, variables: Record<string, unknown> = {}) {
    const response = await app.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: Record<string, unknown>; errors?: unknown };
    expect(errors).toBeUndefined();
    return data;
  }

  /** The statements that the work sends, without transaction control. */
  async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
    const recording = recordStatements(app.database.pool);
    await work();
    recording.stop();
    return withoutTransactionControl(recording.statements).map(({ text }) => text);
  }

  /** Repeats the query until an epoch is live: from then on, a repeated read costs no statement. */
  async function untilItHits(query: string): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt++) {
      await ask(query);
      if ((await statementsOf(() => ask(query))).length === 0) return;
      await sleep(50);
    }
    throw new Error(`Expected an answer from the cache within 20 s, got none: ${query}`);
  }

  return { app, ask, statementsOf, untilItHits };
}

const UPSERT = `mutation ($githubId: String!, $username: String!) {
  upsertUser(input: { githubId: $githubId, username: $username }) { user { id } }
}`;
const USER = "query ($githubId: String!) { user(githubId: $githubId) { id username } }";
const OVERVIEW = "{ users(first: 100) { totalCount nodes { username } } userStatistics { total } }";
const usernames = (data: Record<string, unknown>) =>
  (data.users as { nodes: { username: string }[] }).nodes.map(({ username }) => username);

describe("two instances on one database and one Redis", async () => {
  const database = await createTestDatabase();
  const redis = await startRedis();
  const env = { DATABASE_URL: database.url, REDIS_URL: redis.url };
  const [one, two] = [await startInstance(env), await startInstance(env)];
  beforeAll(async () => {
    await one.untilItHits(OVERVIEW);
    await two.untilItHits(OVERVIEW);
  }, 60_000);

  test("a repeated read costs no statement", async () => {
    await one.ask(UPSERT, { githubId: "1", username: "first" });
    await one.untilItHits(OVERVIEW);
  });

  test("cacheStatistics reports hits, misses, and the number and size of entries", async () => {
    const figures = async () => {
      const data = await one.ask("{ cacheStatistics { localHits misses entries bytes epochChanges } }");
      return data.cacheStatistics as Record<string, number>;
    };
    const before = await figures();
    await one.untilItHits(OVERVIEW);
    const after = await figures();
    expect(after.localHits).toBeGreaterThan(before.localHits!);
    expect(after.entries).toBeGreaterThan(0);
    expect(after.bytes).toBeGreaterThan(0);
    expect(after.epochChanges).toBeGreaterThan(0);
    // Reading the figures does not count as a look-up.
    expect((await figures()).misses).toBe(after.misses);
  });

  test("a write costs one statement more, which drains its tags", async () => {
    const statements = await one.statementsOf(() => one.ask(UPSERT, { githubId: "1", username: "again" }));
    expect(statements).toHaveLength(2);
    expect(statements[1]).toBe(DRAIN);
  });

  test("a write that one instance has acknowledged is visible on the other: in rows, lists, counts, statistics, and look-ups that had found nothing", async () => {
    for (let round = 0; round < 25; round++) {
      const githubId = `1000${round}`;
      const [writer, reader] = round % 2 === 0 ? [one, two] : [two, one];
      expect(await reader.ask(USER, { githubId })).toEqual({ user: null });
      const before = usernames(await reader.ask(OVERVIEW));

      await writer.ask(UPSERT, { githubId, username: `user ${round}` });
      expect(await reader.ask(USER, { githubId })).toMatchObject({ user: { username: `user ${round}` } });
      const after = await reader.ask(OVERVIEW);
      expect(usernames(after)).toEqual([...before, `user ${round}`]);
      expect(after).toMatchObject({
        users: { totalCount: before.length + 1 },
        userStatistics: { total: before.length + 1 },
      });

      await writer.ask(UPSERT, { githubId, username: `renamed ${round}` });
      expect(await reader.ask(USER, { githubId })).toMatchObject({ user: { username: `renamed ${round}` } });
      expect(usernames(await reader.ask(OVERVIEW))).toEqual([...before, `renamed ${round}`]);
    }
  });

  test("a write past the service becomes visible within a second", async () => {
    await one.ask(UPSERT, { githubId: "77", username: "inside" });
    await two.untilItHits(OVERVIEW);
    const outside = new pg.Client({ connectionString: database.url });
    await outside.connect();
    await outside.query("UPDATE users SET username = 'outside' WHERE github_id = '77'");
    await outside.end();
    // This is the bound that the service promises, not a measurement: after it, nobody may see the old value.
    await sleep(1_000);
    for (const instance of [one, two]) {
      expect(await instance.ask(USER, { githubId: "77" })).toMatchObject({ user: { username: "outside" } });
    }
  });

  test("while Redis is down every read and write is answered correctly, and afterwards the cache recovers by itself", async () => {
    await one.untilItHits(OVERVIEW);
    await redis.kill();
    for (let round = 0; round < 5; round++) {
      await one.ask(UPSERT, { githubId: "88", username: `dead ${round}` });
      expect(await two.ask(USER, { githubId: "88" })).toMatchObject({ user: { username: `dead ${round}` } });
    }
    await redis.restart();
    await one.ask(UPSERT, { githubId: "88", username: "alive" });
    expect(await two.ask(USER, { githubId: "88" })).toMatchObject({ user: { username: "alive" } });
    await one.untilItHits(OVERVIEW);
    await two.untilItHits(OVERVIEW);
  }, 60_000);
});

describe("one instance without Redis", async () => {
  const database = await createTestDatabase();
  const instance = await startInstance({ DATABASE_URL: database.url });

  test("keeps answers in its own memory, and never serves a stale one", async () => {
    await instance.untilItHits(OVERVIEW);
    for (let round = 0; round < 25; round++) {
      await instance.ask(UPSERT, { githubId: "1", username: `user ${round}` });
      expect(usernames(await instance.ask(OVERVIEW))).toEqual([`user ${round}`]);
    }
    await instance.untilItHits(OVERVIEW);
  }, 60_000);

  test("keeps nothing of a kind whose time to live is 0, and nothing at all with CACHE_ENABLED=false", async () => {
    const without = await startInstance({
      DATABASE_URL: (await createTestDatabase()).url,
      CACHE_TTL_STATISTICS: "0",
    });
    await without.untilItHits("{ users { totalCount } }");
    expect(await without.statementsOf(() => without.ask("{ userStatistics { total } }"))).toHaveLength(1);
    const off = await startInstance({
      DATABASE_URL: (await createTestDatabase()).url,
      CACHE_ENABLED: "false",
    });
    for (let round = 0; round < 3; round++) {
      expect(await off.statementsOf(() => off.ask("{ users { totalCount } }"))).toHaveLength(1);
    }
  }, 60_000);
});

describe("an instance that loses Redis and then the database in the middle of a write", async () => {
  const database = await createTestDatabase();
  const redis = await startRedis();
  const instance = await startInstance({ DATABASE_URL: database.url, REDIS_URL: redis.url });
  const outside = new pg.Client({ connectionString: database.url });
  await outside.connect();
  atEndOfFile(() => outside.end());

  test("says that the database does not answer", async () => {
    await instance.untilItHits(OVERVIEW);
    // The write's tags can be drained but not marked, and the epoch cannot be ended: its row is locked.
    await outside.query("BEGIN");
    await outside.query("LOCK TABLE cache_epoch IN SHARE MODE");
    await redis.kill();
    let isAnswered = false;
    const answering = Promise.resolve(
      instance.app.fetch("http://test/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query: UPSERT, variables: { githubId: "1", username: "unmarked" } }),
      }),
    ).finally(() => {
      isAnswered = true;
    });
    while (!isAnswered) {
      // Within a transaction, pg_stat_activity would show the sessions as they were at its first use.
      await outside.query("SELECT pg_stat_clear_snapshot()");
      await outside.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE cache_epoch%'`,
      );
      await sleep(20);
    }
    await outside.query("ROLLBACK");
    const answer = (await (await answering).json()) as { errors: { extensions: { code: string } }[] };
    expect(answer.errors.map(({ extensions }) => extensions.code)).toEqual(["SERVICE_UNAVAILABLE"]);
  }, 60_000);
});
