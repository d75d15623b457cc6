import pg from "pg";
import { expect, test } from "vitest";
import { createTestRepositories } from "../support/repositories.ts";

const { pool, database } = await createTestRepositories();

const UNAVAILABLE = { code: "SERVICE_UNAVAILABLE" };

test("a connection that ends before its transaction's COMMIT is an outage, whoever began the transaction", async () => {
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

test("so is a database that is being exchanged for another", async () => {
  const { rows } = await pool.query<{ name: string }>("SELECT current_database() AS name");
  const elsewhere = new URL(pool.options.connectionString!);
  elsewhere.pathname = "postgres";
  const admin = new pg.Client({ connectionString: elsewhere.href });
  await admin.connect();
  // As restore.ts keeps everybody out of it.
  const allow = (isAllowed: boolean) =>
    admin.query(`ALTER DATABASE "${rows[0]!.name}" ALLOW_CONNECTIONS ${isAllowed}`);
  try {
    await allow(false);
    await admin.query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", [
      rows[0]!.name,
    ]);
    // The first may still be on a connection that has ended.
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(database.query("SELECT 1")).rejects.toMatchObject(UNAVAILABLE);
  } finally {
    await allow(true);
    await admin.end();
  }
  expect(await database.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
});
