import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { pino } from "pino";
import { beforeAll, describe, expect, test } from "vitest";
import { INSTANCES } from "../../src/coherence/instances.ts";
import { databaseFindings } from "../../src/commands/doctor/databaseFindings.ts";
import { clockFinding, type Finding } from "../../src/commands/doctor/finding.ts";
import { backupFindings, diskFinding, nodeFinding } from "../../src/commands/doctor/machineFindings.ts";
import { runDoctor } from "../../src/commands/doctor.ts";
import { loadConfig } from "../../src/config.ts";
import { takeBackup } from "../../src/database/backup/backup.ts";
import { withEmbedded } from "../../src/database/backup/embeddedRestore.ts";
import { writeManifest } from "../../src/database/backup/manifest.ts";
import { type DatabaseFacts, inspectDatabase } from "../../src/database/inspection.ts";
import { applyMigrations } from "../../src/database/migrations.ts";
import { withSession } from "../../src/database/session.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createEmptyDatabase, createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { startServed } from "../support/served.ts";

const SECRETS = { AUTH_JWT_SECRET: "0123456789abcdef0123456789abcdef" };

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "stack-converter-doctor-"));
  atEndOfFile(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** The doctor's findings, without those that are in order. */
async function diagnose(env: Record<string, string>, { PATH = process.env.PATH } = {}) {
  let printed = "";
  const code = await runDoctor(
    () =>
      loadConfig({
        NODE_ENV: "production",
        BACKUP_DIRECTORY: join(tmpdir(), "stack-converter-none"),
        ...SECRETS,
        ...env,
      }),
    { isJson: true },
    {
      print: (line) => {
        printed += line;
      },
      logger: () => pino({ level: "silent" }),
      env: { PATH },
      nodeVersion: "v24.1.0",
    },
  );
  const all = JSON.parse(printed) as Finding[];
  for (const { level, why, action } of all)
    expect([why === null, action === null]).toEqual([level === "ok", level === "ok"]);
  expect(code).toBe(all.some(({ level }) => level === "error") ? 1 : 0);
  return all.flatMap(({ level, check, what }) => (level === "ok" ? [] : [`${level} ${check}: ${what}`]));
}

/** The findings about the tests' servers, which are configured for speed. */
const OF_TEST_SERVER = [
  "warning configuration: BACKUP_ENCRYPTION_KEY is not set",
  "warning maintenance: never done, and not scheduled",
  "warning database settings: autovacuum is off",
  "error database settings: fsync or full_page_writes is off",
  `warning backups: none in ${join(tmpdir(), "stack-converter-none")}`,
];

describe("the doctor", { timeout: 60_000 }, async () => {
  const { url } = await createTestDatabase();
  const sql = (...statements: string[]) =>
    withSession(url, "test", async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  const found = async (env: Record<string, string> = {}, options = {}) =>
    (await diagnose({ DATABASE_URL: url, ...env }, options)).filter((line) => !OF_TEST_SERVER.includes(line));

  test("finds only what is known of the tests' server", async () => {
    expect(await diagnose({ DATABASE_URL: url })).toEqual(OF_TEST_SERVER);
  });

  test("reports all problems of the configuration", async () => {
    expect(await diagnose({ PORT: "eighty", DB_POOL_MAXIMUM: "3" })).toEqual([
      expect.stringMatching(/^error configuration: PORT: .*eighty/),
      "error configuration: DB_POOL_MAXIMUM: there is no such variable",
    ]);
    expect(await found({ AUTH_JWT_SECRET: "", NODE_ENV: "development" })).toEqual([
      "error configuration: neither AUTH_JWT_SECRET nor AUTH_JWKS_URL is set",
      "warning configuration: NODE_ENV is development",
    ]);
  });

  test("reports a database that does not answer, without its password", async () => {
    const lines = await diagnose({ DATABASE_URL: "postgresql://u:hunter2@127.0.0.1:9/d" });
    expect(lines).toContainEqual(expect.stringMatching(/^error database: does not answer: .*ECONNREFUSED/));
    expect(lines.join()).not.toContain("hunter2");
  });

  test("inspects an embedded database, but does not create one", async () => {
    const DATA_DIRECTORY = join(await folder(), "data");
    const none = [`warning backups: none in ${join(tmpdir(), "stack-converter-none")}`];
    expect(await diagnose({ DATA_DIRECTORY })).toEqual(none);
    await expect(stat(DATA_DIRECTORY)).rejects.toMatchObject({ code: "ENOENT" });
    await withEmbedded(DATA_DIRECTORY, (connectionString) => applyMigrations({ connectionString }));
    expect(await diagnose({ DATA_DIRECTORY })).toEqual(none);
  });

  test("reports disabled triggers, without which the cache would be wrong", async () => {
    await sql(`ALTER TABLE "users" DISABLE TRIGGER USER`);
    expect(await found()).toEqual([expect.stringMatching(/^error database triggers: disabled: users\./)]);
    await sql(`ALTER TABLE "users" ENABLE TRIGGER USER`);
  });

  test("reports an invalid index", async () => {
    await withSession(url, "test", async (holder) => {
      await holder.query(`BEGIN; INSERT INTO "users" ("github_id", "username") VALUES ('1', 'a')`);
      await expect(
        sql("SET lock_timeout = 100", `REINDEX INDEX CONCURRENTLY "users_pkey"`),
      ).rejects.toMatchObject({ code: "55P03" });
      await holder.query("ROLLBACK");
    });
    expect(await found()).toEqual(["warning database indexes: not valid: users_pkey_ccnew"]);
    await sql(`DROP INDEX CONCURRENTLY "users_pkey_ccnew"`);
  });

  test("reports permissions that the role lacks", async () => {
    const role = `patient_${Math.random().toString(36).slice(2)}`;
    await sql(`CREATE ROLE "${role}" LOGIN`, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO "${role}"`);
    const theirs = new URL(url);
    theirs.username = role;
    const lines = await found({ DATABASE_URL: theirs.href });
    await sql(`DROP OWNED BY "${role}"`, `DROP ROLE "${role}"`);
    expect(lines).toEqual(
      expect.arrayContaining([
        "error database permissions: the role may not create tables in its schema",
        expect.stringMatching(/^error database permissions: tables belong to another role: .*api_keys/),
        "warning database permissions: the role may not create databases",
      ]),
    );
  });

  test("reports missing migrations and edited ones", async () => {
    const { url: empty } = await createEmptyDatabase();
    expect(await found({ DATABASE_URL: empty })).toEqual([
      expect.stringMatching(/^warning migrations: pending: 20261124000000_initial/),
    ]);
    await sql(`UPDATE _prisma_migrations SET checksum = 'x' WHERE migration_name = '20261124000000_initial'`);
    expect(await found()).toEqual([expect.stringMatching(/^error migrations: MIGRATION_EDITED: /)]);
    await sql("DELETE FROM _prisma_migrations WHERE checksum = 'x'");
    await sql(`DROP TABLE IF EXISTS "none"`);
    const { url: again } = await createTestDatabase();
    expect(await found({ DATABASE_URL: again })).toEqual([]);
  });

  test("reports a pool that is larger than the server allows", async () => {
    const { url: own } = await createTestDatabase();
    expect(await found({ DATABASE_URL: own, DB_POOL_MAX: "1000" })).toEqual([
      expect.stringMatching(
        /^error database connections: 1 instance of up to 1004 connections, \d+ open, \d+ allowed/,
      ),
    ]);
  });

  test("reports programs that are not installed", async () => {
    const { url: own } = await createTestDatabase();
    expect(await found({ DATABASE_URL: own }, { PATH: "/nonexistent" })).toEqual([
      expect.stringMatching(/^warning backup programs: pg_dump is not installed/),
      expect.stringMatching(/^warning backup programs: pg_restore is not installed/),
    ]);
  });

  test("reports instances that do not share a Redis", async () => {
    const { url: own } = await createTestDatabase();
    const redis = await startRedis();
    const { app } = await startServed({ DATABASE_URL: own, REDIS_URL: redis.url });
    let lines: string[] = [];
    for (let attempt = 0; attempt < 100 && lines.length === 0; attempt++) {
      lines = await found({ DATABASE_URL: own });
      await sleep(50);
    }
    expect(lines).toEqual(["error instances: 1 instance on this database do not share one Redis"]);
    expect(await found({ DATABASE_URL: own, REDIS_URL: redis.url })).toEqual([]);
    await app.close();
  });
});

describe("the doctor, with a Redis", { timeout: 60_000 }, async () => {
  const { url: DATABASE_URL } = await createTestDatabase();
  const redis = await startRedis({ args: ["--maxmemory", "100mb"] });
  const found = async (REDIS_URL = redis.url) =>
    (await diagnose({ DATABASE_URL, REDIS_URL })).filter((line) => !OF_TEST_SERVER.includes(line));
  const set = async (...setting: [string, string]) => {
    const client = new Redis(redis.url);
    await client.config("SET", ...setting);
    client.disconnect();
  };

  test("reports a policy that refuses writes, and one that may evict the version table", async () => {
    expect(await found()).toEqual([
      expect.stringMatching(/^error redis memory: .*maxmemory-policy noeviction/),
    ]);
    await set("maxmemory-policy", "allkeys-lru");
    expect(await found()).toEqual([
      expect.stringMatching(/^warning redis memory: .*maxmemory-policy allkeys-lru/),
    ]);
    await set("maxmemory-policy", "volatile-lru");
    expect(await found()).toEqual([]);
  });

  test("reports a Redis that cannot save its data", async () => {
    const directory = await folder();
    const broken = await startRedis({ args: ["--dir", directory] });
    await rm(directory, { recursive: true });
    const client = new Redis(broken.url);
    await client.bgsave();
    for (let attempt = 0; attempt < 100; attempt++) {
      if ((await client.info("persistence")).includes("rdb_last_bgsave_status:err")) break;
      await sleep(50);
    }
    client.disconnect();
    expect(await found(broken.url)).toEqual([
      expect.stringMatching(/^error redis persistence: .* cannot save its data/),
    ]);
  });

  test("reports a Redis that does not answer", async () => {
    expect(await found("redis://127.0.0.1:9")).toEqual([
      "error redis: redis://127.0.0.1:9/0 does not answer",
    ]);
  });
});

test("the doctor reports backups that are missing, not verified, or old", { timeout: 60_000 }, async () => {
  const { url } = await createTestDatabase();
  const directory = await folder();
  const levels = async (now?: number) =>
    (await backupFindings(directory, now)).map(({ level, what }) => `${level} ${what}`);
  expect(await levels()).toEqual([`warning none in ${directory}`]);
  const manifest = await takeBackup({
    connectionString: url,
    directory,
    format: "rows",
    key: undefined,
    tools: { env: {} },
  });
  expect(await levels()).toEqual([expect.stringMatching(/^warning 1 backup.*and none was verified$/)]);
  await writeManifest(directory, { ...manifest, verifiedAt: new Date().toISOString() });
  expect(await levels()).toEqual([expect.stringMatching(/^ok 1 backup, .*, last verified 20/)]);
  expect(await levels(Date.now() + 3 * 86_400_000)).toEqual([expect.stringMatching(/^warning 1 backup/)]);
});

/** Made-up facts: a test cannot set the machine's clock, fill its disk, or wait for ten minutes. */
describe("the findings from facts", () => {
  let facts: DatabaseFacts;
  beforeAll(async () => {
    const { url } = await createTestDatabase();
    const healthy = { autovacuum: "on", fsync: "on", full_page_writes: "on", track_counts: "on" };
    facts = {
      ...(await withSession(url, "test", (client) => inspectDatabase(client, INSTANCES))),
      settings: healthy,
      lastMaintenanceAt: new Date(),
    };
  });
  const config = loadConfig({ DATABASE_URL: "postgresql://h/d" });
  const levels = (changed: Partial<DatabaseFacts>) =>
    databaseFindings({ ...facts, ...changed }, config).flatMap(({ level, check }) =>
      level === "ok" ? [] : [`${level} ${check}`],
    );

  test.each<[Partial<DatabaseFacts>, string[]]>([
    [{}, []],
    [{ versionNumber: 120_022 }, ["error database version"]],
    [{ clockDifferenceMs: 5_000 }, ["warning database clock"]],
    [{ clockDifferenceMs: -60_000 }, ["error database clock"]],
    [{ clockDifferenceMs: 5_000, clockUncertaintyMs: 4_000 }, []],
    [{ isStandby: true }, ["error database role"]],
    [{ hasTrigrams: false }, ["error database extensions"]],
    [{ hasInstanceWithoutRedis: true, instances: 2 }, ["error instances"]],
    [{ standbys: [{ name: "s", state: "streaming", lagBytes: 1e9 }] }, ["warning replication"]],
    [{ slots: [{ name: "s", isActive: false, keptBytes: 2e9 }] }, ["error replication"]],
    [{ slots: [{ name: "s", isActive: true, keptBytes: 2e9 }] }, []],
    [{ oldestTransactionSeconds: 3_600 }, ["warning transactions"]],
    [{ wraparoundShare: 0.6 }, ["error transaction ids"]],
    [{ lastMaintenanceAt: new Date(Date.now() - 40 * 86_400_000) }, ["warning maintenance"]],
  ])("%j", (changed, expected) => {
    expect(levels(changed)).toEqual(expected);
  });

  test("cover versions of Node.js, clocks and disks", async () => {
    expect(
      ["v20.18.3", "v20.19.0", "v18.20.0", "v24.0.0"].map((version) => nodeFinding(version).level),
    ).toEqual(["error", "ok", "error", "ok"]);
    expect(clockFinding("clock", { clockDifferenceMs: 1, clockUncertaintyMs: 1 }).level).toBe("ok");
    const { what } = await diskFinding("here", join(await folder(), "not/yet/there"));
    expect(what).toMatch(/^here: [\d.]+ \w+ free, \d+ %$/);
  });
});
