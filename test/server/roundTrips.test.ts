import { connect } from "node:net";
import { Redis } from "ioredis";
import { beforeAll, expect, test } from "vitest";
import { FILL, GET, MARK, RELEASE, SINCE } from "../../src/coherence/scripts.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { monitorRedis } from "../support/redisMonitor.ts";
import { insertRows } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

/**
 * What requests cost in Redis commands and SQL statements. These figures are promises: they do not depend on
 * the machine.
 */

const database = await createTestDatabase();
const redis = await startRedis();
// A write that Redis is too slow to mark ends the epoch, and then nothing is kept for seconds. Redis may be
// slow on a machine that runs tests.
const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, REDIS_COMMAND_TIMEOUT: "10000" };
const service = await startServed(env);
const off = await startServed({ ...env, CACHE_ENABLED: "false" });
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

/** Round trips so far that updated the copy of the version table. Reading this figure costs none. */
const validations = async () =>
  (await service.ask("{ cacheStatistics { validations } }")).data.cacheStatistics.validations as number;

type Answer = Awaited<ReturnType<typeof service.ask>>;

/**
 * The cost of a request that was looked up in the cache. On a busy machine the cache may vouch for nothing at
 * some moment; then the request is sent again.
 */
async function costOf(work: () => Promise<Answer>) {
  for (let attempt = 0; attempt < 50; attempt++) {
    const before = await validations();
    let cached: Answer["cached"];
    const statements = await service.statementsOf(async () => {
      cached = (await work()).cached;
    });
    const cost = { cached, validations: (await validations()) - before, statements: statements.length };
    if (cached !== "bypass") return cost;
  }
  throw new Error("Expected a request that is looked up, got 50 that were not.");
}

/** Sends all requests in one packet, so that they arrive at the same moment. */
async function sendTogether(query: string, count: number): Promise<void> {
  const body = JSON.stringify({ query });
  const request = `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\naccept: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const socket = connect(service.port, "127.0.0.1");
  let received = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    received += chunk;
  });
  socket.write(request.repeat(count));
  await expect.poll(() => received.match(/HTTP\/1\.1 200 /g)?.length, { timeout: 10_000 }).toBe(count);
  socket.destroy();
}

beforeAll(() => service.untilHit(DEEP), 60_000);

test("a repeated request costs one round trip and no statement, and 50 at the same moment share that round trip", async () => {
  await service.untilHit(DEEP);
  expect(await costOf(() => service.ask(DEEP))).toEqual({ cached: "hit", validations: 1, statements: 0 });

  const before = await validations();
  const statements = await service.statementsOf(() => sendTogether(DEEP, 50));
  expect(statements).toEqual([]);
  // One round trip, and a few more if the server reads the packet in pieces.
  expect((await validations()) - before).toBeLessThanOrEqual(5);
});

test("a miss costs one round trip at any depth, and no more statements than without a cache", async () => {
  const without = await off.statementsOf(() => off.ask(DEEP));
  await service.ask(UPSERT, { username: "before" });

  let asked = 0;
  await service.untilHit(DEEP);
  // The comment makes each document one that was never sent before.
  const fresh = () => service.ask(`${DEEP} # ${++asked}`);
  expect(await costOf(fresh)).toMatchObject({ cached: "miss", validations: 1 });
  await service.ask(UPSERT, { username: "after" });
  await service.untilHit("{ conversionJobs { totalCount } }");
  const { statements, ...cost } = await costOf(fresh);
  expect(cost).toEqual({ cached: "miss", validations: 1 });
  // Rows that the change has not affected need not be read again.
  expect(statements).toBeLessThanOrEqual(without.length);
});

test("an answer made of rows in memory is neither looked up in Redis nor stored there, until it is asked for again", async () => {
  const { nodes } = (await service.ask("{ projects(first: 10) { nodes { id } } }")).data.projects;
  const seen: string[] = [];
  const endMonitor = await monitorRedis(redis.url, (command, sha1) => {
    const name = command === "evalsha" ? scriptNames.get(sha1!) : undefined;
    if (name === "get" || name === "fill") seen.push(name);
  });

  async function outcome({ id }: { id: string }) {
    // A variable that the document does not declare makes each request a different one of the same operation.
    const ask = async (n: number) =>
      (await service.ask("query ($id: ID!) { project(id: $id) { name owner { username } } }", { id, n }))
        .cached;
    // The first request brings the rows into memory.
    const cached = [await ask(0)];
    await expect.poll(() => seen.at(-1)).toBe("fill");
    seen.length = 0;
    for (let n = 1; n <= 20; n++) cached.push(await ask(n));
    cached.push(await ask(20));
    await expect.poll(() => seen.at(-1)).toBe("fill");
    return { cached, seen: [...seen] };
  }
  // On a busy machine the cache may vouch for nothing for a moment. Then another project is tried.
  let found = await outcome(nodes.pop());
  while (found.cached.includes("bypass") && nodes.length > 0) found = await outcome(nodes.pop());
  endMonitor();

  expect(found.cached).toEqual([...Array(21).fill("miss"), "hit"]);
  // Redis is asked for these answers until eight in a row were made only of rows in memory.
  expect(found.seen).toEqual([...Array(8).fill("get"), "fill"]);
});

test("a mutation costs one awaited round trip, and no more statements than with the cache turned off", async () => {
  const without = await off.statementsOf(() => off.ask(UPSERT, { username: "without" }));
  await service.ask(UPSERT, { username: "warm" });
  const scripts: string[] = [];
  const endMonitor = await monitorRedis(redis.url, (command, sha1) => {
    // Other scripts run all the time: the relay's heartbeat, and those that settle what dead writers left.
    const name = command === "evalsha" ? scriptNames.get(sha1!) : undefined;
    if (name !== undefined) scripts.push(name);
  });
  const statements = await service.statementsOf(() => service.ask(UPSERT, { username: "with" }));

  // The release may still be under way when the answer is sent, because nothing waits for it.
  await expect.poll(() => scripts).toEqual(["mark", "release"]);
  endMonitor();

  expect(statements.filter((text) => text.includes("drain_cache_invalidations"))).toHaveLength(1);
  // With the cache off the outbox is drained as well, because other instances may keep answers.
  expect(statements.length).toBeLessThanOrEqual(without.length);
});
