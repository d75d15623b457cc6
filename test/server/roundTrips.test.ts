import { Redis } from "ioredis";
import { beforeAll, expect, test } from "vitest";
import { FILL, GET, MARK, RELEASE, SINCE } from "../../src/coherence/scripts.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

/** What requests cost in Redis commands and SQL statements. These figures are promises: they do not depend on the machine. */

const database = await createTestDatabase();
const redis = await startRedis();
const service = await startServed({ DATABASE_URL: database.url, REDIS_URL: redis.url });
const off = await startServed({
  DATABASE_URL: database.url,
  REDIS_URL: redis.url,
  CACHE_ENABLED: "false",
});
await insertRows(service.app.database.pool, { users: 5, projects: 10, jobs: 20 });
const client = new Redis(redis.url);
atEndOfFile(async () => client.disconnect());

const scriptNames = new Map(
  Object.entries({ since: SINCE, get: GET, fill: FILL, mark: MARK, release: RELEASE }).map(
    ([name, { sha1 }]) => [sha1, name],
  ),
);

const DEEP = `{ users(first: 5) { totalCount nodes {
  username projects(first: 2) { nodes { name conversionJobs(first: 2) { nodes { status } } } }
} } }`;
const UPSERT = `mutation ($username: String!) {
  upsertUser(input: { githubId: "1001", username: $username }) { user { username } }
}`;

/** Round trips that brought the copy of the version table up to date. Asking for them costs none. */
const validations = async () =>
  (await service.ask("{ cacheStatistics { roundTrips } }")).data.cacheStatistics.roundTrips as number;

async function costOf(work: () => Promise<unknown>) {
  const before = await validations();
  const statements = await service.statementsOf(work);
  return { validations: (await validations()) - before, statements: statements.length };
}

beforeAll(() => service.untilHit(DEEP), 60_000);

test("a repeated request costs one round trip and no statement, and 50 at the same moment share theirs", async () => {
  await service.untilHit(DEEP);
  expect(await costOf(() => service.ask(DEEP))).toEqual({ validations: 1, statements: 0 });

  const together = await costOf(async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => service.ask(DEEP)));
    expect(answers.map(({ cached }) => cached)).toEqual(answers.map(() => "hit"));
  });
  expect(together.statements).toBe(0);
  // As few as the sockets' readiness allows: those that arrive during a round trip wait for the next one together.
  expect(together.validations).toBeLessThanOrEqual(15);
});

test("a miss costs one round trip however deep it is, and the statements that it costs without a cache", async () => {
  const without = await off.statementsOf(() => off.ask(DEEP));
  await service.ask(UPSERT, { username: "before" });

  expect(await costOf(() => service.ask(`${DEEP} # never asked before`))).toMatchObject({ validations: 1 });
  await service.ask(UPSERT, { username: "after" });
  const { statements } = await costOf(() => service.ask(DEEP));
  // What the change has left alone need not be read again.
  expect(statements).toBeLessThanOrEqual(without.length);
  expect(statements).toBeGreaterThan(0);
});

test("a mutation costs one awaited round trip and one statement more than without a cache", async () => {
  const without = await off.statementsOf(() => off.ask(UPSERT, { username: "without" }));
  await service.ask(UPSERT, { username: "warm" });
  const scripts: string[] = [];
  const monitor = await client.duplicate().monitor();
  atEndOfFile(async () => monitor.disconnect());
  monitor.on("monitor", (_: string, [command, sha1]: string[]) => {
    // The relay's heartbeat and whoever settles what dead writers left are at work all the time.
    const name = command?.toLowerCase() === "evalsha" ? scriptNames.get(sha1!) : undefined;
    if (name !== undefined) scripts.push(name);
  });
  const statements = await service.statementsOf(() => service.ask(UPSERT, { username: "with" }));

  // The release is under way when the answer is sent: nobody waits for it.
  await expect.poll(() => scripts).toEqual(["mark", "release"]);

  expect(statements.filter((text) => text.includes("drain_cache_invalidations"))).toHaveLength(1);
  // With the cache off the outbox is drained just so: other instances may keep answers.
  expect(statements.length).toBeLessThanOrEqual(without.length);
});
