import { pino } from "pino";
import { expect, test } from "vitest";
import { errorRecord } from "../../src/commands/errorRecord.ts";
import { loadConfig } from "../../src/config.ts";
import { createDatabase } from "../../src/database/database.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { createTestRepositories } from "../support/repositories.ts";

/** A logger like that of the commands. */
function recordedLines() {
  const lines: string[] = [];
  const log = pino(
    { base: null, timestamp: false, serializers: { err: errorRecord } },
    { write: (line: string) => void lines.push(line) },
  );
  return { log, lines };
}

const recordOf = (error: unknown) => {
  const { log, lines } = recordedLines();
  log.warn({ err: error });
  return (JSON.parse(lines[0]!) as { err: unknown }).err;
};

test("a broken idle connection is logged as PostgreSQL's error, without the client object that the error holds", async () => {
  const { url } = await createTestDatabase();
  const { pool: admin } = await createTestRepositories();
  const { log, lines } = recordedLines();
  const database = createDatabase(loadConfig({}).database, url, log);
  atEndOfFile(() => database.close());
  let raised: unknown;
  database.pool.once("error", (error) => {
    raised = error;
  });
  const [row] = await database.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  await admin.query("SELECT pg_terminate_backend($1, 5000)", [row!.pid]);

  await expect.poll(() => lines.length).toBe(1);
  expect(raised).toHaveProperty("client");
  expect(JSON.parse(lines[0]!)).toEqual({
    level: 40,
    msg: "an idle database connection broke",
    err: {
      type: "DatabaseError",
      message: "terminating connection due to administrator command",
      code: "57P01",
      severity: "FATAL",
      file: "postgres.c",
      line: expect.stringMatching(/^\d+$/),
      routine: "ProcessInterrupts",
      stack: expect.stringMatching(/^error: terminating connection due to administrator command\n {4}at /),
    },
  });
  expect(lines[0]!.length).toBeLessThan(2_500);
});

test("a violated constraint is logged with its table, its name, and the values that PostgreSQL reports", async () => {
  const { database } = await createTestRepositories();
  const insert = "INSERT INTO users (github_id, username) VALUES ('1', 'one')";
  await database.pool.query(insert);
  const error = await database.pool.query(insert).catch((caught: unknown) => caught);
  expect(recordOf(error)).toEqual({
    type: "DatabaseError",
    message: 'duplicate key value violates unique constraint "users_github_id_key"',
    code: "23505",
    severity: "ERROR",
    detail: "Key (github_id)=(1) already exists.",
    schema: "public",
    table: "users",
    constraint: "users_github_id_key",
    file: "nbtinsert.c",
    line: expect.stringMatching(/^\d+$/),
    routine: "_bt_check_unique",
    stack: expect.stringMatching(/^error: duplicate key/),
  });
});

test("causes and aggregated errors are recorded like the error itself", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED ::1:5432"), {
    code: "ECONNREFUSED",
    syscall: "connect",
    port: 5432,
    socket: { writable: false },
  });
  const cause = new AggregateError([refused, "a text"], "all have failed");
  expect(recordOf(new TypeError("outer", { cause }))).toEqual({
    type: "TypeError",
    message: "outer",
    stack: expect.stringMatching(/^TypeError: outer\n/),
    cause: {
      type: "AggregateError",
      message: "all have failed",
      stack: expect.any(String),
      errors: [
        {
          type: "Error",
          message: "connect ECONNREFUSED ::1:5432",
          code: "ECONNREFUSED",
          syscall: "connect",
          port: 5432,
          stack: expect.any(String),
        },
        "a text",
      ],
    },
  });
});

test("a cycle of causes is cut off", () => {
  const error = new Error("one");
  error.cause = new Error("two", { cause: error });
  expect(recordOf(error)).toMatchObject({ message: "one", cause: { message: "two", cause: "[told above]" } });
});

test("long texts and deeply nested errors are cut short", () => {
  const long = "x".repeat(100_000);
  const tree = (depth: number): Error =>
    Object.assign(
      new AggregateError(depth === 0 ? [] : Array.from({ length: 9 }, () => tree(depth - 1)), long),
      {
        detail: long,
      },
    );
  const text = JSON.stringify(recordOf(tree(4)));
  expect(text.length).toBeLessThan(20_000);
  expect(text).toContain(`"detail":"${"x".repeat(1_000)}…"`);
  expect(text).toContain('"[left out]"');
});

test("thrown values that are no errors are recorded too", () => {
  expect(recordOf("a text")).toBe("a text");
  expect(recordOf(null)).toBe(null);
  expect(recordOf({ status: 500, body: { a: 1 } })).toEqual({ type: "Object", status: 500 });
});
