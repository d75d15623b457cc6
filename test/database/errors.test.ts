import pg from "pg";
import { pino } from "pino";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { createDatabase } from "../../src/database/database.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestRepositories } from "../support/repositories.ts";

const { pool, database } = await createTestRepositories();

const UNAVAILABLE = { code: "SERVICE_UNAVAILABLE" };

test("a connection that ends before its transaction's COMMIT is an outage, in Prisma's and our own transactions", async () => {
  await expect(
    database.prismaTransaction(async (tx) => {
      const [row] = await tx.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      await pool.query("SELECT pg_terminate_backend($1, 5000)", [row!.pid]);
    }),
  ).rejects.toMatchObject(UNAVAILABLE);

  await expect(
    database.statementTransaction(async (tx) => {
      const [row] = await tx.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      await pool.query("SELECT pg_terminate_backend($1, 5000)", [row!.pid]);
    }),
  ).rejects.toMatchObject(UNAVAILABLE);
});

test("a database that is being swapped for another is an outage", async () => {
  const { rows } = await pool.query<{ name: string }>("SELECT current_database() AS name");
  const elsewhere = new URL(pool.options.connectionString!);
  elsewhere.pathname = "postgres";
  const admin = new pg.Client({ connectionString: elsewhere.href });
  await admin.connect();
  // As restore.ts does it, to keep all clients out of the database.
  const allow = (isAllowed: boolean) =>
    admin.query(`ALTER DATABASE "${rows[0]!.name}" ALLOW_CONNECTIONS ${isAllowed}`);
  try {
    await allow(false);
    await admin.query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", [
      rows[0]!.name,
    ]);
    // The first query may still use a connection that has ended.
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(database.query("SELECT 1")).rejects.toMatchObject(UNAVAILABLE);
  } finally {
    await allow(true);
    await admin.end();
  }
  expect(await database.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

test("a statement that takes too long, for the service or for PostgreSQL, is an outage", async () => {
  const impatient = (limits: { queryTimeoutMs?: number; statementTimeoutMs?: number }) => {
    const config = { ...loadConfig({}).database, ...limits };
    const made = createDatabase(config, pool.options.connectionString!, pino({ level: "silent" }));
    atEndOfFile(made.close);
    return made;
  };
  for (const each of [impatient({ queryTimeoutMs: 200 }), impatient({ statementTimeoutMs: 200 })]) {
    await expect(each.query("SELECT pg_sleep(2)")).rejects.toMatchObject(UNAVAILABLE);
    await expect(each.statementTransaction((tx) => tx.query("SELECT pg_sleep(2)"))).rejects.toMatchObject(
      UNAVAILABLE,
    );
    await expect(
      each.prismaTransaction(async (tx) => tx.$queryRaw`SELECT pg_sleep(2)::text`),
    ).rejects.toMatchObject(UNAVAILABLE);
    expect(await each.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  }
  // The service was stopped, or computed, in the middle of a transaction.
  await expect(
    impatient({ statementTimeoutMs: 200 }).statementTransaction(async (tx) => {
      await tx.query("SELECT 1");
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await tx.query("SELECT 2");
    }),
  ).rejects.toMatchObject(UNAVAILABLE);
});

test.each([
  ["its disk is full", "53100"],
  ["it is out of memory", "53200"],
])("a database that refuses because %s is an outage", async (_, code) => {
  await expect(
    database.statementTransaction((tx) =>
      tx.query(`DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '${code}'; END $$`),
    ),
  ).rejects.toMatchObject(UNAVAILABLE);
});
