import pg from "pg";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { createDatabase } from "../../src/database/database.ts";
import { createPoolReport } from "../../src/database/poolReport.ts";
import { readServerFigures } from "../../src/database/serverFigures.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";

async function open(env: Record<string, string> = {}) {
  const { url } = await createTestDatabase();
  const config = loadConfig({ DATABASE_URL: url, DB_POOL_MIN: "0", DB_POOL_MAX: "2", ...env }).database;
  const database = createDatabase(config, url, pino({ level: "silent" }));
  atEndOfFile(database.close);
  return { url, database, report: createPoolReport(database) };
}

describe("the pool", async () => {
  const { database, report } = await open({ DB_CONNECTION_TIMEOUT: "300" });

  test("counts connections, waits and statements of every kind", async () => {
    expect(report.statistics()).toMatchObject({ total: 0, idle: 0, waiting: 0, peakInUse: 0, errors: [] });

    await database.query("SELECT $1::int", [1]);
    await database.transaction((client) => client.query("SELECT 2"));
    await database.prisma.user.count();

    // One by itself, one between BEGIN and COMMIT, and Prisma's.
    expect(report.queryTime().count).toBe(5);
    expect(report.acquireWait().count).toBe(3);
    expect(report.statistics()).toMatchObject({
      total: 1,
      idle: 1,
      waiting: 0,
      peakInUse: 1,
      peakWaiting: 0,
    });
  });

  test("counts failures by the class of their SQLSTATE, and requests that got no connection", async () => {
    await expect(database.query("SELECT 1 / 0")).rejects.toMatchObject({ code: "22012" });
    await expect(database.query("SELECT * FROM nowhere")).rejects.toMatchObject({ code: "42P01" });
    await expect(database.prisma.$queryRawUnsafe("SELECT 1 / 0")).rejects.toThrow("division by zero");
    const held = [await database.pool.connect(), await database.pool.connect()];
    await expect(database.query("SELECT 1")).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    for (const client of held) client.release();

    expect(report.statistics()).toMatchObject({
      peakInUse: 2,
      errors: [
        { sqlstateClass: "22", count: 2 },
        { sqlstateClass: "42", count: 1 },
        { sqlstateClass: "acquire", count: 1 },
      ],
    });
  });

  test("counts connections that end while they run a statement", async () => {
    await expect(database.query("SELECT pg_terminate_backend(pg_backend_pid())")).rejects.toMatchObject({
      code: "SERVICE_UNAVAILABLE",
    });
    expect(report.statistics().errors).toContainEqual({ sqlstateClass: "57", count: 1 });
  });

  test("gives a failed statement's error to its caller only", async () => {
    const client = await database.pool.connect();
    // It fails before anything awaits it, which must not end the process as an unhandled rejection.
    const failed = client.query("SELECT 1 / 0").catch((error: Error) => error);
    await client.query("SELECT 1");
    expect(await failed).toMatchObject({ code: "22012" });
    await new Promise<void>((resolve) =>
      client.query("SELECT 1 / 0", (error) => {
        expect(error).toMatchObject({ code: "22012" });
        resolve();
      }),
    );
    client.release();
  });
});

describe("slow statements", async () => {
  const { database, report } = await open({ DB_SLOW_QUERY_MS: "1" });
  const slow = (text: string) => report.slowQueries().find((each) => each.text.includes(text));
  const SECRET = "hunter2-hunter2";

  test("are recorded by their text, without any of their values", async () => {
    await database.query(`SELECT pg_sleep(0.01), $1::text, '${SECRET} 2'`, [SECRET]);
    await database.query(`SELECT pg_sleep(0.02), $1::text, '${SECRET} 3'`, ["other"]);

    expect(slow("pg_sleep")).toMatchObject({ text: "SELECT pg_sleep(?), $1::text, ?", count: 2 });
    expect(slow("pg_sleep")!.maxMs).toBeGreaterThanOrEqual(20);
    expect(JSON.stringify([report.slowQueries(), report.statistics()])).not.toContain(SECRET);
    expect(report.slowQueryCount()).toBeGreaterThanOrEqual(2);
  });

  test("are explained without their values and without being run", async () => {
    await database.query(
      `SELECT pg_sleep(0.01), username FROM (SELECT 1) AS one LEFT JOIN users ON id = $1 AND role = $2`,
      ["00000000-0000-7000-8000-000000000001", "ADMIN"],
    );
    const plan = await report.plan(slow("LEFT JOIN users")!.id);

    expect(plan!.join("\n")).toMatch(
      /Index Scan using users_pkey on users[\s\S]*Index Cond: \(id = \$1\)[\s\S]*role = \$2/,
    );
    // Writing statements are explained too.
    await database.query("UPDATE users SET username = $1 WHERE id = $2 AND pg_sleep(0.01) IS NOT NULL", [
      "x",
      "00000000-0000-7000-8000-000000000001",
    ]);
    await database.query("SELECT pg_sleep(0.01)");
    await database.query(
      "WITH slow AS (SELECT pg_sleep(0.01)) INSERT INTO users (github_id, username) SELECT $1, $2 FROM slow",
      ["1", "octocat"],
    );
    expect((await report.plan(slow("INSERT INTO users")!.id))!.join("\n")).toContain("Insert on users");
    expect(await database.query("SELECT count(*)::int AS count FROM users")).toEqual([{ count: 1 }]);
    expect(await database.query("SELECT * FROM pg_prepared_statements WHERE name LIKE 'explained%'")).toEqual(
      [],
    );
  });

  test("that have no plan are reported without one", async () => {
    await database.query("DO $$ BEGIN PERFORM pg_sleep(0.01); END $$");
    expect(await report.plan(slow("DO ")!.id)).toBeNull();
    expect(await report.plan("another")).toBeNull();
  });

  test("that cannot be planned any more are reported without a plan", async () => {
    await database.transaction(async (client) => {
      await client.query("CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT 1 AS id");
      await client.query("SELECT pg_sleep(0.01) FROM gone");
    });
    expect(await report.plan(slow("FROM gone")!.id)).toBeNull();
    // The connection is still usable.
    expect(await database.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

describe("advice", async () => {
  const { url, database, report } = await open();

  test("reads the server's figures on tables and on other programs' sessions", async () => {
    expect(await report.advice()).toEqual([]);
    const other = new pg.Client({ connectionString: url, application_name: "report" });
    await other.connect();
    await other.query("BEGIN");
    const [{ pid }] = (await other.query("SELECT pg_backend_pid() AS pid")).rows;
    await database.query("SELECT 1");

    const figures = await readServerFigures(database.query);
    expect(figures.sessions).toMatchObject([
      { state: "idle in transaction", application: "report", processId: pid },
    ]);
    expect(figures.sessions[0]!.transactionSeconds).toBeGreaterThanOrEqual(0);
    expect(figures.maxConnections).toBeGreaterThanOrEqual(figures.connections);
    expect(figures.tables.map(({ name }) => name)).toEqual(expect.arrayContaining(["users", "projects"]));
    await other.end();
  });
});
