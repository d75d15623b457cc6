import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres, startReplica } from "../support/postgres.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";
import type { TestServer } from "../support/server.ts";
import { recordStatements, withoutTransactionControl } from "../support/sql.ts";

type Served = Awaited<ReturnType<typeof startServed>>;

const NAME = `query ($id: ID!) { project(id: $id) { name } }`;
const RENAME = `mutation ($id: ID!, $name: String!) { updateProject(input: { id: $id, name: $name }) { project { name } } }`;
const JOBS = `query ($id: ID!) { project(id: $id) { conversionJobs(first: 3) { nodes { progress } } } }`;
const REPLICAS = `{ cacheStatistics { replicas { name isDown lagBytes lagMs reads share skipped rejected errors } } }`;

/** Without Redis and without cached answers: every query reads rows. */
const UNKEPT = {
  CACHE_TTL_PROJECT: "0",
  CACHE_TTL_USER: "0",
  CACHE_TTL_COLLECTION: "0",
  CACHE_WARM_COUNT: "0",
};
const project = (n: number) => `Project:${keyOf(n)}`;

describe("a service with a streaming replica", () => {
  let primary: TestServer;
  let replica: TestServer;
  let outside: pg.Pool;
  let standby: pg.Pool;
  let served: Served;

  beforeAll(async () => {
    primary = await startPostgres();
    replica = await startReplica(primary);
    outside = new pg.Pool({ connectionString: primary.url, max: 1 });
    standby = new pg.Pool({ connectionString: replica.url, max: 1 });
    for (const pool of [outside, standby]) pool.on("error", () => {});
    served = await startServed({
      DATABASE_URL: primary.url,
      DATABASE_REPLICA_URLS: replica.url,
      ...UNKEPT,
    });
    await insertRows(outside, { users: 3, projects: 12, jobs: 12 });
  });
  afterAll(() => Promise.all([outside.end(), standby.end()]));

  const pause = () => standby.query("SELECT pg_wal_replay_pause()");
  const resume = () => standby.query("SELECT pg_wal_replay_resume()");
  const nameOf = async (n: number): Promise<string> => {
    const { data, errors } = await served.ask(NAME, { id: project(n) });
    if (errors) throw new Error(JSON.stringify(errors));
    return data.project.name;
  };
  const rename = async (n: number, name: string) => {
    const { errors } = await served.ask(RENAME, { id: project(n), name });
    expect(errors).toBeUndefined();
  };
  const figures = async () => (await served.ask(REPLICAS)).data.cacheStatistics.replicas[0];
  /** The statements that the primary receives for `work`. */
  const onPrimary = async (work: () => Promise<unknown>): Promise<string[]> => {
    const recording = recordStatements(served.app.database.pool);
    await work();
    recording.stop();
    return (
      withoutTransactionControl(recording.statements)
        .map(({ text }) => text)
        // Without the search for expired worker leases, which goes on all the time.
        .filter((text) => /FROM "(projects|conversion_jobs)"/.test(text) && !text.startsWith("SELECT EXISTS"))
    );
  };
  /** Reads until the replica alone answers. */
  const untilUsed = async (read: () => Promise<unknown>) => {
    for (let attempt = 0; attempt < 1_000; attempt++) {
      const { reads } = await figures();
      if ((await onPrimary(read)).length === 0 && (await figures()).reads > reads) return;
      await sleep(20);
    }
    throw new Error(`Expected an answer of the replica within 20 s: ${JSON.stringify(await figures())}`);
  };

  test("reads from the replica when it has everything, and sends the primary no statement for these reads", async () => {
    await untilUsed(() => nameOf(1));
    const before = await figures();
    const statements = await onPrimary(async () => {
      for (let n = 1; n <= 10; n++) expect(await nameOf(n)).toBe(`project ${n}`);
    });
    const after = await figures();
    // Each project is read once, from either server: nobody waits for a replica that is busy.
    expect(after.reads - before.reads).toBeGreaterThan(0);
    expect(after.reads - before.reads + statements.length).toBe(10);
    expect(after).toMatchObject({ rejected: 0, skipped: before.skipped });
  });

  test("shows a write at once while the replay is paused, and reads unchanged rows from the replica", async () => {
    await untilUsed(() => nameOf(2));
    await pause();
    for (let round = 0; round < 20; round++) {
      await rename(1, `paused ${round}`);
      expect(await nameOf(1)).toBe(`paused ${round}`);
    }
    expect(await onPrimary(() => nameOf(1))).toHaveLength(1);
    await untilUsed(() => nameOf(2));
    await expect.poll(async () => (await figures()).lagBytes).toBeGreaterThan(0);
    await resume();
    await untilUsed(() => nameOf(1));
    expect(await nameOf(1)).toBe("paused 19");
    expect(await figures()).toMatchObject({ lagBytes: 0, lagMs: 0 });
  });

  test("reads a list again from the primary when its rows reveal that one of them has changed", async () => {
    const progress = async (): Promise<number> => {
      const { data } = await served.ask(JOBS, { id: project(1) });
      return data.project.conversionJobs.nodes[0].progress;
    };
    await untilUsed(progress);
    await pause();
    // A change of progress does not change the list's own tags.
    await outside.query("UPDATE conversion_jobs SET progress = 42 WHERE id = $1", [keyOf(1)]);
    await expect.poll(progress, { timeout: 5_000 }).toBe(42);
    const rejected = async () => {
      const before = await figures();
      expect(await progress()).toBe(42);
      return (await figures()).rejected - before.rejected;
    };
    await expect.poll(rejected).toBe(1);
    await resume();
  });

  test("shows out-of-band writes within the bound while the replay is paused", async () => {
    await untilUsed(() => nameOf(3));
    await pause();
    await outside.query("UPDATE projects SET name = 'by hand' WHERE id = $1", [keyOf(3)]);
    await expect.poll(() => nameOf(3), { timeout: 5_000 }).toBe("by hand");
    for (let round = 0; round < 10; round++) expect(await nameOf(3)).toBe("by hand");
    await resume();
  });

  test("fails no request while the replica is restarted or away, and uses it again afterwards", async () => {
    await untilUsed(() => nameOf(4));
    let isOver = false;
    let reads = 0;
    let written = 0;
    const read = async () => {
      while (!isOver) {
        const atLeast = written;
        expect(Number(await nameOf(4))).toBeGreaterThanOrEqual(atLeast);
        reads++;
      }
    };
    const write = async () => {
      for (let n = 1; !isOver; n++) {
        await rename(4, String(n));
        written = n;
        await sleep(20);
      }
    };
    await rename(4, "0");
    const all = Promise.all([read(), read(), write()]);
    await replica.restart();
    await sleep(200);
    await replica.kill();
    await sleep(500);
    await replica.restart();
    await sleep(500);
    isOver = true;
    await all;
    expect(reads).toBeGreaterThan(20);
    expect((await figures()).errors).toBeGreaterThan(0);
    await untilUsed(() => nameOf(4));
    expect(await nameOf(4)).toBe(String(written));
  });
});
