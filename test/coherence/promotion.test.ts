import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, test } from "vitest";
import { withSession } from "../../src/database/session.ts";
import { createLink } from "../check/coherence/link.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { startLoad } from "../support/load.ts";
import { startPostgres, startReplica } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

const PROJECTS = 6;
const WRITERS = 3;
const NAME = "query ($id: ID!) { project(id: $id) { name } }";
const REPLICAS = "{ cacheStatistics { replicas { lagBytes reads } } }";
const project = (n: number) => `Project:${keyOf(n)}`;

/** An address that leads clients to the primary, like a virtual address or a proxy; `lead` redirects it. */
async function createAddress(serverPort: number) {
  const { port, lead, close } = await createLink(serverPort);
  atEndOfFile(close);
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, lead };
}

const onServer = (url: string, ...statements: string[]) =>
  withSession(url, "test", async (client) => {
    for (const statement of statements) await client.query(statement);
  });

test("a promotion loses no acknowledged write and shows nothing old; requests fail only briefly, as SERVICE_UNAVAILABLE", {
  timeout: 240_000,
}, async () => {
  const primary = await startPostgres();
  const heir = await startReplica(primary, { settings: { cluster_name: "heir" } });
  // It goes on following the dead primary.
  const orphan = await startReplica(primary, { settings: { cluster_name: "orphan" } });
  await onServer(
    primary.url,
    "ALTER SYSTEM SET synchronous_standby_names = 'heir'",
    "ALTER SYSTEM SET synchronous_commit = 'remote_apply'",
    "SELECT pg_reload_conf()",
  );
  const address = await createAddress(primary.port);
  const redis = await startRedis();
  const env = {
    DATABASE_URL: address.url,
    DATABASE_REPLICA_URLS: `${heir.url},${orphan.url}`,
    REDIS_URL: redis.url,
    CACHE_WARM_COUNT: "0",
    // Projects are not cached, so that rows are read, not only cached answers.
    CACHE_TTL_PROJECT: "0",
  };
  const instances = [await startServed(env), await startServed(env)];
  const outside = new pg.Pool({ connectionString: primary.url, max: 1 });
  outside.on("error", () => {});
  atEndOfFile(() => outside.end());
  await insertRows(outside, { users: 1, projects: PROJECTS });
  await outside.query("UPDATE projects SET name = '0'");

  const figures = async () =>
    (await instances[0]!.ask(REPLICAS)).data.cacheStatistics.replicas as {
      lagBytes: number | null;
      reads: number;
    }[];

  const load = startLoad({
    origin: (client) => new URL(instances[client % 2]!.url).origin,
    readers: 2,
    writers: WRITERS,
    // More projects than writers: some are only read, so that a replica can answer for them.
    projects: PROJECTS,
    pauseMs: 0,
    writePauseMs: 50,
    // Without a token, every client of this service is an administrator.
    headers: {},
  });
  await expect
    .poll(async () => Math.min(...(await figures()).map(({ reads }) => reads)), { timeout: 30_000 })
    .toBeGreaterThan(0);

  const crashedAt = performance.now();
  await primary.kill();
  await onServer(heir.url, "SELECT pg_promote()");
  address.lead(heir.port);
  const before = load.acknowledged();
  const haveGoneOn = () => [1, 2, 3].every((n) => load.acknowledged()[n]! > before[n]!);
  await expect.poll(haveGoneOn, { timeout: 60_000, interval: 20 }).toBe(true);
  const recoveredAt = performance.now();
  await sleep(3_000);
  const late = load.failures().filter(({ at }) => at > recoveredAt + 1_000);
  const { reads, writes, stale, failures } = await load.stop();

  console.log(
    `${reads} reads, ${writes} writes, ${failures.length} failed in ${Math.round(recoveredAt - crashedAt)} ms`,
  );
  expect(stale).toEqual([]);
  expect([...new Set(failures.map(({ code }) => code))]).toEqual(["SERVICE_UNAVAILABLE"]);
  expect(failures.filter(({ at }) => at < crashedAt)).toEqual([]);
  expect(late).toEqual([]);
  const check = new pg.Client({ connectionString: heir.url });
  await check.connect();
  const { rows } = await check.query<{ name: string }>("SELECT name FROM projects ORDER BY created_at");
  await check.end();
  for (const [index, { name }] of rows.entries())
    expect(Number(name)).toBeGreaterThanOrEqual(load.acknowledged()[index + 1]!);
  // Neither server is a replica of the new primary, which shows as soon as they are asked in its epoch.
  const lags = async () => {
    await instances[0]!.ask(NAME, { id: project(1) });
    return (await figures()).map(({ lagBytes, reads }) => ({ lagBytes, reads }));
  };
  const readsSoFar = (await figures()).map(({ reads }) => reads);
  await expect
    .poll(lags, { timeout: 60_000 })
    .toEqual(readsSoFar.map((reads) => ({ lagBytes: null, reads })));
});

test("a DATABASE_URL that leads to a replica is refused as a primary", async () => {
  const primary = await startPostgres();
  const address = await createAddress(primary.port);
  const replica = await startReplica(primary);
  const served = await startServed({ DATABASE_URL: address.url, DATABASE_REPLICA_URLS: replica.url });
  await onServer(primary.url, "INSERT INTO users (github_id, username) VALUES ('1', 'ada')");
  const user = () => served.ask('{ user(githubId: "1") { username } }');
  const create = () =>
    served.ask('mutation { upsertUser(input: { githubId: "2", username: "bob" }) { user { username } } }');
  expect((await user()).data).toEqual({ user: { username: "ada" } });
  address.lead(replica.port);
  const codes = async () =>
    [await user(), await create()].map(({ errors }) => errors?.[0].extensions.code as string | undefined);
  await expect.poll(codes, { timeout: 10_000 }).toEqual(["SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE"]);
  address.lead(primary.port);
  await expect
    .poll(async () => (await user()).data, { timeout: 10_000 })
    .toEqual({ user: { username: "ada" } });
});
