import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createEpochs } from "../../src/coherence/epochs.ts";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import type { VersionTable } from "../../src/coherence/versionTable.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { createInstance, type Instance } from "./instance.ts";

const ada = "00000000-0000-7000-8000-000000000001";

describe("instances that share a PostgreSQL and a Redis", () => {
  let databaseUrl: string;
  let namespace: string;
  let instances: Instance[];
  // The lease is long, except where a test waits for its end: it must not run out while the machine stalls.
  const start = async (options: { wrap?: (table: VersionTable) => VersionTable; leaseMs?: number } = {}) => {
    const instance = await createInstance({ databaseUrl, namespace, leaseMs: 60_000, ...options });
    instances.push(instance);
    return instance;
  };
  const outOfBand = async (sql: string) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  const state = async () => {
    const { rows } = await instances[0]!.pool.query("SELECT state FROM cache_epoch");
    return rows[0].state;
  };

  beforeEach(async () => {
    instances = [];
    namespace = randomUUID();
    databaseUrl = (await createTestDatabase()).url;
    await outOfBand(`INSERT INTO users (id, github_id, username) VALUES ('${ada}', '1', 'ada')`);
  });
  afterEach(() => Promise.all(instances.map((instance) => instance.close())));

  it("begin an epoch and serve from it", async () => {
    const [one, two] = [await start(), await start()];
    expect(one.epochs.held()).toBeUndefined();
    await one.live();
    await two.live();
    expect(two.epochs.held()).toBe(one.epochs.held());
    expect([await one.username(ada), await one.username(ada), await two.username(ada)]).toEqual([
      "ada",
      "ada",
      "ada",
    ]);
    expect(one.store.statistics()).toMatchObject({ misses: 1, localHits: 1 });
    expect(two.store.statistics()).toMatchObject({ sharedHits: 1, misses: 0 });
  });

  it("see an acknowledged write at once, wherever it was made", async () => {
    const [one, two] = [await start(), await start()];
    await one.live();
    await two.live();
    for (let round = 0; round < 20; round++) {
      await one.write(one.rename(ada, `one${round}`));
      expect([await two.username(ada), await one.username(ada)]).toEqual([`one${round}`, `one${round}`]);
      await two.write(two.rename(ada, `two${round}`));
      expect([await two.username(ada), await one.username(ada)]).toEqual([`two${round}`, `two${round}`]);
    }
    const { rows } = await one.pool.query("SELECT * FROM cache_invalidations");
    expect(rows).toEqual([]);
  });

  it("call a watcher after a write through the other instance, and after an out-of-band write", async () => {
    const [one, two] = [await start(), await start()];
    await one.live();
    await two.live();
    const untilChange = async () => {
      const since = await two.store.instant();
      return () => new Promise<void>((resolve) => two.store.watch([`User:${ada}`], since, resolve));
    };
    const afterWrite = await untilChange();
    await one.write(one.rename(ada, "written"));
    await afterWrite();
    const afterPsql = await untilChange();
    await outOfBand(`UPDATE users SET username = 'psql' WHERE id = '${ada}'`);
    await one.relay.pass();
    await afterPsql();
    expect(two.store.statistics().watchers).toBe(0);
  });

  it("learn of out-of-band writes from the relay", async () => {
    const one = await start();
    await one.live();
    await one.username(ada);
    await outOfBand(`UPDATE users SET username = 'psql' WHERE id = '${ada}'`);
    await one.relay.pass();
    expect(await one.username(ada)).toBe("psql");
    expect(one.relay.relayed()).toBe(2);
  });

  it("learn of them even when a relay that had locked them was stopped", async () => {
    const one = await start();
    await one.live();
    await one.username(ada);
    await outOfBand(`UPDATE users SET username = 'psql' WHERE id = '${ada}'`);
    const stopped = await one.pool.connect();
    await stopped.query("BEGIN; SELECT FROM cache_invalidations FOR UPDATE");
    await one.relay.pass();
    await one.relay.pass();
    expect(await one.username(ada)).toBe("psql");
    const relayed = one.relay.relayed();
    await one.relay.pass();
    expect(one.relay.relayed()).toBe(relayed);
    await stopped.query("ROLLBACK");
    stopped.release();
  });

  it("show, after an acknowledged write, the out-of-band changes that it saw before any relay did", async () => {
    const [one, two] = [await start(), await start()];
    await one.live();
    await two.live();
    const find = async ({ store, pool }: Instance) => {
      const load = async () => {
        const { rows } = await pool.query("SELECT username FROM users WHERE github_id = '2'");
        return { value: rows[0]?.username ?? null, tags: ["User@githubId=2"] };
      };
      return (await store.read("User@githubId=2", { kind: "row", ttlMs: 60_000, load })).value;
    };
    expect([await find(one), await find(two)]).toEqual([null, null]);
    await outOfBand("INSERT INTO users (github_id, username) VALUES ('2', 'psql')");
    // The write changes a row whose insertion is not relayed yet, and no key by which the row is looked up.
    await one.write((tx) =>
      tx.$queryRawUnsafe("UPDATE users SET username = 'service' WHERE github_id = '2'"),
    );
    expect([await find(one), await find(two)]).toEqual(["service", "service"]);
    // The relay must still bump the row's tags: the writer may have seen only a part of the outbox.
    const { rows } = await one.pool.query("SELECT count(*)::int FROM cache_invalidations");
    expect(rows).toEqual([{ count: 1 }]);
  });

  it("mark whole types instead of the tags of a long backlog", async () => {
    const one = await start();
    await one.live();
    await outOfBand(`INSERT INTO cache_invalidations (tags)
      SELECT ARRAY['User@githubId=' || n, 'Project:' || n] FROM generate_series(1, 2000) AS n`);
    let marked: readonly string[] = [];
    const spying = await start({
      wrap: (table) => ({
        ...table,
        mark: (epoch, xid, tags) => {
          marked = tags;
          return table.mark(epoch, xid, tags);
        },
      }),
    });
    await spying.live();
    await outOfBand(`INSERT INTO cache_invalidations (tags)
      SELECT ARRAY['User@githubId=' || n, 'Project:' || n] FROM generate_series(1, 2000) AS n`);
    await spying.write(spying.rename(ada, "new"));
    expect([...marked].sort()).toEqual(["Project!", "User!", "User#", `User:${ada}`].sort());
  });

  it("read from the database while a writer's outcome is unknown, and settle it by asking PostgreSQL, not by a clock", async () => {
    const one = await start({
      wrap: (table) => ({ ...table, release: () => Promise.reject(new Error("killed")) }),
    });
    await one.live();
    await one.username(ada);
    const epoch = one.epochs.held()!;
    await one.write(one.rename(ada, "new"));
    expect(await one.username(ada)).toBe("new");
    expect(await one.shared.transactions(epoch)).toHaveLength(1);

    const two = await start();
    await two.live();
    const open = await two.pool.connect();
    await open.query("BEGIN");
    const { rows } = await open.query("SELECT pg_current_xact_id()::text AS xid");
    await two.shared.mark(epoch, rows[0].xid, ["User:x"]);
    expect(await two.settle(epoch)).toBe(1);
    expect(await two.shared.transactions(epoch)).toEqual([rows[0].xid]);
    await open.query("ROLLBACK");
    open.release();
    expect(await two.settle(epoch)).toBe(1);
    expect(await two.shared.transactions(epoch)).toEqual([]);
    await two.username(ada);
    await two.username(ada);
    expect(two.store.statistics()).toMatchObject({ localHits: 1 });
  });

  it("mark nothing for a write that is rolled back or changes nothing", async () => {
    const marks: string[][] = [];
    const wrap = (table: VersionTable): VersionTable => ({
      ...table,
      mark: (epoch, xid, tags) => {
        marks.push([...tags]);
        return table.mark(epoch, xid, tags);
      },
    });
    const one = await start({ wrap });
    await one.live();
    const failing = one.write(async (tx) => {
      await one.rename(ada, "x")(tx);
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await one.write(async (tx) => tx.$queryRawUnsafe("SELECT 1 AS n"))).toEqual([{ n: 1 }]);
    expect(marks).toEqual([]);
    await one.write(one.rename(ada, "y"));
    expect(marks).toEqual([["User#", `User:${ada}`]]);
  });

  it("go on writing without Redis: first after the others' leases have run out, then at once", async () => {
    let isCut = false;
    const cut = (table: VersionTable): VersionTable => ({
      ...table,
      mark: (...args) => (isCut ? Promise.reject(new Error("unreachable")) : table.mark(...args)),
    });
    const [one, two] = [await start({ wrap: cut, leaseMs: 300 }), await start({ leaseMs: 300 })];
    await one.live();
    await two.live();
    await two.username(ada);
    isCut = true;
    let isServed = true;
    const written = one.write(one.rename(ada, "unmarked")).then(() => {
      isServed = two.epochs.held() !== undefined;
    });
    // Until its lease has run out, the other instance may serve, and its answers are right.
    while (two.epochs.held() !== undefined) {
      const shown = await two.username(ada);
      if (two.epochs.held() !== undefined) expect(shown).toBe("ada");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await written;
    expect(isServed).toBe(false);
    expect(await two.username(ada)).toBe("unmarked");
    expect(await state()).toBe("retired");
    await one.write(one.rename(ada, "again"));
    expect(await two.username(ada)).toBe("again");

    isCut = false;
    await two.live();
    expect(await two.username(ada)).toBe("again");
    expect(await state()).toBe("live");
  });

  it("begin another epoch when the version table is lost, once the old epoch's transactions have ended", async () => {
    const [one, two] = [await start({ leaseMs: 300 }), await start({ leaseMs: 300 })];
    await one.live();
    const before = one.epochs.held()!;
    await one.username(ada);

    // A writer that has marked its tags and pauses before its COMMIT.
    let goOn = () => {};
    const paused = one.transaction(async (tx) => {
      await one.rename(ada, "late")(tx);
      const rows = (await tx.$queryRawUnsafe("SELECT * FROM drain_cache_invalidations()")) as {
        xid: string;
        tags: string[];
      }[];
      await one.table.mark(before, rows[0]!.xid, rows[0]!.tags);
      await new Promise<void>((resolve) => (goOn = resolve));
    });
    await expect.poll(() => one.shared.transactions(before)).toHaveLength(1);
    await one.redis.del(`{${namespace}}:pending`);
    // The loss is noticed by the first reader that asks while it holds a lease.
    while ((await state()) === "live") {
      await one.epochs.step();
      expect(await one.username(ada)).toBe("ada");
    }
    while ((await state()) !== "quiescing") {
      await two.epochs.step();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (let step = 0; step < 10; step++) await two.epochs.step();
    expect(await state()).toBe("quiescing");
    expect(two.epochs.held()).toBeUndefined();
    goOn();
    await paused;
    await two.live();
    expect(two.epochs.held()).not.toBe(before);
    expect(await two.username(ada)).toBe("late");
  });

  it("agree on one epoch when all of them try to begin one at once", async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => start()));
    await Promise.all(all.map((instance) => instance.live()));
    await Promise.all(all.map((instance) => instance.epochs.step()));
    expect(new Set(all.map((instance) => instance.epochs.held())).size).toBe(1);
    const marked = await all[0]!.table.mark(all[4]!.epochs.held()!, "7", ["t"]);
    expect(marked).toBe("marked");
    expect(await all[2]!.table.transactions(all[2]!.epochs.held()!)).toEqual(["7"]);
  });

  it("begin epochs at least a cycle apart, however often they end, so that writers seldom wait for a lease", async () => {
    const one = await start();
    let clock = 0;
    const query = (sql: string, parameters: readonly string[]) => one.pool.query(sql, [...parameters]);
    const table = createMemoryVersionTable();
    const epochs = createEpochs({ query, table, leaseMs: 1_000, minCycleMs: 10_000, now: () => clock });
    /** The times at which an epoch went live. Each epoch is retired two seconds later. */
    const begun: number[] = [];
    /** An epoch waits for transactions of other tests, which end in real time: this clock stops meanwhile. */
    const step = async () => {
      await epochs.step();
      const row = epochs.latest()!;
      if (row.state !== "quiescing") clock += 100;
      return row;
    };
    for (let since: number | undefined; begun.length < 4; ) {
      const row = await step();
      if (row.state !== "live") since = undefined;
      else if (since === undefined) {
        since = clock;
        begun.push(since);
      } else if (clock - since >= 2_000) await epochs.retire(row.name);
    }
    const cycles = begun.slice(1).map((at, index) => at - begun[index]!);
    // PostgreSQL tells the age of an epoch by its own clock, which does not stop: hence the tolerance.
    expect(Math.min(...cycles)).toBeGreaterThan(8_000);
    expect(Math.max(...cycles)).toBeLessThan(11_000);

    // An epoch that was live for long is followed by the next at once.
    clock += 60_000;
    await epochs.retire((await step()).name);
    const endedAt = clock;
    while ((await step()).state !== "live");
    expect(clock - endedAt).toBeLessThan(3_000);
  });
});
