import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createTestDatabase } from "./postgres.ts";
import {
  explain,
  recordStatements,
  type StatementRecording,
  sequentialScans,
  usedIndexes,
  withoutTransactionControl,
} from "./sql.ts";

let pool: pg.Pool;
let recording: StatementRecording;

beforeAll(async () => {
  pool = new pg.Pool({ connectionString: (await createTestDatabase()).url });
  // An idle connection from before the recording must be recorded as well.
  await pool.query("SELECT 'before'");
  recording = recordStatements(pool);
});
beforeEach(() => recording.reset());
afterAll(() => pool.end());

test("every way to query a pool is recorded, with its values", async () => {
  await pool.query("SELECT 1");
  await pool.query("SELECT $1::int", [2]);
  await pool.query({ text: "SELECT $1::int", values: [3] });
  await new Promise<void>((resolve, reject) => {
    pool.query("SELECT $1::int", [4], (error) => (error ? reject(error) : resolve()));
  });

  expect(recording.statements).toEqual([
    { text: "SELECT 1", values: [] },
    { text: "SELECT $1::int", values: [2] },
    { text: "SELECT $1::int", values: [3] },
    { text: "SELECT $1::int", values: [4] },
  ]);
});

test("a checked-out client's transaction is recorded, and its control statements can be left out", async () => {
  const client = await pool.connect();
  await client.query("BEGIN");
  await client.query("SELECT 1");
  await client.query("COMMIT");
  client.release();

  expect(recording.statements.map(({ text }) => text)).toEqual(["BEGIN", "SELECT 1", "COMMIT"]);
  expect(withoutTransactionControl(recording.statements)).toEqual([{ text: "SELECT 1", values: [] }]);
});

test("what Prisma's adapter sends through the pool is recorded, its transactions included", async () => {
  const adapter = await new PrismaPg(pool).connect();
  const select = {
    sql: "SELECT $1::int",
    args: [1],
    argTypes: [{ scalarType: "int", arity: "scalar" } as const],
  };
  await adapter.queryRaw(select);
  const transaction = await adapter.startTransaction();
  await transaction.queryRaw(select);
  // Prisma sends the COMMIT itself; the adapter only gives the connection back.
  await transaction.executeRaw({ sql: "COMMIT", args: [], argTypes: [] });
  await transaction.commit();

  expect(recording.statements.map(({ text }) => text)).toEqual([
    "SELECT $1::int",
    "BEGIN",
    "SELECT $1::int",
    "COMMIT",
  ]);
  expect(withoutTransactionControl(recording.statements)).toEqual([
    { text: "SELECT $1::int", values: [1] },
    { text: "SELECT $1::int", values: [1] },
  ]);
});

test("two recordings of one pool do not disturb each other, and a stopped one hears nothing more", async () => {
  const second = recordStatements(pool);
  await pool.query("SELECT 'both'");
  second.stop();
  await pool.query("SELECT 'first alone'");

  expect(recording.statements).toHaveLength(2);
  expect(second.statements).toEqual([{ text: "SELECT 'both'", values: [] }]);
});

test("a failing statement is recorded, and fails as it would have", async () => {
  await expect(pool.query("SELECT 1 / 0")).rejects.toMatchObject({ code: "22012" });

  expect(recording.statements).toEqual([{ text: "SELECT 1 / 0", values: [] }]);
});

test("a plan tells sequential scans from index scans", async () => {
  await pool.query(
    "INSERT INTO users (github_id, username) SELECT n::text, 'user ' || n FROM generate_series(1, 5000) AS n",
  );
  await pool.query("ANALYZE users");

  const byName = await explain(pool, { text: "SELECT * FROM users WHERE email = $1", values: ["x"] });
  expect(sequentialScans(byName)).toEqual(["users"]);
  expect(usedIndexes(byName)).toEqual([]);

  const byGithubId = await explain(pool, { text: "SELECT * FROM users WHERE github_id = $1", values: ["7"] });
  expect(sequentialScans(byGithubId)).toEqual([]);
  expect(usedIndexes(byGithubId)).toEqual(["users_github_id_key"]);
});
