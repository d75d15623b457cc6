import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { paths } from "../../prisma/difference.ts";
import { createSchemaEngine, migrationList, noFilter } from "../../prisma/engine.ts";
import { startEmbeddedDatabase } from "../../src/database/embedded.ts";
import { applyMigrations, MigrationError, migrationStatus } from "../../src/database/migrations.ts";
import { createEmptyDatabase } from "../support/postgres.ts";

// Creating the embedded database takes seconds, and many seconds beside other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** The package's own migrations, oldest first. */
const own = (await readdir(paths.migrations)).filter((name) => /^\d{14}_/.test(name)).sort();
const root = await mkdtemp(join(tmpdir(), "migrations-test-"));
afterAll(() => rm(root, { recursive: true, force: true }));

let folders = 0;

/** Writes a folder of migrations, given as name → SQL. */
async function folder(migrations: Record<string, string>): Promise<string> {
  const directory = join(root, String(folders++));
  for (const [name, sql] of Object.entries(migrations)) {
    await mkdir(join(directory, name), { recursive: true });
    await writeFile(join(directory, name, "migration.sql"), sql);
  }
  await writeFile(join(directory, "migration_lock.toml"), 'provider = "postgresql"\n');
  return directory;
}

async function query<Row extends pg.QueryResultRow>(connectionString: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function failure(promise: Promise<unknown>): Promise<MigrationError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof MigrationError)) throw new Error("Expected a MigrationError.", { cause: error });
  return error;
}

async function diagnose(connectionString: string, directory: string) {
  const { engine, close } = await createSchemaEngine(connectionString, await readFile(paths.schema, "utf8"));
  try {
    return await engine.diagnoseMigrationHistory({
      migrationsList: await migrationList(directory),
      optInToShadowDatabase: false,
      filters: noFilter,
    });
  } finally {
    await close();
  }
}

const upToDate = {
  editedMigrationNames: [],
  failedMigrationNames: [],
  hasMigrationsTable: true,
  history: null,
};

/** Tested on a server and on the embedded database, which has one session for all its clients. */
const backends = {
  PostgreSQL: async () => {
    const { url } = await createEmptyDatabase();
    return { url, close: async () => {} };
  },
  "the embedded database": async () => {
    const database = await startEmbeddedDatabase({ dataDirectory: join(root, `data-${folders++}`) });
    return { url: database.connectionString, close: async () => void (await database.stop()) };
  },
};

describe.each(Object.entries(backends))("the package's migrations on %s", (_, start) => {
  let connectionString: string;
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ url: connectionString, close } = await start());
  });
  afterAll(() => close());

  it("are pending at first, and asking for their status writes nothing", async () => {
    expect(await migrationStatus({ connectionString })).toEqual({
      applied: [],
      pending: own,
      problems: [],
    });
    expect(await query(connectionString, "SELECT to_regclass('_prisma_migrations') AS history")).toEqual([
      { history: null },
    ]);
  });

  it("are applied once when five callers start together", async () => {
    const results = await Promise.all(Array.from({ length: 5 }, () => applyMigrations({ connectionString })));
    expect(results.map(({ applied }) => applied.join()).sort()).toEqual(["", "", "", "", own.join()]);
    expect(await migrationStatus({ connectionString })).toEqual({
      applied: own,
      pending: [],
      problems: [],
    });
  });

  it("leave the same record as Prisma", async () => {
    const checksums = await Promise.all(
      own.map(async (name) => {
        const bytes = await readFile(join(paths.migrations, name, "migration.sql"));
        return createHash("sha256").update(bytes).digest("hex");
      }),
    );
    const rows = await query(
      connectionString,
      `SELECT checksum, migration_name, logs, rolled_back_at, applied_steps_count, length(id) AS id,
              finished_at >= started_at AS has_finished FROM _prisma_migrations ORDER BY migration_name`,
    );
    expect(rows).toEqual(
      own.map((name, index) => ({
        checksum: checksums[index],
        migration_name: name,
        logs: null,
        rolled_back_at: null,
        applied_steps_count: 1,
        id: 36,
        has_finished: true,
      })),
    );
  });

  it("are up to date according to Prisma's engine", async () => {
    expect(await diagnose(connectionString, paths.migrations)).toEqual(upToDate);
  });
});

