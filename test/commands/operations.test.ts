import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { insertRows } from "../support/rows.ts";

const run = promisify(execFile);
const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

async function commandsOn(env: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), "stack-converter-operations-"));
  atEndOfFile(() => rm(folder, { recursive: true, force: true }));
  const environment = {
    ...process.env,
    BACKUP_DIRECTORY: join(folder, "backups"),
    DATA_DIRECTORY: join(folder, "data"),
    ...env,
  };
  return {
    folder,
    command: async (...args: string[]) =>
      (
        await run(process.execPath, ["--import", import.meta.resolve("tsx"), CLI, ...args], {
          env: environment,
        })
      ).stdout,
  };
}

describe("on a PostgreSQL", { timeout: 120_000 }, async () => {
  const { url } = await createTestDatabase();
  const { command, folder } = await commandsOn({ DATABASE_URL: url, BACKUP_ENCRYPTION_KEY: "" });
  beforeAll(async () => {
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    await insertRows(pool, { users: 3, projects: 2, jobs: 4 });
    await pool.query(`INSERT INTO "idempotency_keys" ("scope", "key", "ordinal", "input_hash", "created_at")
      SELECT '', i::text, 0, '', now() - interval '2 days' FROM generate_series(1, 7) AS i`);
    await pool.end();
  });

  test("maintain says what it would do, does it, and writes it into the audit log", async () => {
    const dry = await command("maintain", "--dry-run");
    expect(dry).toContain("idempotency_keys: 7 rows (idempotency keys older than a day), would be done\n");
    expect(dry).toMatch(/A dry run: nothing was changed\.\n$/);
    const report = JSON.parse(await command("maintain", "--full-pass", "--json"));
    expect(report).toMatchObject({ isDryRun: false, indexes: [], notes: [] });
    expect(report.pruned[0]).toMatchObject({ table: "idempotency_keys", rows: 7, problem: null });
    expect(report.tables.map(({ table }: { table: string }) => table)).toContain("conversion_jobs");
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(`SELECT "credential", "details" FROM "audit_entries"`);
    await client.end();
    expect(rows).toMatchObject([{ credential: "command line", details: { isFullPass: true } }]);
  });

  test("backups are listed as not verified until they are, and restored when that is asked for", async () => {
    expect(await command("backup", "--list")).toBe(`There is no backup in ${folder}/backups.\n`);
    expect(await command("backup")).toMatch(/9 rows, not encrypted\.\nNot verified yet/);
    const listed = await command("backup", "--list");
    expect(listed).toMatch(/^stack-converter-.*\.dump\t.*\tnot encrypted\tNOT VERIFIED\n$/);
    expect(await command("verify-backup")).toMatch(
      /is good: 11 tables, \d+ rows, restored and compared\.\n$/,
    );
    expect(await command("backup", "--list")).toMatch(/\tverified 20.*Z\n$/);
    await expect(command("restore")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/The database has rows\. With --replace .*\n$/),
    });
    expect(await command("restore", "--replace", "--drop-replaced")).toMatch(/Restored .*\nDropped .*\.\n$/);
    expect(JSON.parse(await command("backup", "--json", "--keep", "1"))).toMatchObject({
      format: "pg_dump",
      pruned: [],
    });
  });

  test("a new pair of keys is printed, and the public one is one to encrypt with", async () => {
    const printed = await command("backup", "--new-key");
    const [, publicKey, secretKey] = /: (age1\w+)\n.*: (AGE-SECRET-KEY-1\w+)\n$/.exec(printed)!;
    const { command: encrypted } = await commandsOn({ DATABASE_URL: url, BACKUP_ENCRYPTION_KEY: publicKey! });
    expect(JSON.parse(await encrypted("backup", "--json", "--format", "rows"))).toMatchObject({
      isEncrypted: true,
      file: expect.stringMatching(/\.rows\.gz\.age$/),
    });
    await expect(encrypted("verify-backup")).rejects.toMatchObject({
      stderr: expect.stringContaining("set BACKUP_ENCRYPTION_KEY to the secret key"),
    });
    expect(secretKey).toBeDefined();
  });
});

describe("on the embedded database", { timeout: 240_000 }, async () => {
  const { command, folder } = await commandsOn({ DATABASE_URL: "", BACKUP_ENCRYPTION_KEY: "" });

  test("maintain, backup, verify-backup and restore do the same, and a backup goes to a PostgreSQL too", async () => {
    await command("grant", "--github-id", "1", "--username", "ada", "--role", "ADMIN");
    expect(JSON.parse(await command("maintain", "--full-pass", "--json"))).toMatchObject({
      tables: expect.arrayContaining([expect.objectContaining({ table: "users", problem: null })]),
    });
    expect(await command("backup")).toMatch(/\.rows\.gz: .*not encrypted/);
    expect(await command("verify-backup")).toContain("is good");
    await command("grant", "--github-id", "2", "--username", "bob", "--role", "USER");
    await expect(command("restore")).rejects.toMatchObject({ stderr: expect.stringContaining("--replace") });
    expect(await command("restore", "--replace")).toMatch(/What was there before is .*\/before-\w+ now/);
    // The user who came after the backup is not there any more.
    await expect(command("grant", "--github-id", "2", "--role", "USER")).rejects.toMatchObject({
      stderr: expect.stringContaining("There is no user with the GitHub id 2"),
    });
    expect((await readdir(join(folder, "data"))).filter((name) => name.startsWith("restoring-"))).toEqual([]);

    const { url } = await createTestDatabase();
    const { command: elsewhere } = await commandsOn({
      DATABASE_URL: url,
      BACKUP_DIRECTORY: join(folder, "backups"),
    });
    expect(await elsewhere("restore", "--drop-replaced")).toMatch(/^Restored /);
    expect(await elsewhere("grant", "--github-id", "1", "--role", "USER")).toContain("(ada) is USER now");
  });
});
