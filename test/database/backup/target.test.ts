import { randomUUID } from "node:crypto";
import pg from "pg";
import { expect, test } from "vitest";
import { dropDatabase, exchange, withDatabase } from "../../../src/database/backup/target.ts";
import { withSession } from "../../../src/database/session.ts";
import { createEmptyDatabase } from "../../support/postgres.ts";

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
