import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { createDatabase, type StatementTransaction } from "../../src/database/database.ts";
import { OutcomeUnknown, withDatabaseErrors } from "../../src/database/errors.ts";
import { createGroupCommit } from "../../src/database/groupCommit.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { loseCommits } from "../support/lostCommits.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { findFreePort } from "../support/server.ts";

/** Short concurrent writes share one transaction, which none of them notices. */

const { url } = await createTestDatabase();
const network = await loseCommits(url);
const database = createDatabase(loadConfig({}).database, network.url, pino({ level: "silent" }));
atEndOfFile(database.close);
const { pool } = database;
const alone = withDatabaseErrors(database.statementTransaction);
const write = createGroupCommit(alone);

const short = <Result>(work: (tx: StatementTransaction) => Promise<Result>) => write(work, { isShort: true });

let lastId = 0;
/** @returns the id of the transaction in which the user was added */
const add =
  (name: string, id = ++lastId) =>
  async (tx: StatementTransaction) => {
    const [row] = await tx.queryLast<{ xid: string }>(
      "INSERT INTO users (github_id, username) VALUES ($1, $2) RETURNING pg_current_xact_id()::text AS xid",
      [id, name],
    );
    return row!.xid;
  };
const TAKEN = 1_000;
const append = (name: string) => async (tx: StatementTransaction) =>
  tx.queryLast("UPDATE users SET username = username || '+' WHERE username LIKE $1 || '%'", [name]);
const users = async () =>
  (await pool.query<{ username: string }>("SELECT username FROM users ORDER BY username")).rows.map(
    ({ username }) => username,
  );
const outcomes = async (writes: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(writes)).map(({ status }) => status);

afterEach(() => pool.query("TRUNCATE users CASCADE"));

describe("concurrent short writes", () => {
  test("run the first alone, and then the others together", async () => {
    const [first, ...others] = await Promise.all(["a", "b", "c", "d"].map((name) => short(add(name))));
    expect(new Set(others).size).toBe(1);
    expect(others).not.toContain(first);
    expect(await users()).toEqual(["a", "b", "c", "d"]);
  });

  test("share no transaction with writes that are not declared short", async () => {
    const xids = await Promise.all(["a", "b", "c"].map((name) => write(add(name))));
    expect(new Set(xids).size).toBe(3);
  });

  test("may have several statements each", async () => {
    const both = (one: string, other: string) => async (tx: StatementTransaction) => {
      await add(one)(tx);
      await sleep(1);
      return add(other)(tx);
    };
    await Promise.all([short(add("a")), short(both("b", "c")), short(both("d", "e")), short(add("f"))]);
    expect(await users()).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  test("fail alone, both by errors of the database and by errors of their own", async () => {
    await alone(add("taken", TAKEN));
    const refusal = new Error("not what was expected");
    const refused = short(async (tx) => {
      await add("undone")(tx);
      throw refusal;
    });
    const writes = [short(add("a")), short(add("b")), short(add("again", TAKEN)), refused, short(add("c"))];
    expect(await outcomes(writes)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected", "fulfilled"]);
    await expect(writes[2]).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(refused).rejects.toBe(refusal);
    expect(await users()).toEqual(["a", "b", "c", "taken"]);
  });

  test("send no statement after the rollback of their group", async () => {
    const first = short(add("a"));
    const slow = short(async (tx) => {
      await sleep(20);
      await add("slow")(tx);
    });
    const failing = short(() => Promise.reject(new Error("at once")));
    expect(await outcomes([first, slow, failing])).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect(await users()).toEqual(["a", "slow"]);
  });

  test("do not wait when another write waits for a row", async () => {
    await alone(add("locked"));
    const client = await pool.connect();
    await client.query("BEGIN");
    await client.query("SELECT FROM users FOR UPDATE");
    let isWaiting = true;
    const waiting = short(append("locked")).finally(() => {
      isWaiting = false;
    });
    await Promise.all([short(add("a")), short(add("b"))]);
    await Promise.all([short(add("c")), short(add("d"))]);
    expect(isWaiting).toBe(true);
    await client.query("COMMIT");
    client.release();
    await waiting;
    expect(await users()).toEqual(["a", "b", "c", "d", "locked+"]);
  });

  test("of one row each see the previous write", async () => {
    await alone(add("a"));
    await Promise.all(Array.from({ length: 20 }, () => short(append("a"))));
    expect(await users()).toEqual([`a${"+".repeat(20)}`]);
  });

  test("are not run again when it is unknown whether they were committed", async () => {
    await alone(add("a"));
    network.loseNext();
    const first = short(append("a"));
    const others = Array.from({ length: 3 }, () => short(append("a")));
    await expect(first).rejects.toBeInstanceOf(OutcomeUnknown);
    await Promise.all(others);
    network.loseNext();
    const lost = Array.from({ length: 3 }, () => short(append("a")));
    expect(await outcomes(lost)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(await users()).toEqual(["a+++++++"]);
  });

  test("are tried once when there is no database", async () => {
    const nowhere = new URL(url);
    nowhere.port = String(await findFreePort());
    const away = createDatabase(loadConfig({}).database, nowhere.href, pino({ level: "silent" }));
    let tries = 0;
    const tried = createGroupCommit((work) => {
      tries++;
      return away.statementTransaction(work);
    });
    const writes = Array.from({ length: 5 }, () => tried(add("a"), { isShort: true }));
    expect(await outcomes(writes)).toEqual(Array(5).fill("rejected"));
    // Once for the first, which runs alone, and once for the others.
    expect(tries).toBe(2);
    await away.close();
  });
});
