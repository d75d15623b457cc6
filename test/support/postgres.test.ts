import pg from "pg";
import { expect, test } from "vitest";
import { createEmptyDatabase, createTestDatabase, startPostgres, type TestDatabase } from "./postgres.ts";

test("a clone has every table and no rows, and rows of one clone are not in another", async () => {
  const [first, second] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await query(first, "INSERT INTO users (github_id, username) VALUES ('1', 'ada')");

  expect(await query(first, "SELECT username FROM users")).toEqual([{ username: "ada" }]);
  expect(await query(second, "SELECT username FROM users")).toEqual([]);
});

test("an empty database has no tables", async () => {
  const database = await createEmptyDatabase();

  expect(await query(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
});

test("a dropped database is gone, and dropping it again does nothing", async () => {
  const database = await createEmptyDatabase();
  await database.drop();
  await database.drop();

  await expect(query(database, "SELECT 1")).rejects.toMatchObject({ code: "3D000" });
});

test("dropping a database to which a pool is still connected reports the pool's last statement", async () => {
  const database = await createEmptyDatabase();
  const pool = new pg.Pool({ connectionString: database.url });
  pool.on("error", () => {}); // The drop cuts its connection.
  await pool.query("SELECT 'leaked'");

  await expect(database.drop()).rejects.toThrow(/1 connection\(s\).*SELECT 'leaked'/s);
  await pool.end();
});

test("a private server keeps its data and its port over a crash and a restart", async () => {
  const server = await startPostgres({ settings: { work_mem: "5MB" } });
  await query(server, "CREATE TABLE kept AS SELECT 42 AS answer");

  await server.kill();
  expect(server.pid()).toBeUndefined();
  await expect(query(server, "SELECT 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });

  await server.restart();
  expect(await query(server, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  expect(await query(server, "SHOW work_mem")).toEqual([{ work_mem: "5MB" }]);
});

async function query({ url }: Pick<TestDatabase, "url">, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
