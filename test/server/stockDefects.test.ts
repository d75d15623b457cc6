import { Redis } from "ioredis";
import { beforeAll, describe, expect, test } from "vitest";
import { createLink } from "../check/coherence/link.ts";
import { ACCESS_ENV, AS_ADMINISTRATOR, addAdministrator } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startProgram } from "../support/process.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { readAnswer, startServed } from "../support/served.ts";

/**
 * The service does not have the defects of `@envelop/response-cache` and its companions as published: one
 * test for each defect. In every test the answer in question is a hit first, so none passes because nothing
 * is cached.
 */

const UPSERT = `mutation ($githubId: String!, $username: String!) {
  upsertUser(input: { githubId: $githubId, username: $username }) { user { id } }
}`;
const USER = "query ($githubId: String!) { user(githubId: $githubId) { id username } }";
const USERS = "{ users(first: 100) { totalCount nodes { username } } }";

const database = await createTestDatabase();
const redis = await startRedis();
const databaseLink = await createLink(Number(new URL(database.url).port));
const redisLink = await createLink(redis.port);
atEndOfFile(databaseLink.close);
atEndOfFile(redisLink.close);

const through = (url: string, port: number) => {
  const proxied = new URL(url);
  proxied.host = `127.0.0.1:${port}`;
  return proxied.href;
};
// `one` reaches both servers through links that a test may hold back, `two` directly.
const one = await startServed({
  DATABASE_URL: through(database.url, databaseLink.port),
  REDIS_URL: through(redis.url, redisLink.port),
});
const two = await startServed({ DATABASE_URL: database.url, REDIS_URL: redis.url });
await insertRows(two.app.database.pool, { users: 3, projects: 3, jobs: 6 });
const client = new Redis(redis.url);
atEndOfFile(async () => client.disconnect());

const untilLive = async () => {
  await one.untilHit(USERS);
  await two.untilHit(USERS);
};

