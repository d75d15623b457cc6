import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMaintenance, type MaintenanceStep } from "../../../src/database/maintenance/maintenance.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";

const TINY = { wastedBytes: 64 * 1_024, wastedShare: 0.3 };

describe("maintenance of a PostgreSQL", { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let other: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    [client, other] = await Promise.all([connect(), connect()]);
  });
  afterEach(async () => {
    await Promise.all([client.end(), other.end()]);
    await database.drop();
  });

  async function connect(): Promise<pg.Client> {
    const connected = new pg.Client({ connectionString: database.url });
    await connected.connect();
    return connected;
  }

  const maintenance = (options: Partial<Parameters<typeof createMaintenance>[0]> = {}) =>
    createMaintenance({
      connectionString: database.url,
      isEmbedded: false,
      isReindexEnabled: true,
      pruning: [],
      ...options,
    });

  /** Inserts users, which the index on their ids has in random order, and deletes most of them. */
  async function leaveHoles(kept = 0.1): Promise<void> {
    await client.query(`INSERT INTO "users" ("github_id", "username")
      SELECT i::text, 'user ' || i FROM generate_series(1, 20000) AS i`);
    await client.query(`DELETE FROM "users" WHERE "github_id"::int % 100 >= ${kept * 100}`);
    await untilKnown("users");
  }

  /** Waits for the table's statistics, which PostgreSQL writes down a moment after a transaction. */
  async function untilKnown(table: string): Promise<void> {
    for (let attempt = 0; attempt < 500; attempt++) {
      const { rows } = await other.query<{ dead: number }>(
        `SELECT n_dead_tup::int AS "dead" FROM pg_stat_user_tables WHERE relname = $1`,
        [table],
      );
      if (rows[0]!.dead > 0) return;
      await sleep(20);
    }
    throw new Error(`Expected dead rows of ${table} in the statistics within 10 s.`);
  }

  const indexesOf = async (table: string) => {
    const { rows } = await other.query<{ index: string; isValid: boolean }>(
      `SELECT indexrelid::regclass::text AS "index", indisvalid AS "isValid" FROM pg_index
        WHERE indrelid = $1::regclass ORDER BY 1`,
      [table],
    );
    return rows;
  };

  test("vacuums only tables with dead rows", async () => {
    await leaveHoles();
    const report = await maintenance({ isReindexEnabled: false }).perform();
    expect(report!.tables).toEqual([
      {
        table: "users",
        action: "VACUUM",
        reason: "18000 dead rows, 100 %",
        deadRows: 18_000,
        bytesBefore: expect.any(Number),
        bytesAfter: expect.any(Number),
        seconds: expect.any(Number),
        problem: null,
      },
    ]);
    const { rows } = await client.query<{ rows: number }>(
      `SELECT reltuples::int AS "rows" FROM pg_class WHERE relname = 'users'`,
    );
    expect(rows).toEqual([{ rows: 2_000 }]);
    expect((await maintenance().perform())!.tables).toEqual([]);
  });

  test("vacuums every table in a full pass", async () => {
    const { rows } = await client.query<{ table: string }>(
      `SELECT relname AS "table" FROM pg_stat_user_tables ORDER BY relname`,
    );
    const report = await maintenance().perform({ isFullPass: true });
    expect(report!.tables.map(({ table }) => table)).toEqual(rows.map(({ table }) => table));
    expect(report!.tables.every(({ problem }) => problem === null)).toBe(true);
  });

  test("changes nothing in a dry run, but reports what it would do", async () => {
    await leaveHoles();
    let pruned = 0;
    const run = maintenance({
      pruning: [
        { table: "idempotency_keys", what: "old ones", count: async () => 3, prune: async () => ++pruned },
      ],
    });
    const report = await run.perform({ isDryRun: true });
    expect(report).toMatchObject({
      isDryRun: true,
      reclaimedBytes: 0,
      pruned: [{ table: "idempotency_keys", rows: 3 }],
      tables: [{ table: "users", action: "VACUUM", problem: null }],
    });
    expect(pruned).toBe(0);
    const { rows } = await client.query<{ rows: number }>(
      `SELECT reltuples::int AS "rows" FROM pg_class WHERE relname = 'users'`,
    );
    expect(rows).toEqual([{ rows: -1 }]);
  });

  test.each([
    ["estimate", async () => {}],
    ["pgstattuple", async () => void (await client.query("CREATE EXTENSION pgstattuple"))],
  ])("rebuilds indexes that are mostly empty according to %s", async (measuredBy, prepare) => {
    await prepare();
    await leaveHoles();
    const report = await maintenance({ reindexFrom: TINY }).perform();
    const rebuilt = report!.indexes.filter(({ table }) => table === "users");
    expect(rebuilt.map(({ index }) => index).sort()).toEqual([
      "users_created_at_id_idx",
      "users_github_id_key",
      "users_pkey",
    ]);
    for (const { action, reason, bytesBefore, bytesAfter, problem } of rebuilt) {
      expect({ action, problem }).toEqual({ action: "REINDEX", problem: null });
      expect(reason).toMatch(new RegExp(`^[3-9]\\d % of it is empty, by ${measuredBy}$`));
      expect(bytesAfter).toBeLessThan(bytesBefore / 2);
    }
    expect(report!.reclaimedBytes).toBeGreaterThan(0);
    expect((await maintenance({ reindexFrom: TINY }).perform())!.indexes).toEqual([]);
  });

  test("rebuilds no index unless that is enabled, but names those that it would rebuild", async () => {
    await leaveHoles();
    const report = await maintenance({ isReindexEnabled: false, reindexFrom: TINY }).perform();
    expect(report!.indexes).toEqual([]);
    expect(report!.notes.join()).toMatch(/DB_ENABLE_REINDEX is not set: .*users_pkey \(\d+ % of it is empty/);
  });

  test("drops the invalid index that an interrupted rebuild has left, and no index in use", async () => {
    await other.query("BEGIN");
    await other.query(`INSERT INTO "users" ("github_id", "username") VALUES ('1', 'a')`);
    await client.query("SET lock_timeout = 100");
    await expect(client.query(`REINDEX INDEX CONCURRENTLY "users_pkey"`)).rejects.toMatchObject({
      code: "55P03",
    });
    await other.query("ROLLBACK");
    const invalid = (await indexesOf("users")).filter(({ isValid }) => !isValid);
    expect(invalid).toEqual([{ index: "users_pkey_ccnew", isValid: false }]);

    const report = await maintenance().perform();
    expect(report!.indexes).toMatchObject([
      { index: "users_pkey_ccnew", table: "users", action: "DROP", bytesAfter: 0, problem: null },
    ]);
    expect((await indexesOf("users")).map(({ index }) => index)).toEqual([
      "users_created_at_id_idx",
      "users_github_id_key",
      "users_pkey",
    ]);
  });

  test("reports the progress of a rebuild", async () => {
    await leaveHoles();
    await other.query("BEGIN");
    await other.query(`UPDATE "users" SET "username" = 'held' WHERE "github_id" = '1'`);
    const steps: MaintenanceStep[] = [];
    await maintenance({ reindexFrom: TINY }).perform({
      onProgress: (step) => {
        steps.push(step);
        // The rebuild waits for the open transaction, so this phase is certain to come.
        if (step.phase.startsWith("waiting for writers")) void other.query("ROLLBACK");
      },
    });
    const waited = steps.find(({ phase }) => phase.startsWith("waiting for writers"));
    expect(waited!.name).toMatch(/^REINDEX "users_/);
    expect(waited!.count).toBe(4);
    expect(steps.map(({ number }) => number)).toEqual(steps.map(({ number }) => number).sort());
  });

  test("cancels its statement when it is aborted, and leaves no lock behind", async () => {
    await leaveHoles();
    await other.query("BEGIN");
    await other.query(`LOCK TABLE "users" IN SHARE UPDATE EXCLUSIVE MODE`);
    const controller = new AbortController();
    const running = maintenance().perform({
      signal: controller.signal,
      onProgress: ({ name }) =>
        name.startsWith("VACUUM") && setTimeout(() => controller.abort(new Error("enough")), 200),
    });
    await expect(running).rejects.toThrow("enough");
    await other.query("ROLLBACK");
    const { rows } = await other.query(
      "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    expect(rows).toEqual([]);
    expect((await maintenance().perform())!.tables).toMatchObject([{ table: "users", problem: null }]);
  });

  test("reports a step that fails, and goes on with the next step", async () => {
    const report = await maintenance({
      pruning: [
        {
          table: "audit_entries",
          what: "old ones",
          count: async () => 0,
          prune: async () => {
            throw new Error("no room");
          },
        },
      ],
    }).perform({ isFullPass: true });
    expect(report!.pruned).toMatchObject([{ problem: "no room", rows: 0 }]);
    expect(report!.tables.length).toBeGreaterThan(5);
  });

  test("runs once at a time, and a second run is told who runs it and since when", async () => {
    let second: Promise<unknown> | undefined;
    await maintenance().perform({
      isDue: async () => {
        second = maintenance().perform();
        await second.catch(() => {});
        return true;
      },
    });
    await expect(second).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringMatching(/already: by stack-converter maintenance .* at 127.0.0.1, since 20/),
      details: { holder: expect.any(String), since: expect.stringMatching(/^20.*Z$/) },
    });
    await maintenance().perform();
  });

  test("skips tables of other roles and says so", async () => {
    const role = `maintainer_${Math.random().toString(36).slice(2)}`;
    await client.query(`CREATE ROLE "${role}" LOGIN`);
    try {
      const url = new URL(database.url);
      url.username = role;
      const report = await maintenance({ connectionString: url.href }).perform({ isFullPass: true });
      expect(report!.tables).toEqual([]);
      expect(report!.notes).toContain("users: left alone, because it belongs to another role");
    } finally {
      await client.query(`DROP ROLE "${role}"`);
    }
  });
});
