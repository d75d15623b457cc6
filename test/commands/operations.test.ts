import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import { beforeAll, describe, expect, test } from "vitest";
import {
  runBackup,
  runListBackups,
  runNewKey,
  runRestore,
  runVerifyBackup,
} from "../../src/commands/backup.ts";
import { runMaintain } from "../../src/commands/maintain.ts";
import { loadConfig } from "../../src/config.ts";
import { takeBackup } from "../../src/database/backup/backup.ts";
import { withEmbedded } from "../../src/database/backup/embeddedRestore.ts";
import { createMaintenance } from "../../src/database/maintenance/maintenance.ts";
import { applyMigrations } from "../../src/database/migrations.ts";
import { withSession } from "../../src/database/session.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { insertRows } from "../support/rows.ts";

const log = pino({ level: "silent" });
const silent = { write: () => true } as unknown as NodeJS.WritableStream; // Safe: nothing else of it is used.
const RESTORE = {
  name: undefined,
  isJson: false,
  mayReplace: false,
  dropsReplaced: false,
  keepsPrivileges: true,
};
const MAINTAIN = { isFullPass: false, isDryRun: false, isJson: false };

/** The commands with these settings. Each returns what it prints. */
async function commandsWith(env: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), "stack-converter-operations-"));
  atEndOfFile(() => rm(folder, { recursive: true, force: true }));
  const config = loadConfig({
    NODE_ENV: "test",
    BACKUP_DIRECTORY: join(folder, "backups"),
    DATA_DIRECTORY: join(folder, "data"),
    ...env,
  });
  const printed = async (work: (print: (line: string) => void) => Promise<unknown>) => {
    let text = "";
    await work((line) => {
      text += `${line}\n`;
    });
    return text;
  };
  const io = (print: (line: string) => void) => ({
    print,
    progress: silent,
    log,
    signal: new AbortController().signal,
    env: process.env,
  });
  return {
    folder,
    config,
    maintain: (options: Partial<typeof MAINTAIN> = {}) =>
      printed((print) => runMaintain(config, { ...MAINTAIN, ...options }, io(print))),
    backup: (options: { format?: "pg_dump" | "rows"; keep?: number; isJson?: boolean } = {}) =>
      printed((print) => runBackup(config, { isJson: false, ...options }, io(print))),
    list: () => printed((print) => runListBackups(config, { isJson: false }, print)),
    verify: () => printed((print) => runVerifyBackup(config, { name: undefined, isJson: false }, io(print))),
    restore: (options: Partial<typeof RESTORE> = {}) =>
      printed((print) => runRestore(config, { ...RESTORE, ...options }, io(print))),
  };
}

