import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { dataTables } from "../../src/database/backup/figures.ts";
import { inspectDatabase } from "../../src/database/inspection.ts";
import { readBloat, readLeftovers } from "../../src/database/maintenance/indexes.ts";
import { migrationStatus } from "../../src/database/migrations.ts";
import { withSession } from "../../src/database/session.ts";
import { createEmptyDatabase } from "../support/postgres.ts";

test("a session has no time limits, whatever the role's and the database's defaults are", async () => {
  const { url } = await createEmptyDatabase();
  const role = `limited_${randomUUID().slice(0, 8)}`;
  const name = new URL(url).pathname.slice(1);
  await withSession(url, "test", (client) =>
    client.query(`CREATE ROLE "${role}" LOGIN; ALTER ROLE "${role}" SET statement_timeout = 200;
      ALTER DATABASE "${name}" SET idle_in_transaction_session_timeout = 200`),
  );
  const theirs = new URL(url);
  theirs.username = role;
  const limits = ["statement_timeout", "idle_in_transaction_session_timeout"];
  await withSession(theirs.href, "test", async (client) => {
    const { rows } = await client.query<{ value: string }>(
      `SELECT current_setting(name) AS "value" FROM unnest($1::text[]) AS name`,
      [limits],
    );
    expect(rows.map(({ value }) => value)).toEqual(["0", "0"]);
    await client.query("SELECT pg_sleep(0.4)");
  });
  await withSession(url, "test", (client) => client.query(`DROP ROLE "${role}"`));
});

test("the tables may be in a schema whose name has to be quoted", async () => {
  const { url } = await createEmptyDatabase();
  await withSession(url, "test", (client) =>
    client.query(
      `CREATE SCHEMA "My-App"; ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET search_path = "My-App"`,
    ),
  );
  expect((await migrationStatus({ connectionString: url })).problems).toEqual([]);
  await withSession(url, "test", async (client) => {
    expect(await inspectDatabase(client, 1)).toMatchObject({ canCreateTables: true, disabledTriggers: [] });
    expect([await readLeftovers(client), await readBloat(client, 1), await dataTables(client)]).toEqual([
      [],
      [],
      [],
    ]);
  });
});
