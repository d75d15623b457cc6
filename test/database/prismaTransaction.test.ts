import { pino } from "pino";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { createDatabase } from "../../src/database/database.ts";
import { OutcomeUnknown } from "../../src/database/errors.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { loseCommits } from "../support/lostCommits.ts";
import { createTestDatabase } from "../support/postgres.ts";

const network = await loseCommits((await createTestDatabase()).url);
const database = createDatabase(loadConfig({}).database, network.url, pino({ level: "silent" }));
atEndOfFile(database.close);
const { pool, prismaTransaction } = database;

const add = (githubId: string) =>
  prismaTransaction((tx) => tx.user.create({ data: { githubId, username: `user${githubId}` } }));
/** @returns the number of users */
const count = async () => (await pool.query("SELECT count(*)::int FROM users")).rows[0].count;

test("a transaction of Prisma's reports an unknown outcome when the answer to its COMMIT is lost", async () => {
  network.loseNext();
  const lost = await add("1").catch((error: unknown) => error);
  expect(lost).toBeInstanceOf(OutcomeUnknown);
  expect(lost).toMatchObject({ message: expect.stringContaining("may have been made") });
  expect(await count()).toBe(1);
});

test("one that fails before its COMMIT, or whose COMMIT is refused, reports that error", async () => {
  await expect(add("1")).rejects.toMatchObject({ code: "CONFLICT" });
  await pool.query(
    "ALTER TABLE api_keys ALTER CONSTRAINT api_keys_user_id_fkey DEFERRABLE INITIALLY DEFERRED",
  );
  const refused = await prismaTransaction(
    (tx) =>
      tx.$executeRaw`INSERT INTO api_keys (user_id, name, prefix, hash) VALUES (gen_random_uuid(), 'x', 'x', repeat('x', 43))`,
  ).catch((error: unknown) => error);
  expect(refused).not.toBeInstanceOf(OutcomeUnknown);
  expect(refused).toMatchObject({ code: "CONFLICT" });
});