describe("on a PostgreSQL", { timeout: 120_000 }, async () => {
  const { url } = await createTestDatabase();
  const commands = await commandsWith({ DATABASE_URL: url });
  beforeAll(async () => {
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    await insertRows(pool, { users: 3, projects: 2, jobs: 4 });
    await pool.query(`INSERT INTO "idempotency_keys" ("scope", "key", "ordinal", "input_hash", "created_at")
      SELECT '', i::text, 0, '', now() - interval '2 days' FROM generate_series(1, 7) AS i`);
    await pool.end();
  });

  test("maintain says in a dry run what it would do, then does it and records it in the audit log", async () => {
    const dry = await commands.maintain({ isDryRun: true });
    expect(dry).toContain("idempotency_keys: 7 rows (idempotency keys older than a day), would be done\n");
    expect(dry).toMatch(/A dry run: nothing was changed\.\n$/);
    const report = JSON.parse(await commands.maintain({ isFullPass: true, isJson: true }));
    expect(report).toMatchObject({ isDryRun: false, indexes: [], notes: [] });
    expect(report.pruned[0]).toMatchObject({ table: "idempotency_keys", rows: 7, problem: null });
    expect(report.tables.map(({ table }: { table: string }) => table)).toContain("conversion_jobs");
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(`SELECT "credential", "details" FROM "audit_entries"`);
    await client.end();
    expect(rows).toMatchObject([{ credential: "command line", details: { isFullPass: true } }]);
  });

  test("backups are listed as not verified until they are verified, and restored on request", async () => {
    expect(await commands.list()).toBe(`There is no backup in ${commands.folder}/backups.\n`);
    expect(await commands.backup()).toMatch(/ 10 rows, not encrypted\.\nNot verified yet/);
    expect(await commands.list()).toMatch(/^stack-converter-.*\.dump\t.*\tnot encrypted\tNOT VERIFIED\n$/);
    expect(await commands.verify()).toMatch(/ is good: \d+ tables, 10 rows, restored and compared\.\n$/);
    expect(await commands.list()).toMatch(/\tverified 20.*Z\n$/);
    await expect(commands.restore()).rejects.toMatchObject({ code: "RESTORE_TARGET_NOT_EMPTY" });
    expect(await commands.restore({ mayReplace: true, dropsReplaced: true })).toMatch(
      /^Restored .*\nDropped .*\.\n$/,
    );
    expect(JSON.parse(await commands.backup({ isJson: true, keep: 1 }))).toMatchObject({
      format: "pg_dump",
      pruned: [],
    });
  });

  test("a backup that was just taken stays, even if the clock was ahead when others were taken", async () => {
    const ahead = await commandsWith({ DATABASE_URL: url });
    const { directory, file } = JSON.parse(await ahead.backup({ isJson: true, format: "rows" }));
    const manifest = join(directory, `${file}.json`);
    const text = await readFile(manifest, "utf8");
    await writeFile(manifest, text.replace(/"createdAt": "\d{4}/, '"createdAt": "9999'));
    const options = { isJson: true, format: "rows", keep: 1 } as const;
    const second = JSON.parse(await ahead.backup(options));
    expect(second.pruned).toEqual([]);
    expect(JSON.parse(await ahead.backup(options)).pruned).toEqual([second.file]);
  });

  test("a new pair of keys is printed, and its public key encrypts backups", async () => {
    let printed = "";
    await runNewKey((line) => {
      printed += `${line}\n`;
    });
    const [, publicKey] = /: (age1\w+)\n.*: AGE-SECRET-KEY-1\w+\n$/.exec(printed)!;
    const encrypted = await commandsWith({ DATABASE_URL: url, BACKUP_ENCRYPTION_KEY: publicKey! });
    expect(JSON.parse(await encrypted.backup({ isJson: true, format: "rows" }))).toMatchObject({
      isEncrypted: true,
      file: expect.stringMatching(/\.rows\.gz\.age$/),
    });
    await expect(encrypted.verify()).rejects.toMatchObject({ code: "BACKUP_KEY_MISSING" });
  });
});

describe("on the embedded database", { timeout: 300_000 }, async () => {
  const commands = await commandsWith({});
  const { dataDirectory } = commands.config.database;
  const usernames = (connectionString: string) =>
    withSession(connectionString, "test", async (client) =>
      (await client.query(`SELECT "username" FROM "users" ORDER BY 1`)).rows.map(({ username }) => username),
    );
  const addUser = (connectionString: string, githubId: string, name: string) =>
    withSession(connectionString, "test", (client) =>
      client.query(`INSERT INTO "users" ("github_id", "username") VALUES ($1, $2)`, [githubId, name]),
    );

  test("the commands do the same, and a backup can be restored on a PostgreSQL server too", async () => {
    await expect(commands.backup({ format: "pg_dump" })).rejects.toMatchObject({ code: "COMMAND_FAILED" });
    await withEmbedded(dataDirectory, async (connectionString) => {
      await applyMigrations({ connectionString });
      await addUser(connectionString, "1", "ada");
      const maintenance = createMaintenance({
        connectionString,
        isEmbedded: true,
        isReindexEnabled: true,
        pruning: [],
      });
      const report = await maintenance.perform({ isFullPass: true });
      expect(report!.tables.map(({ table }) => table)).toContain("users");
      expect(report!.tables.flatMap(({ problem }) => problem ?? [])).toEqual([]);
      const { directory } = commands.config.backup;
      const tools = { env: {} };
      const manifest = await takeBackup({
        connectionString,
        directory,
        format: "rows",
        key: undefined,
        tools,
      });
      expect(manifest.tables).toContainEqual({ table: "users", rows: 1, checksum: expect.any(String) });
      await addUser(connectionString, "2", "bob");
    });
    expect(await commands.verify()).toContain("is good");
    await expect(commands.restore()).rejects.toMatchObject({ code: "RESTORE_TARGET_NOT_EMPTY" });
    expect(await commands.restore({ mayReplace: true })).toMatch(
      /What was there before is .*\/before-\w+ now/,
    );
    expect(await withEmbedded(dataDirectory, usernames)).toEqual(["ada"]);
    const left = await readdir(dataDirectory);
    expect(left.filter((name) => name.startsWith("restoring-"))).toEqual([]);

    const { url } = await createTestDatabase();
    const elsewhere = await commandsWith({
      DATABASE_URL: url,
      BACKUP_DIRECTORY: join(commands.folder, "backups"),
    });
    expect(await elsewhere.restore({ dropsReplaced: true })).toMatch(/^Restored .*\nDropped /);
    expect(await usernames(url)).toEqual(["ada"]);
  });
});