describe("applyMigrations", () => {
  it("accepts migrations that Prisma's engine has applied, and uses the same table", async () => {
    const [theirs, ours] = await Promise.all([createEmptyDatabase(), createEmptyDatabase()]);
    const { engine, close } = await createSchemaEngine(theirs.url, await readFile(paths.schema, "utf8"));
    await engine.applyMigrations({
      migrationsList: await migrationList(paths.migrations),
      filters: noFilter,
    });
    await close();
    expect(await applyMigrations({ connectionString: theirs.url })).toEqual({ applied: [] });
    await applyMigrations({ connectionString: ours.url });

    const columns = `SELECT column_name, data_type, is_nullable, column_default, character_maximum_length
      FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY ordinal_position`;
    const history = "SELECT checksum, migration_name, logs, applied_steps_count FROM _prisma_migrations";
    expect(await query(ours.url, columns)).toEqual(await query(theirs.url, columns));
    expect(await query(ours.url, history)).toEqual(await query(theirs.url, history));
  });

  it("applies only new migrations, in the order of their names", async () => {
    const { url: connectionString } = await createEmptyDatabase();
    const one = { "20260101000000_one": "CREATE TABLE one (id int)" };
    const logged: object[] = [];
    const log = { info: (details: object) => logged.push(details) };
    await applyMigrations({ connectionString, directory: await folder(one), log });
    const directory = await folder({
      "20260103000000_three": "ALTER TABLE two ADD COLUMN three int",
      ...one,
      "20260102000000_two": "CREATE TABLE two (id int)",
    });
    expect(await applyMigrations({ connectionString, directory, log })).toEqual({
      applied: ["20260102000000_two", "20260103000000_three"],
    });
    expect(logged).toEqual(
      ["20260101000000_one", "20260102000000_two", "20260103000000_three"].map((migration) => ({
        migration,
        ms: expect.any(Number),
      })),
    );
  });

  it("refuses an edited migration, but accepts one that differs only in its line ends", async () => {
    const { url: connectionString } = await createEmptyDatabase();
    const sql = "CREATE TABLE one (id int);\nCREATE TABLE two (id int);\n";
    await applyMigrations({ connectionString, directory: await folder({ "1_one": sql }) });
    const windows = await folder({ "1_one": sql.replaceAll("\n", "\r\n") });
    expect(await applyMigrations({ connectionString, directory: windows })).toEqual({ applied: [] });

    const edited = await folder({ "1_one": `${sql} `, "2_two": "CREATE TABLE three (id int)" });
    const error = await failure(applyMigrations({ connectionString, directory: edited }));
    expect(error.code).toBe("MIGRATION_EDITED");
    expect(error.message).toMatch(
      /^The migration "1_one" was edited after it had been applied: its checksum/,
    );
    expect(await migrationStatus({ connectionString, directory: edited })).toMatchObject({
      applied: ["1_one"],
      pending: ["2_two"],
      problems: [{ code: "MIGRATION_EDITED", migration: "1_one" }],
    });
    expect(await query(connectionString, "SELECT to_regclass('three') AS three")).toEqual([{ three: null }]);
  });

  it("records a failed migration, rolls it back, and refuses to go on until it is marked as rolled back", async () => {
    const { url: connectionString } = await createEmptyDatabase();
    const broken = await folder({
      "1_broken": "CREATE TABLE one (id int);\nSELECT * FROM missing;",
      "2_next": "CREATE TABLE two (id int);",
    });
    const first = await failure(applyMigrations({ connectionString, directory: broken }));
    expect(first.code).toBe("MIGRATION_FAILED");
    expect(first.message).toContain('relation "missing" does not exist');
    expect(first.cause).toMatchObject({ code: "42P01" });
    expect(
      await query(
        connectionString,
        "SELECT migration_name, finished_at, applied_steps_count, logs FROM _prisma_migrations",
      ),
    ).toEqual([
      {
        migration_name: "1_broken",
        finished_at: null,
        applied_steps_count: 0,
        logs: expect.stringContaining("Database error code: 42P01"),
      },
    ]);
    expect(await query(connectionString, "SELECT to_regclass('one') AS one")).toEqual([{ one: null }]);
    expect(await diagnose(connectionString, broken)).toMatchObject({ failedMigrationNames: ["1_broken"] });

    const second = await failure(applyMigrations({ connectionString, directory: broken }));
    expect(second.code).toBe("MIGRATION_FAILED");
    const remedy = second.message.match(/UPDATE .*;/)?.[0] ?? "";
    await query(connectionString, remedy);
    const mended = await folder({
      "1_broken": "CREATE TABLE one (id int)",
      "2_next": "CREATE TABLE two (id int);",
    });
    expect(await applyMigrations({ connectionString, directory: mended })).toEqual({
      applied: ["1_broken", "2_next"],
    });
    expect(await diagnose(connectionString, mended)).toEqual(upToDate);
  });

  it("rolls back a failed migration that opened a transaction itself", async () => {
    const { url: connectionString } = await createEmptyDatabase();
    const directory = await folder({ "1_own": "BEGIN; CREATE TABLE one (id int); SELECT 1 / 0; COMMIT;" });
    const { problems } = await failure(applyMigrations({ connectionString, directory }));
    expect(problems[0]?.message).toContain("Database error code: 22012");
    expect(await migrationStatus({ connectionString, directory })).toMatchObject({
      problems: [{ code: "MIGRATION_FAILED", message: expect.stringContaining("22012") }],
    });
  });

  it("runs a migration that must not run in a transaction", async () => {
    const { url: connectionString } = await createEmptyDatabase();
    const directory = await folder({
      "1_table": "CREATE TABLE one (id int)",
      "2_index": "CREATE INDEX CONCURRENTLY one_id ON one (id)",
    });
    expect(await applyMigrations({ connectionString, directory })).toEqual({
      applied: ["1_table", "2_index"],
    });
  });

  it("refuses a database with an applied migration that the folder lacks", async () => {
    const { url: connectionString } = await createEmptyDatabase();
    const both = { "1_one": "SELECT 1", "2_two": "SELECT 2" };
    await applyMigrations({ connectionString, directory: await folder(both) });
    const error = await failure(
      applyMigrations({ connectionString, directory: await folder({ "1_one": "SELECT 1" }) }),
    );
    expect([error.code, error.problems[0]?.migration]).toEqual(["MIGRATION_MISSING", "2_two"]);
  });

  it("refuses a folder without a migration.sql before it touches the database", async () => {
    const { url: connectionString } = await createEmptyDatabase();
    const directory = await folder({ "1_one": "CREATE TABLE one (id int)" });
    await mkdir(join(directory, "2_empty"));
    const error = await failure(applyMigrations({ connectionString, directory }));
    expect([error.code, error.problems[0]?.migration]).toEqual(["MIGRATION_UNREADABLE", "2_empty"]);
    expect(await query(connectionString, "SELECT to_regclass('one') AS one")).toEqual([{ one: null }]);
  });

  it("refuses a database with tables of unknown origin, except those of extensions", async () => {
    const { url: connectionString } = await createEmptyDatabase();
    const directory = await folder({ "1_one": "SELECT 1" });
    await query(connectionString, "CREATE TABLE foreign_table (id int)");
    const error = await failure(applyMigrations({ connectionString, directory }));
    expect(error.code).toBe("DATABASE_NOT_EMPTY");
    expect(error.message).toContain('"foreign_table"');
    await query(connectionString, "DROP TABLE foreign_table; CREATE EXTENSION pg_trgm;");
    expect(await applyMigrations({ connectionString, directory })).toEqual({ applied: ["1_one"] });
  });

  it("waits for Prisma's lock no longer than `lockTimeoutMs`, and leaves no lock time-out set", async () => {
    const { url: connectionString } = await createEmptyDatabase();
    const directory = await folder({
      "1_show": "CREATE TABLE shown AS SELECT current_setting('lock_timeout') AS v",
    });
    const other = new pg.Client({ connectionString });
    await other.connect();
    await other.query("SELECT pg_advisory_lock(72707369)");
    const error = await failure(applyMigrations({ connectionString, directory, lockTimeoutMs: 50 }));
    expect(error.code).toBe("MIGRATION_LOCK_TIMEOUT");
    expect(error.message).toContain("72707369");
    const waiting = applyMigrations({ connectionString, directory });
    await other.end();
    expect(await waiting).toEqual({ applied: ["1_show"] });
    expect(await query(connectionString, "SELECT v FROM shown")).toEqual([{ v: "0" }]);
  });
});