describe("a cache that is never wrong", () => {
  beforeAll(untilLive, 60_000);

  test("(a) a created row is in a list that was kept, even in one that was kept empty", async () => {
    const OWNED = "query ($id: ID!) { projects(ownerId: $id, first: 5) { totalCount nodes { name } } }";
    const { data } = await one.ask(UPSERT, { githubId: "101", username: "a" });
    const id = data.upsertUser.user.id;
    expect((await two.untilHit(OWNED, { id })).data).toEqual({ projects: { totalCount: 0, nodes: [] } });

    for (const name of ["first", "second"]) {
      const before = (await two.untilHit(OWNED, { id })).data.projects.totalCount;
      const { errors } = await one.ask(
        `mutation ($id: ID!, $name: String!) {
          importProject(input: { ownerId: $id, name: $name, githubUrl: "https://github.com/a/b" }) { project { id } }
        }`,
        { id, name },
      );
      expect(errors).toBeUndefined();
      const after = await two.ask(OWNED, { id });
      expect(after.cached).not.toBe("hit");
      expect(after.data.projects.totalCount).toBe(before + 1);
      expect(after.data.projects.nodes).toContainEqual({ name });
    }
  });

  test("(b) a row is found as soon as it exists, although it was looked for before and the answer null was kept", async () => {
    expect((await two.untilHit(USER, { githubId: "102" })).data).toEqual({ user: null });

    await one.ask(UPSERT, { githubId: "102", username: "b" });

    const found = await two.ask(USER, { githubId: "102" });
    expect(found.cached).not.toBe("hit");
    expect(found.data.user.username).toBe("b");
  });

  test("(e) once a mutation is answered, every instance shows what it wrote, although nothing waits for the end of the invalidation", async () => {
    await one.ask(UPSERT, { githubId: "105", username: "before" });
    for (let round = 0; round < 30; round++) {
      const [writer, reader] = round % 2 === 0 ? [one, two] : [two, one];
      // Without a hit here, the look-up below would prove nothing.
      await reader.untilHit(USER, { githubId: "105" });
      await writer.ask(UPSERT, { githubId: "105", username: `round ${round}` });
      const { data, cached } = await reader.ask(USER, { githubId: "105" });
      expect(cached).not.toBe("hit");
      expect(data.user.username).toBe(`round ${round}`);
    }
  });

  test("(f) an answer that was read before a mutation and arrives after it is not kept", async () => {
    const rejectedFills = async () =>
      (await one.ask("{ cacheStatistics { rejectedFills } }")).data.cacheStatistics.rejectedFills as number;
    const isAnswered = async () => {
      const { rows } = await two.app.database.pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
            AND state = 'idle' AND query LIKE '%"github_id" = ANY%'`,
      );
      return rows.length > 0;
    };
    for (let attempt = 1; ; attempt++) {
      await one.ask(UPSERT, { githubId: "106", username: "before" });
      const rejectedBefore = await rejectedFills();
      // PostgreSQL answers the statement with the old row, and the link holds that answer back.
      let letGo: (() => void) | undefined;
      const stopWatching = databaseLink.watch((connection, chunk) => {
        if (letGo !== undefined || !chunk.includes('{"106"}')) return undefined;
        connection.toClient.hold();
        letGo = () => connection.toClient.letGo();
        return undefined;
      });
      const late = one.ask(USER, { githubId: "106" });
      await expect.poll(async () => letGo !== undefined && (await isAnswered())).toBe(true);
      await two.ask(UPSERT, { githubId: "106", username: "after" });
      stopWatching();
      letGo!();

      const answer = await late;
      expect(answer.data.user.username).toBe("before");
      // On a busy machine the cache may have vouched for nothing, and then nothing would be kept anyway.
      if (answer.cached === "miss") {
        // The fills of the row and of the answer were both rejected.
        await expect.poll(rejectedFills).toBe(rejectedBefore + 2);
        break;
      }
      expect(attempt).toBeLessThan(20);
    }
    for (const instance of [one, two, one, two]) {
      expect((await instance.ask(USER, { githubId: "106" })).data.user.username).toBe("after");
    }
    expect((await one.untilHit(USER, { githubId: "106" })).data.user.username).toBe("after");
  });

  test("(g) 50 requests for the same answer at the same moment read it once", async () => {
    const query = "{ users(first: 7) { totalCount nodes { username projects(first: 2) { totalCount } } } }";
    const alone = await two.statementsOf(() => two.ask(`${query} # alone`));
    for (let attempt = 1; ; attempt++) {
      await two.ask(UPSERT, { githubId: "107", username: `round ${attempt}` });
      // A mutation is answered before its tags are released. Until they are, no request may wait for the
      // answer of another.
      await expect
        .poll(async () => {
          const { data } = await two.ask("{ cacheStatistics { status { pendingTransactions } } }");
          return data.cacheStatistics.status.pendingTransactions;
        })
        .toBe(0);
      let answers: Awaited<ReturnType<typeof two.ask>>[] = [];
      const together = await two.statementsOf(async () => {
        answers = await Promise.all(Array.from({ length: 50 }, () => two.ask(query)));
      });
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      // On a busy machine the cache may have vouched for nothing at some moment. A request of that moment
      // reads for itself.
      const hasReadOnce = answers.filter(({ cached }) => cached !== "hit").length === 1;
      if (hasReadOnce) {
        expect(answers.filter(({ cached }) => cached === "miss")).toHaveLength(1);
        expect(together.length).toBeLessThanOrEqual(alone.length);
        break;
      }
      expect(attempt).toBeLessThan(20);
    }
  });

  test("(h) a mutation that returns only a number, and one that writes and then fails, invalidate what they change", async () => {
    const JOBS = "{ conversionJobs { totalCount } }";
    await two.app.database.pool.query(
      `UPDATE conversion_jobs SET status = 'COMPLETED', progress = 100, started_at = '2026-01-01', completed_at = '2026-01-02'
        WHERE id = $1`,
      [keyOf(6)],
    );
    await two.untilHit(JOBS);
    const cleaned = await one.ask(
      "mutation { cleanUpConversionJobs(input: { olderThanDays: 7 }) { deletedCount } }",
    );
    expect(cleaned.errors).toBeUndefined();
    expect(cleaned.data.cleanUpConversionJobs.deletedCount).toBe(1);
    const jobs = await two.ask(JOBS);
    expect(jobs.cached).not.toBe("hit");
    expect(jobs.data.conversionJobs.totalCount).toBe(5);

    await one.ask(UPSERT, { githubId: "108", username: "before" });
    await two.untilHit(USER, { githubId: "108" });
    const failed = await one.ask(
      `mutation {
        written: upsertUser(input: { githubId: "108", username: "after" }) { user { id } }
        failed: deleteProject(input: { id: "Project:${keyOf(999)}" }) { deletedId }
      }`,
    );
    expect(failed.errors).toMatchObject([{ path: ["failed"] }]);
    const user = await two.ask(USER, { githubId: "108" });
    expect(user.cached).not.toBe("hit");
    expect(user.data.user.username).toBe("after");
  });

  test("(i) an ETag names the content: after a write the answer is sent anew, and a mutation with If-None-Match runs", async () => {
    await one.ask(UPSERT, { githubId: "109", username: "before" });
    const { headers } = await two.untilHit(USER, { githubId: "109" });
    const etag = headers.get("etag")!;
    const asked = await two.ask(USER, { githubId: "109" }, { "if-none-match": etag });
    expect([asked.status, asked.text]).toEqual([304, ""]);

    for (const [condition, username] of [
      [etag, "after"],
      ["*", "later"],
    ] as const) {
      const written = await one.ask(UPSERT, { githubId: "109", username }, { "if-none-match": condition });
      expect([written.status, written.errors, written.headers.get("etag")]).toEqual([200, undefined, null]);
      const renewed = await two.ask(USER, { githubId: "109" }, { "if-none-match": etag });
      expect([renewed.status, renewed.data.user.username]).toEqual([200, username]);
      expect(renewed.headers.get("etag")).not.toBe(etag);
    }
  });

  test("(j) every entry expires by itself, no keys are looked for by pattern, and no structure's loss hides a write", {
    timeout: 120_000,
  }, async () => {
    await one.ask(UPSERT, { githubId: "110", username: "before" });
    await two.untilHit(USER, { githubId: "110" });
    const entries = await client.keys("*:entry-2:*");
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) {
      // -2: it has expired since.
      const leftMs = await client.pttl(entry);
      expect(leftMs === -2 || (leftMs > 0 && leftMs <= 600_000)).toBe(true);
    }
    // The commands that block Redis longer the more keys it has. The one call of KEYS is this test's own.
    const commands = await client.info("commandstats");
    expect(/cmdstat_keys:calls=(\d+)/.exec(commands)?.[1]).toBe("1");
    expect(commands).not.toMatch(/cmdstat_(flushdb|flushall|scan|smembers)/);

    const structures = (await client.keys("*")).filter((key) => !key.includes(":entry-2:"));
    expect(structures.map((key) => key.split(":").at(-1)).sort()).toEqual(
      expect.arrayContaining(["meta", "pending", "transactions", "versions"]),
    );
    for (const [round, structure] of structures.entries()) {
      await two.untilHit(USER, { githubId: "110" });
      await client.del(structure);
      await one.ask(UPSERT, { githubId: "110", username: `round ${round}` });
      for (const instance of [two, one, two]) {
        expect((await instance.ask(USER, { githubId: "110" })).data.user.username).toBe(`round ${round}`);
      }
      await untilLive();
    }
  });
});

