import pg from "pg";
import { expect, test } from "vitest";
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
