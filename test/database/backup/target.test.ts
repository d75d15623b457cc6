import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { endLastEpoch, renewEpoch } from "../../../src/coherence/epochs.ts";
import { takeBackup } from "../../../src/database/backup/backup.ts";
import { restoreDatabase, verifyInDatabase } from "../../../src/database/backup/restore.ts";
import { databaseIn, dropDatabase, exchange, withDatabase } from "../../../src/database/backup/target.ts";
import { withSession } from "../../../src/database/session.ts";
import { atEndOfFile } from "../../support/cleanup.ts";
import { createEmptyDatabase, createTestDatabase } from "../../support/postgres.ts";

const role = `restorer_${randomUUID().slice(0, 8)}`;

/** A database of the role, and its URL for the role. */
async function createOwned(): Promise<{ url: string; asSuperuser: string }> {
  const { url } = await createEmptyDatabase();
  const name = new URL(url).pathname.slice(1);
  await withSession(withDatabase(url, "postgres"), "test", (client) =>
    client.query(`ALTER DATABASE "${name}" OWNER TO "${role}"`),
  );
  const theirs = new URL(url);
  theirs.username = role;
  return { url: theirs.href, asSuperuser: url };
}

test("connections of a superuser keep a role from exchanging databases, are named, and do not protect the others", {
  timeout: 60_000,
}, async () => {
  const { url: anywhere } = await createEmptyDatabase();
  const asSuperuser = withDatabase(anywhere, "postgres");
  await withSession(asSuperuser, "test", (client) => client.query(`CREATE ROLE "${role}" LOGIN CREATEDB`));
  const [current, restored] = [await createOwned(), await createOwned()];

  const open = async (connectionString: string, name: string) => {
    const client = new pg.Client({ connectionString, application_name: name });
    const isEnded = new Promise<string>((resolve) => client.on("error", ({ message }) => resolve(message)));
    await client.connect();
    return { client, isEnded };
  };
  const superuser = await open(current.asSuperuser, "the superuser");
  const ordinary = await open(current.url, "somebody");

  await expect(exchange(current.url, restored.url)).rejects.toMatchObject({
    code: "RESTORE_TARGET_IN_USE",
    message: expect.stringMatching(/^Connections to the database cannot be ended: of (?!.*somebody)/),
  });
  expect(await ordinary.isEnded).toContain("terminating connection");
  await superuser.client.end();

  // Nothing was changed, and clients can connect again.
  await withSession(current.url, "test", (client) => client.query("CREATE TABLE here ()"));
  const former = (await exchange(current.url, restored.url))!;
  expect(former).toMatch(/_before_\d+T\d+$/);
  await withSession(current.url, "test", async (client) => {
    expect((await client.query(`SELECT to_regclass('here') AS "found"`)).rows).toEqual([{ found: null }]);
  });

  for (const url of [current.asSuperuser, withDatabase(asSuperuser, former)]) await dropDatabase(url);
  await withSession(asSuperuser, "test", (client) => client.query(`DROP ROLE "${role}"`));
});

test.each([
  ["a percent sign, a plus and an umlaut", (id: string) => `${id} %C3 50%+ü`],
  ["letters of several bytes up to the limit of names", (id: string) => id + "ü".repeat(27)],
])(
  "a database is backed up and restored whose name has %s, with a password that has a percent sign",
  {
    timeout: 60_000,
  },
  async (_, nameOf) => {
    const { url: template } = await createTestDatabase();
    const name = nameOf(randomUUID().slice(0, 8));
    const server = withDatabase(template, "postgres");
    await withSession(server, "test", (client) =>
      client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE "${databaseIn(template)}"`),
    );
    const url = withDatabase(template.replace("//postgres@", "//postgres:100%sure%@"), name);
    expect([databaseIn(url), decodeURIComponent(new URL(url).password)]).toEqual([name, "100%sure%"]);
    const directory = await mkdtemp(join(tmpdir(), "stack-converter-names-"));
    atEndOfFile(() => rm(directory, { recursive: true, force: true }));
    const tools = { env: process.env };

    const manifest = await takeBackup({
      connectionString: url,
      directory,
      format: "pg_dump",
      key: undefined,
      tools,
    });
    const former = (await restoreDatabase(url, {
      ...{ directory, manifest, key: undefined, tools, keepsPrivileges: true, mayReplace: true },
      epochs: { end: endLastEpoch, renew: renewEpoch },
    }))!;
    const names = await withSession(server, "test", (client) =>
      client.query<{ name: string }>(
        `SELECT datname AS "name" FROM pg_database WHERE datname LIKE $1 ORDER BY 1`,
        [`${name.slice(0, 8)}%`],
      ),
    );
    expect(names.rows.map((row) => row.name).sort()).toEqual([name, former].sort());
    expect(former).toMatch(/_before_\d{8}T\d{6}$/);
    for (const database of [name, former]) await dropDatabase(withDatabase(url, database));
  },
);

test("a backup of a database whose tables are found by its own search_path can be verified", {
  timeout: 60_000,
}, async () => {
  const { url } = await createTestDatabase();
  const directory = await mkdtemp(join(tmpdir(), "stack-converter-path-"));
  atEndOfFile(() => rm(directory, { recursive: true, force: true }));
  await withSession(url, "test", (client) =>
    client.query(`ALTER SCHEMA public RENAME TO "An App"; CREATE SCHEMA public;
      ALTER DATABASE "${databaseIn(url)}" SET search_path = "An App", public`),
  );
  const restoration = { directory, key: undefined, tools: { env: process.env } };
  const manifest = await takeBackup({ connectionString: url, format: "pg_dump", ...restoration });
  expect(manifest.tables.map(({ table }) => table)).toContain("projects");
  await verifyInDatabase(url, { manifest, ...restoration });
});
