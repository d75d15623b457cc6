import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import { createCoherentWrite } from "../../src/coherence/write.ts";
import { loadConfig } from "../../src/config.ts";
import { createDatabase, type StatementTransaction } from "../../src/database/database.ts";
import { OutcomeUnknown } from "../../src/database/errors.ts";
import { open } from "../coherence/versionTableSpecification.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { loseCommits } from "../support/lostCommits.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { countRoundTrips } from "../support/roundTrips.ts";

/**
 * The cost of a small write is its round trips. A message that need not wait for an answer is sent along with
 * the one before it.
 */

const { url } = await createTestDatabase();
const network = await loseCommits(url);
const server = await countRoundTrips(network.url);
const database = createDatabase(loadConfig({}).database, server.url, pino({ level: "silent" }));
atEndOfFile(database.close);
const { pool, statementTransaction } = database;
const table = createMemoryVersionTable();
await pool.query("UPDATE cache_epoch SET name = '1.a', state = 'live'");
await open(table, "1.a");
const never = () => Promise.reject(new Error("The epoch is live."));
const marked: (readonly string[])[] = [];
const write = createCoherentWrite<StatementTransaction>({
  transaction: statementTransaction,
  table: {
    mark: (epoch, xid, tags) => {
      marked.push(tags);
      return table.mark(epoch, xid, tags);
    },
    release: table.release,
  },
  epochs: { retire: never, untilRetired: never },
});

const INSERT = "INSERT INTO users (github_id, username) VALUES ($1, $2) RETURNING id";
const users = async () =>
  (await pool.query<{ username: string }>("SELECT username FROM users ORDER BY username")).rows.map(
    ({ username }) => username,
  );
/** Whether the pool's connection is in no transaction, and usable. */
const isClean = async () =>
  (await pool.query("SELECT now() = statement_timestamp() AS clean")).rows[0].clean as boolean;

afterEach(async () => {
  await pool.query("TRUNCATE users CASCADE");
  marked.length = 0;
});

describe("a transaction of statements", () => {
  test("sends BEGIN along with its first statement", async () => {
    await write((tx) => tx.query(INSERT, ["1", "warm"]));
    const cost = await server.count(() => write((tx) => tx.query(INSERT, ["2", "ada"])));
    // BEGIN with the statement; the drain of its tags; COMMIT.
    expect(cost).toBe(3);
    expect(await users()).toEqual(["ada", "warm"]);
  });

  test("takes two round trips when its statement is known to be the last, and marks the tags of its changes", async () => {
    await write((tx) => tx.queryLast(INSERT, ["1", "warm"]));
    marked.length = 0;
    const cost = await server.count(() => write((tx) => tx.queryLast(INSERT, ["2", "ada"])));
    expect(cost).toBe(2);
    expect(await users()).toEqual(["ada", "warm"]);
    expect(marked).toEqual([expect.arrayContaining(["User#", "User@githubId=2"])]);
    expect(await table.transactions("1.a")).toEqual([]);
  });

  test("fails with its last statement's error, not with that of the drain sent behind it", async () => {
    await write((tx) => tx.queryLast(INSERT, ["1", "ada"]));
    marked.length = 0;
    const failing = write((tx) => tx.queryLast(INSERT, ["1", "eve"]));
    await expect(failing).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await users()).toEqual(["ada"]);
    expect(marked).toEqual([]);
    expect(await isClean()).toBe(true);
  });

  test("is rolled back when its work throws after the last statement", async () => {
    const failing = write(async (tx) => {
      await tx.queryLast(INSERT, ["1", "ada"]);
      throw new Error("not wanted any more");
    });
    await expect(failing).rejects.toThrow("not wanted any more");
    expect(await users()).toEqual([]);
    expect(marked).toEqual([]);
    expect(await isClean()).toBe(true);
  });

  test("marks the tags of statements added to its work, if the code that adds them calls `behindLast`", async () => {
    const adding = (work: (tx: StatementTransaction) => Promise<unknown>) =>
      write(async (tx) => {
        tx.behindLast(undefined);
        await work(tx);
        await tx.query(INSERT, ["2", "eve"]);
      });
    await adding((tx) => tx.queryLast(INSERT, ["1", "ada"]));
    expect(marked).toEqual([expect.arrayContaining(["User@githubId=1", "User@githubId=2"])]);
  });

  test("refuses a statement after the last one, because its tags would not be marked", async () => {
    const late = write(async (tx) => {
      await tx.queryLast(INSERT, ["1", "ada"]);
      await tx.query(INSERT, ["2", "eve"]);
    });
    await expect(late).rejects.toThrow("after its last one");
    expect(await users()).toEqual([]);
  });

  test("reports an unknown outcome when the answer to its COMMIT is lost", async () => {
    network.loseNext();
    const lost = write((tx) => tx.queryLast(INSERT, ["1", "ada"]));
    await expect(lost).rejects.toBeInstanceOf(OutcomeUnknown);
    await expect(lost).rejects.toMatchObject({
      code: "SERVICE_UNAVAILABLE",
      message: expect.stringContaining("may have been made"),
    });
    expect(await users()).toEqual(["ada"]);
  });

  test("reports the error with which the database refuses its COMMIT", async () => {
    const refused = write(async (tx) => {
      await tx.query("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
      await tx.queryLast("INSERT INTO late VALUES (1), (1)");
    });
    await expect(refused).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(refused).rejects.not.toBeInstanceOf(OutcomeUnknown);
    expect(await isClean()).toBe(true);
  });

  test("does not count as committed when its work goes on after a failed statement", async () => {
    const careless = statementTransaction(async (tx) => {
      await tx.query(INSERT, ["1", "ada"]);
      await tx.query(INSERT, ["1", "eve"]).catch(() => {});
    });
    await expect(careless).rejects.toThrow("was rolled back");
    expect(await users()).toEqual([]);
  });

  test("discards its connection when it breaks, and the next transaction gets another", async () => {
    const broken = write((tx) => tx.queryLast("SELECT pg_terminate_backend(pg_backend_pid())"));
    await expect(broken).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    await write((tx) => tx.queryLast(INSERT, ["1", "ada"]));
    expect(await users()).toEqual(["ada"]);
  });
});
