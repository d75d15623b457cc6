import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, test } from "vitest";
import { atEndOfFile } from "../support/cleanup.ts";
import { startPostgres, startReplica } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";
import { findFreePort } from "../support/server.ts";

const PROJECTS = 6;
const NAME = "query ($id: ID!) { project(id: $id) { name } }";
const RENAME =
  "mutation ($id: ID!, $name: String!) { updateProject(input: { id: $id, name: $name }) { project { name } } }";
const REPLICAS = "{ cacheStatistics { replicas { lagBytes reads } } }";
const project = (n: number) => `Project:${keyOf(n)}`;

/** What leads clients to the primary, as a virtual address or a proxy does. */
async function createAddress(serverPort: number) {
  const sockets = new Set<Socket>();
  let target = serverPort;
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const port = await findFreePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  atEndOfFile(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    /** Who is connected to another server is cut off. */
    lead(port: number): void {
      target = port;
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function onServer(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

test("a promotion loses no acknowledged write and shows nothing old, and what fails says so and is soon over", {
  timeout: 240_000,
}, async () => {
  const primary = await startPostgres();
  const heir = await startReplica(primary, { settings: { cluster_name: "heir" } });
  // It goes on following the one that is dead.
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
    // So that rows are read, and not only kept answers.
    CACHE_TTL_PROJECT: "0",
  };
  const instances = [await startServed(env), await startServed(env)];
  const outside = new pg.Pool({ connectionString: primary.url, max: 1 });
  outside.on("error", () => {});
  atEndOfFile(() => outside.end());
  await insertRows(outside, { users: 1, projects: PROJECTS });
  await outside.query("UPDATE projects SET name = '0'");

  const acknowledged = Array<number>(PROJECTS + 1).fill(0);
  const stale: string[] = [];
  const failures: { at: number; code: string }[] = [];
  let reads = 0;
  let isOver = false;
  const fail = (errors: { extensions: { code: string } }[]) => {
    failures.push({ at: performance.now(), code: errors[0]!.extensions.code });
    return sleep(20);
  };
  const readOn = async (instance: number) => {
    for (let n = 1; !isOver; n = (n % PROJECTS) + 1) {
      const atLeast = acknowledged[n]!;
      const { data, errors } = await instances[instance]!.ask(NAME, { id: project(n) });
      if (errors !== undefined) {
        await fail(errors);
        continue;
      }
      reads++;
      if (Number(data.project.name) < atLeast) stale.push(`${data.project.name} after ${atLeast}`);
    }
  };
  /** One writer for each project: what has failed may have been done, and is done again with a higher number. */
  const writeOn = async (n: number) => {
    for (let value = 1; !isOver; value++) {
      const { errors } = await instances[n % 2]!.ask(RENAME, { id: project(n), name: String(value) });
      if (errors !== undefined) await fail(errors);
      else acknowledged[n] = value;
      await sleep(50);
    }
  };
  const figures = async () =>
    (await instances[0]!.ask(REPLICAS)).data.cacheStatistics.replicas as {
      lagBytes: number | null;
      reads: number;
    }[];

  const all = Promise.all([
    readOn(0),
    readOn(1),
    ...Array.from({ length: 3 }, (_, index) => writeOn(index + 1)),
  ]);
  await expect
    .poll(async () => Math.min(...(await figures()).map(({ reads }) => reads)), { timeout: 30_000 })
    .toBeGreaterThan(0);

  const crashedAt = performance.now();
  await primary.kill();
  await onServer(heir.url, "SELECT pg_promote()");
  address.lead(heir.port);
  const before = [...acknowledged];
  await expect
    .poll(() => [1, 2, 3].every((n) => acknowledged[n]! > before[n]!), { timeout: 60_000, interval: 20 })
    .toBe(true);
  const recoveredAt = performance.now();
  await sleep(3_000);
  const late = failures.filter(({ at }) => at > recoveredAt + 1_000);
  isOver = true;
  await all;

  console.log(
    `${reads} reads, ${acknowledged.reduce((sum, value) => sum + value)} writes, ${failures.length} failed in ${Math.round(recoveredAt - crashedAt)} ms`,
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
    expect(Number(name)).toBeGreaterThanOrEqual(acknowledged[index + 1]!);
  // Neither is a replica of the new primary, and they are asked as soon as its epoch has begun.
  const lags = async () => {
    await instances[0]!.ask(NAME, { id: project(1) });
    return (await figures()).map(({ lagBytes, reads }) => ({ lagBytes, reads }));
  };
  const readsSoFar = (await figures()).map(({ reads }) => reads);
  await expect
    .poll(lags, { timeout: 60_000 })
    .toEqual(readsSoFar.map((reads) => ({ lagBytes: null, reads })));
});

test("an address that leads to a replica is no primary", async () => {
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
