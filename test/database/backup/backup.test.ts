import { appendFile, mkdtemp, open, readdir, readFile, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { endLastEpoch, renewEpoch } from "../../../src/coherence/epochs.ts";
import { type BackupProgress, takeBackup } from "../../../src/database/backup/backup.ts";
import { generateKeys } from "../../../src/database/backup/encryption.ts";
import { readFigures } from "../../../src/database/backup/figures.ts";
import { listBackups, type Manifest, pruneBackups } from "../../../src/database/backup/manifest.ts";
import { restoreDatabase, verifyInDatabase } from "../../../src/database/backup/restore.ts";
import { databaseIn, dropDatabase, withDatabase } from "../../../src/database/backup/target.ts";
import { applyMigrations } from "../../../src/database/migrations.ts";
import { withSession } from "../../../src/database/session.ts";
import { createLink } from "../../check/coherence/link.ts";
import { atEndOfFile } from "../../support/cleanup.ts";
import { createTestDatabase, startPostgres } from "../../support/postgres.ts";
import { insertRows } from "../../support/rows.ts";

const tools = { env: process.env };
const epochs = { end: endLastEpoch, renew: renewEpoch };

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "stack-converter-backup-"));
  atEndOfFile(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function createFilled(): Promise<string> {
  const { url } = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  await insertRows(pool, { users: 20, projects: 40, jobs: 60 });
  await pool.query(`INSERT INTO "github_credentials" ("user_id", "ciphertext")
    SELECT "id", '\\x00ff10'::bytea FROM "users" LIMIT 3`);
  await pool.query(`INSERT INTO "conversion_job_events" ("job_id", "sequence", "type", "data")
    SELECT "id", 1, 'CREATED', '{"a\\tb": "\\u00e9\\n", "n": 12345678901234567890}' FROM "conversion_jobs"`);
  await pool.query(`UPDATE "projects" SET "status" = 'FAILED' WHERE "name" LIKE '%7'`);
  await pool.query(`INSERT INTO "project_files" ("project_id", "path", "size_bytes")
    SELECT "id", E'src/\\u00fc\\tb.ts', 9007199254740993 FROM "projects"`);
  await pool.query(
    `INSERT INTO "warm_operations" ("digest", "query", "requests") VALUES ('d', '{ a }', 0.1)`,
  );
  await pool.end();
  return url;
}

const figuresOf = (url: string) =>
  withSession(url, "test", async (client) => {
    await client.query("BEGIN");
    return readFigures(client);
  });

const takeRows = (connectionString: string, directory: string) =>
  takeBackup({ connectionString, directory, format: "rows", key: undefined, tools });

describe.each(["pg_dump", "rows"] as const)("a backup by %s", { timeout: 90_000 }, (format) => {
  let url: string;
  let directory: string;
  beforeAll(async () => {
    url = await createFilled();
    directory = await folder();
  });

  const take = (key?: string) => takeBackup({ connectionString: url, directory, format, key, tools });
  const verify = (manifest: Manifest, key?: string) =>
    verifyInDatabase(url, { directory, manifest, key, tools });

  test("is one archive with its manifest, accessible to this user only", async () => {
    const manifest = await take();
    expect((await readdir(directory)).sort()).toEqual([manifest.file, `${manifest.file}.json`]);
    for (const name of await readdir(directory))
      expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
    expect(await listBackups(directory)).toEqual([manifest]);
    expect(manifest).toMatchObject({ format, isEncrypted: false, verifiedAt: null });
    expect(Object.fromEntries(manifest.tables.map(({ table, rows }) => [table, rows]))).toMatchObject({
      users: 20,
      projects: 40,
      conversion_jobs: 60,
      project_files: 40,
      github_credentials: 3,
    });
    expect(manifest.tables).toEqual(await figuresOf(url));
  });

  test("restores every row, and shows one moment although others write meanwhile", async () => {
    let written: Promise<unknown> | undefined;
    const manifest = await takeBackup({
      connectionString: url,
      directory,
      format,
      key: undefined,
      tools,
      onProgress: ({ phase }) => {
        if (phase !== "count") return;
        written ??= withSession(url, "test", (client) =>
          client.query(`INSERT INTO "users" ("github_id", "username") VALUES ('999999', 'late')`),
        );
      },
    });
    await written;
    await verify(manifest);
    const late = await figuresOf(url);
    expect(late.find(({ table }) => table === "users")!.rows).toBe(
      manifest.tables.find(({ table }) => table === "users")!.rows + 1,
    );
  });

  test("can be read only with the secret key when it was written with the public one", async () => {
    const { publicKey, secretKey } = await generateKeys();
    const manifest = await take(publicKey);
    expect(manifest.isEncrypted).toBe(true);
    const archive = await readFile(join(directory, manifest.file));
    expect(archive.subarray(0, 21).toString()).toBe("age-encryption.org/v1");
    await verify(manifest, secretKey);
    await expect(verify(manifest, undefined)).rejects.toMatchObject({ code: "BACKUP_KEY_MISSING" });
    await expect(verify(manifest, publicKey)).rejects.toMatchObject({ code: "BACKUP_KEY_MISSING" });
    await expect(verify(manifest, (await generateKeys()).secretKey)).rejects.toMatchObject({
      code: "BACKUP_KEY_WRONG",
    });
  });

  test.each([
    ["cut off", (path: string, bytes: number) => truncate(path, bytes - 10)],
    ["longer", (path: string) => appendFile(path, "x")],
    [
      "changed in one bit",
      async (path: string, bytes: number) => {
        const file = await open(path, "r+");
        const { buffer } = await file.read(Buffer.alloc(1), 0, 1, bytes >> 1);
        await file.write(Buffer.from([buffer[0]! ^ 1]), 0, 1, bytes >> 1);
        await file.close();
      },
    ],
  ])("is refused when it is %s, encrypted or not", async (_, damage) => {
    const { secretKey } = await generateKeys();
    for (const key of [undefined, secretKey]) {
      const manifest = await take(key);
      await damage(join(directory, manifest.file), manifest.bytes);
      await expect(verify(manifest, key)).rejects.toMatchObject({ code: "BACKUP_CORRUPT" });
    }
  });

  test("is refused when the restored rows do not match the manifest's figures", async () => {
    const manifest = await take();
    const tables = manifest.tables.map((figures) =>
      figures.table === "users" ? { ...figures, checksum: "0:0" } : figures,
    );
    await expect(verify({ ...manifest, tables })).rejects.toMatchObject({
      code: "BACKUP_MISMATCH",
      message: "What was restored is not what was backed up: users has other contents.",
    });
  });

  test.each(["read", "restore", "count"] as const)(
    "can be interrupted in its verification: phase %s",
    async (phase) => {
      const manifest = await take();
      const interruption = new AbortController();
      const onProgress = (progress: BackupProgress) => {
        if (progress.phase === phase) interruption.abort();
      };
      const signal = interruption.signal;
      await expect(
        verifyInDatabase(url, {
          directory,
          manifest,
          key: undefined,
          tools: { ...tools, signal },
          onProgress,
        }),
      ).rejects.toThrow(/aborted/);
    },
  );

  test("leaves no temporary database and no partial file behind", async () => {
    const { rows } = await withSession(url, "test", (client) =>
      client.query("SELECT datname FROM pg_database WHERE datname ~ '_(verifying|restoring)_'"),
    );
    const own = new URL(url).pathname.slice(1, 40);
    expect(rows.filter(({ datname }) => datname.startsWith(own))).toEqual([]);
    expect((await readdir(directory)).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  test("replaces a database that has rows only with `mayReplace`, and keeps the former one", async () => {
    const target = await createFilled();
    const manifest = await take();
    const before = await figuresOf(target);
    const options = { directory, manifest, key: undefined, tools, epochs, keepsPrivileges: true };
    await expect(restoreDatabase(target, { ...options, mayReplace: false })).rejects.toMatchObject({
      code: "RESTORE_TARGET_NOT_EMPTY",
    });
    const former = await restoreDatabase(target, { ...options, mayReplace: true });
    expect(await figuresOf(target)).toEqual(manifest.tables);
    expect(await figuresOf(withDatabase(target, former!))).toEqual(before);
    await dropDatabase(withDatabase(target, former!));
    await withSession(target, "test", async (client) => {
      const { rows } = await client.query(
        `INSERT INTO "project_status_changes" ("project_id", "status")
           SELECT "id", 'READY' FROM "projects" LIMIT 1 RETURNING "id"`,
      );
      // The insert succeeds only if the restored sequence continues where it was.
      expect(rows).toHaveLength(1);
    });
  });

  test("leaves the database as it was when its restoration fails half-way", async () => {
    const target = await createFilled();
    const before = await figuresOf(target);
    const manifest = await take();
    const tables = [...manifest.tables, { table: "gone", rows: 1, checksum: "1:1" }];
    await expect(
      restoreDatabase(target, {
        directory,
        manifest: { ...manifest, tables },
        key: undefined,
        tools,
        epochs,
        keepsPrivileges: true,
        mayReplace: true,
      }),
    ).rejects.toMatchObject({ code: "BACKUP_MISMATCH" });
    expect(await figuresOf(target)).toEqual(before);
  });
});

test("a backup replaces even a database named postgres, the one from which databases are usually created", {
  timeout: 90_000,
}, async () => {
  // On a server of its own, because the other tests use the postgres database of theirs.
  const { url } = await startPostgres();
  expect(databaseIn(url)).toBe("postgres");
  await applyMigrations({ connectionString: url });
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  await insertRows(pool, { users: 2, projects: 2, jobs: 2 });
  await pool.end();
  const directory = await folder();
  const manifest = await takeRows(url, directory);
  await withSession(url, "test", (client) => client.query("DELETE FROM projects"));

  const options = { directory, manifest, key: undefined, tools, epochs, keepsPrivileges: true };
  const former = await restoreDatabase(url, { ...options, mayReplace: true });
  expect(former).toMatch(/^postgres_before_/);
  expect(await figuresOf(url)).toEqual(manifest.tables);
});

test("a restoration replaces an empty database without `mayReplace`, and creates one that does not exist", {
  timeout: 90_000,
}, async () => {
  const url = await createFilled();
  const directory = await folder();
  const manifest = await takeRows(url, directory);
  const options = {
    directory,
    manifest,
    key: undefined,
    tools,
    epochs,
    keepsPrivileges: true,
    mayReplace: false,
  };
  const { url: empty } = await createTestDatabase();
  const former = await restoreDatabase(empty, options);
  expect(await figuresOf(empty)).toEqual(manifest.tables);
  await dropDatabase(withDatabase(empty, former!));
  const absent = withDatabase(url, `${new URL(url).pathname.slice(1, 50)}_new`);
  expect(await restoreDatabase(absent, options)).toBeUndefined();
  expect(await figuresOf(absent)).toEqual(manifest.tables);
  await dropDatabase(absent);
});

test("a pg_dump that is missing or older than the server is reported, with what to do instead", async () => {
  const { url } = await createTestDatabase();
  const directory = await folder();
  const take = (PATH: string) =>
    takeBackup({
      connectionString: url,
      directory,
      format: "pg_dump",
      key: undefined,
      tools: { env: { PATH } },
    });
  await expect(take("/nonexistent")).rejects.toMatchObject({
    code: "PG_TOOL_MISSING",
    message: expect.stringContaining("--format rows"),
  });
  const bin = await folder();
  const fake = await open(join(bin, "pg_dump"), "w", 0o755);
  await fake.writeFile("#!/bin/sh\necho 'pg_dump (PostgreSQL) 12.22 (Debian 12.22-1)'\n");
  await fake.close();
  await expect(take(`${bin}:/bin:/usr/bin`)).rejects.toMatchObject({ code: "PG_TOOL_TOO_OLD" });
  expect(await readdir(directory)).toEqual([]);
});

test("a role that may not create databases is told so, and nothing changes", async () => {
  const url = await createFilled();
  const directory = await folder();
  const manifest = await takeRows(url, directory);
  const role = `restorer_${Math.random().toString(36).slice(2)}`;
  await withSession(url, "test", (client) => client.query(`CREATE ROLE "${role}" LOGIN`));
  const theirs = new URL(url);
  theirs.username = role;
  await expect(
    verifyInDatabase(theirs.href, { directory, manifest, key: undefined, tools }),
  ).rejects.toMatchObject({
    code: "CREATEDB_NEEDED",
    message: expect.stringContaining(`ALTER ROLE "${role}" CREATEDB`),
  });
  await withSession(url, "test", (client) => client.query(`DROP ROLE "${role}"`));
});

test("what kept a backup from being verified is told also if the server has gone and the database stays behind", async () => {
  const url = await createFilled();
  const directory = await folder();
  const manifest = await takeRows(url, directory);
  const link = await createLink(Number(new URL(url).port));
  const through = new URL(url);
  through.port = String(link.port);
  const onProgress = ({ phase }: BackupProgress) => {
    if (phase !== "count") return;
    link.cut();
    throw new Error("Something else.");
  };
  await expect(
    verifyInDatabase(through.href, { directory, manifest, key: undefined, tools, onProgress }),
  ).rejects.toThrow(
    /^Something else\. The database \S+_verifying_\w+ could not be dropped, and can be deleted\.$/,
  );
});

test("old backups are pruned by number and by age; the newest and the newest verified one stay", async () => {
  const { url } = await createTestDatabase();
  const directory = await folder();
  for (let n = 0; n < 4; n++) await takeRows(url, directory);
  const files = (await listBackups(directory)).map(({ file }) => file);
  const [newest, second, , oldest] = files as [string, string, string, string];
  const manifest = join(directory, `${oldest}.json`);
  const text = (await readFile(manifest, "utf8")).replace(
    '"verifiedAt": null',
    '"verifiedAt": "2026-01-01T00:00:00.000Z"',
  );
  const file = await open(manifest, "w");
  await file.writeFile(text);
  await file.close();
  expect(await pruneBackups(directory, {})).toEqual([]);
  expect(await pruneBackups(directory, { keepDays: 1 })).toEqual([]);
  expect(await pruneBackups(directory, { keep: 2 })).toEqual([files[2]]);
  expect(await pruneBackups(directory, { keepDays: 1 }, Date.now() + 2 * 86_400_000)).toEqual([second]);
  expect((await readdir(directory)).sort()).toEqual(
    [newest, `${newest}.json`, oldest, `${oldest}.json`].sort(),
  );
});