describe("a cache whose Redis fails", () => {
  const faults = {
    "cannot be reached": { begin: async () => redisLink.cut(), end: async () => redisLink.heal() },
    "does not answer": { begin: async () => redisLink.silence(), end: async () => redisLink.heal() },
    "answers with errors": {
      begin: async () => void (await client.call("ACL", "SETUSER", "default", "-@scripting")),
      end: async () => void (await client.call("ACL", "SETUSER", "default", "+@all")),
    },
  };

  test.each(Object.entries(faults))(
    "(c) answers every query from the database while Redis %s",
    {
      timeout: 120_000,
    },
    async (name, { begin, end }) => {
      await untilLive();
      await begin();
      try {
        for (let round = 0; round < 5; round++) {
          const written = await two.ask(UPSERT, { githubId: "103", username: `${name} ${round}` });
          expect([written.status, written.errors]).toEqual([200, undefined]);
          const answers = await Promise.all(
            Array.from({ length: 10 }, () => one.ask(USER, { githubId: "103" })),
          );
          for (const { status, errors, data } of answers) {
            expect([status, errors, data.user.username]).toEqual([200, undefined, `${name} ${round}`]);
          }
        }
      } finally {
        await end();
      }
      await untilLive();
      expect((await one.ask(USER, { githubId: "103" })).data.user.username).toBe(`${name} 4`);
    },
  );

  test("(d) handles every failure of the cache: none ends the process, and no write fails", {
    timeout: 180_000,
  }, async () => {
    // A process of its own, which an unhandled rejection would end.
    const program = startProgram("src/cli.ts", {
      args: ["serve"],
      env: {
        ...ACCESS_ENV,
        NODE_ENV: "production",
        NODE_OPTIONS: "--unhandled-rejections=strict",
        PORT: "0",
        LOG_LEVEL: "info",
        DATABASE_URL: database.url,
        REDIS_URL: through(redis.url, redisLink.port),
      },
    });
    const line = await program.waitForLine("GraphQL is at");
    const { url } = JSON.parse(line) as { url: string };
    await addAdministrator(database.url);
    const ask = async (query: string, variables: object) =>
      readAnswer(
        await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", accept: "application/json", ...AS_ADMINISTRATOR },
          body: JSON.stringify({ query, variables }),
        }),
      );
    for (const [name, { begin, end }] of Object.entries(faults)) {
      await expect.poll(async () => (await ask(USERS, {})).cached, { timeout: 30_000 }).toBe("hit");
      await begin();
      try {
        for (let round = 0; round < 5; round++) {
          const username = `${name} ${round}`;
          expect((await ask(UPSERT, { githubId: "104", username })).errors).toBeUndefined();
          expect((await ask(USER, { githubId: "104" })).data.user.username).toBe(username);
        }
      } finally {
        await end();
      }
    }
    await expect.poll(async () => (await ask(USERS, {})).cached, { timeout: 30_000 }).toBe("hit");
    expect(await program.stop()).toEqual({ code: 0, signal: null });
    expect(program.output()).not.toMatch(/unhandled/i);
  });
});
