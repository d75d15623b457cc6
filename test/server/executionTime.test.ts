import { request } from "node:http";
import pg from "pg";
import { afterAll, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

const { app, execute, url } = await createTestApp({ MAX_EXECUTION_TIME: "1500", DB_POOL_MAX: "4" });
const { port } = await app.listen();
await insertRows(app.database.pool, { users: 1, projects: 1 });
const blocker = await app.database.pool.connect();
afterAll(() => blocker.release());
// On its own connection: within a transaction, pg_stat_activity would show the activity at its first use.
const observer = new pg.Client({ connectionString: url });
await observer.connect();
afterAll(() => observer.end());

/** Every read and write of projects waits for this. */
const lock = () => blocker.query("BEGIN; LOCK TABLE projects IN ACCESS EXCLUSIVE MODE");
const unlock = () => blocker.query("COMMIT");
/** How many statements wait for a lock in PostgreSQL, even if no request waits for them any more. */
const waiting = async () => {
  const { rows } = await observer.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
  );
  return rows[0]!.n;
};
const READ = "{ projects { totalCount } }";

test("a query that takes too long is answered with a coded error, and its SQL is cancelled", async () => {
  await lock();
  const answer = execute(READ);
  await expect.poll(waiting, { timeout: 10_000 }).toBe(1);
  const { data, errors } = await answer;
  expect([data, errors]).toEqual([
    undefined,
    [
      {
        message: "The query was given up after 1500 ms (MAX_EXECUTION_TIME). Ask for less at a time.",
        extensions: { code: "EXECUTION_TIMEOUT", limitMs: 1_500 },
      },
    ],
  ]);
  // The lock is still held, so the statement has ended without getting what it waited for.
  await expect.poll(waiting, { timeout: 10_000 }).toBe(0);
  await unlock();
  expect((await execute(READ)).data).toEqual({ projects: { totalCount: 1 } });
});

test("many concurrent queries are all cancelled, even those that wait for a connection, and the pool recovers", async () => {
  await lock();
  const answers = await Promise.all(Array.from({ length: 12 }, () => execute(READ)));
  expect(answers.map(({ errors }) => errors?.[0].extensions.code)).toEqual(
    Array(12).fill("EXECUTION_TIMEOUT"),
  );
  await expect.poll(waiting, { timeout: 10_000 }).toBe(0);
  await unlock();
  await expect.poll(() => app.database.getPoolStatistics().waiting, { timeout: 10_000 }).toBe(0);
  const after = await Promise.all(Array.from({ length: 12 }, () => execute(READ)));
  expect(after.map(({ data }) => data)).toEqual(Array(12).fill({ projects: { totalCount: 1 } }));
});

test("rows that several requests wait for are read with one statement, which is cancelled once none of them waits", async () => {
  await lock();
  const answers = Promise.all(
    [1, 2, 3].map(() => execute(`{ project(id: "Project:${keyOf(1)}") { name } }`)),
  );
  await expect.poll(waiting, { timeout: 10_000 }).toBe(1);
  expect((await answers).map(({ errors }) => errors?.[0].extensions.code)).toEqual(
    Array(3).fill("EXECUTION_TIMEOUT"),
  );
  await expect.poll(waiting, { timeout: 10_000 }).toBe(0);
  await unlock();
});

test("queries that wait for another one's answer are given up in their own time, not one after the other", async () => {
  // Its cache is on, so it is the only instance on its database.
  const database = await createTestDatabase();
  const { app, ask, untilHit } = await startServed({
    DATABASE_URL: database.url,
    MAX_EXECUTION_TIME: "1500",
  });
  await untilHit(READ);
  const client = await app.database.pool.connect();
  await client.query("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
  const startedAt = performance.now();
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask("{ users { totalCount } }")));
  const tookMs = performance.now() - startedAt;
  await client.query("COMMIT");
  client.release();
  expect(answers.map(({ errors }) => errors?.[0].extensions.code)).toEqual(
    Array(5).fill("EXECUTION_TIMEOUT"),
  );
  expect(tookMs).toBeLessThan(3_000);
  expect((await untilHit("{ users { totalCount } }")).data).toEqual({ users: { totalCount: 0 } });
});

/** Sends an operation, and disconnects once its statement waits in PostgreSQL. */
async function sendAndLeave(query: string, to = port): Promise<void> {
  const sent = request({
    port: to,
    host: "127.0.0.1",
    path: "/graphql",
    method: "POST",
    headers: { "content-type": "application/json" },
  });
  sent.on("error", () => {});
  sent.end(JSON.stringify({ query }));
  await expect.poll(waiting, { timeout: 10_000 }).toBe(1);
  sent.destroy();
}

test("a query whose client goes away is cancelled", async () => {
  const { app: patient } = await createTestApp({ MAX_EXECUTION_TIME: "600000", DATABASE_URL: url });
  const { port: itsPort } = await patient.listen();
  await lock();
  await sendAndLeave(READ, itsPort);
  await expect.poll(waiting, { timeout: 10_000 }).toBe(0);
  await unlock();
});

test("a write is finished even if its client goes away or it takes longer than a query may", async () => {
  await lock();
  await sendAndLeave(
    `mutation { updateProject(input: { id: "Project:${keyOf(1)}", name: "finished" }) { project { id } } }`,
  );
  // Longer than a query may take.
  await new Promise((resolve) => setTimeout(resolve, 1_700));
  expect(await waiting()).toBe(1);
  await unlock();
  await expect
    .poll(async () => (await execute(`{ project(id: "Project:${keyOf(1)}") { name } }`)).data, {
      timeout: 10_000,
    })
    .toEqual({ project: { name: "finished" } });
});
