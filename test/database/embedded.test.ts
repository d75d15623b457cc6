import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type EmbeddedDatabase, startEmbeddedDatabase } from "../../src/database/embedded.ts";

// Each start is a process that loads PostgreSQL: 0.7 s when it runs alone, many times that among other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = await mkdtemp(join(tmpdir(), "embedded-test-"));
afterAll(() => rm(root, { recursive: true, force: true }));
let directories = 0;
const newPath = () => join(root, `data-${directories++}`);

// The first start in a directory takes seconds. Most tests need only a database: they get a copy of this one.
const template = newPath();
beforeAll(async () => {
  await (await startEmbeddedDatabase({ dataDirectory: template })).stop();
}, 120_000);

async function newDirectory(): Promise<string> {
  const directory = newPath();
  await cp(template, directory, { recursive: true });
  return directory;
}

async function connected(database: { connectionString: string }): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.connectionString });
  // Some tests end the client's server.
  client.on("error", () => {});
  await client.connect();
  return client;
}

async function count(client: pg.Client | pg.Pool, table: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`);
  return rows[0]?.count ?? -1;
}

/** Breaks the connection without a Terminate message. */
function cut(client: pg.Client): void {
  // as: the socket is no part of pg's published types
  (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
}

describe("clients of the embedded database", () => {
  let database: EmbeddedDatabase;
  beforeAll(async () => {
    database = await startEmbeddedDatabase({ dataDirectory: await newDirectory() });
  });
  afterAll(() => database.stop());

  const clients: pg.Client[] = [];
  const newClient = async () => {
    const client = await connected(database);
    clients.push(client);
    return client;
  };
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end().catch(() => {})));
  });

  it("run the transactions of a pool of 20 as if one after the other, and failed ones leave no trace", async () => {
    const pool = new pg.Pool({ connectionString: database.connectionString, max: 20 });
    await pool.query(
      "CREATE TABLE counters (id int PRIMARY KEY, value int); INSERT INTO counters VALUES (1, 0)",
    );
    const transaction = async (index: number) => {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        // Reads the value, then writes it incremented: lost updates would show.
        const { rows } = await client.query<{ value: number }>(
          "SELECT value FROM counters WHERE id = $1",
          [1],
        );
        await client.query("UPDATE counters SET value = $1", [(rows[0]?.value ?? 0) + 1]);
        if (index % 3 === 0) await client.query("SELECT 1 / $1::int", [0]);
        await client.query("COMMIT");
        return "committed";
      } catch (error) {
        await client.query("ROLLBACK");
        return (error as pg.DatabaseError).code;
      } finally {
        client.release();
      }
    };
    const results = await Promise.all(Array.from({ length: 300 }, (_, index) => transaction(index)));
    expect(results.filter((result) => result === "committed")).toHaveLength(200);
    expect(results.filter((result) => result === "22012")).toHaveLength(100);
    expect((await pool.query("SELECT value FROM counters")).rows).toEqual([{ value: 200 }]);
    expect(pool.totalCount).toBe(20);
    await pool.end();
  });

  it("each get their own answers to prepared statements of the same name", async () => {
    const own = await Promise.all(Array.from({ length: 10 }, newClient));
    const answers = await Promise.all(
      own.map(async (client, index) => {
        const received: unknown[] = [];
        for (let round = 0; round < 20; round++) {
          const text = `SELECT ${index} AS client, $1::int AS round`;
          received.push(...(await client.query({ name: "same", text, values: [round] })).rows);
        }
        return received;
      }),
    );
    expect(answers).toEqual(
      own.map((_, client) => Array.from({ length: 20 }, (_round, round) => ({ client, round }))),
    );
  });

  it("may send and receive megabytes at once", async () => {
    const client = await newClient();
    const text = "x".repeat(8_000_000);
    const { rows } = await client.query<{ text: string }>("SELECT $1::text AS text", [text]);
    expect(rows[0]?.text === text).toBe(true);
  });

  it("keep their connection when a statement fails", async () => {
    const client = await newClient();
    await expect(client.query("SELECT * FROM missing WHERE id = $1", [1])).rejects.toMatchObject({
      code: "42P01",
    });
    await expect(client.query("nonsense")).rejects.toMatchObject({ code: "42601" });
    expect((await client.query("SELECT $1::int AS one", [1])).rows).toEqual([{ one: 1 }]);
  });

  it("that disconnect in a transaction leave nothing behind and block no other client", async () => {
    const [leaving, staying] = [await newClient(), await newClient()];
    await staying.query("CREATE TABLE left_open (id int)");
    await leaving.query("BEGIN");
    await leaving.query({ name: "insert", text: "INSERT INTO left_open VALUES (1)" });
    const waiting = count(staying, "left_open");
    cut(leaving);
    expect(await waiting).toBe(0);
    expect((await staying.query("SELECT name FROM pg_prepared_statements")).rows).toEqual([]);
  });

  it("that disconnect in a failed transaction, or while a statement runs, block no other client", async () => {
    const [failed, running, staying] = [await newClient(), await newClient(), await newClient()];
    await failed.query("BEGIN");
    await expect(failed.query("SELECT 1 / 0")).rejects.toMatchObject({ code: "22012" });
    cut(failed);
    const abandoned = running
      .query("BEGIN; SELECT count(*) FROM generate_series(1, 300000)")
      .catch(() => "cut");
    cut(running);
    expect(await abandoned).toBe("cut");
    expect((await staying.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  });

  it("that disconnect in the middle of an extended query block no other client", async () => {
    const socket = connect(Number(new URL(database.connectionString).port), "127.0.0.1");
    const body = Buffer.from("user\0postgres\0database\0postgres\0\0");
    const startup = Buffer.alloc(8);
    startup.writeUInt32BE(body.length + 8, 0);
    startup.writeUInt32BE(196_608, 4);
    socket.write(Buffer.concat([startup, body]));
    await once(socket, "data");
    // Parse "SELECT 1", and Flush: PostgreSQL is in the middle of the extended query and waits for a Sync.
    const parse = Buffer.from("\0SELECT 1\0\0\0");
    const header = Buffer.alloc(5);
    header.write("P");
    header.writeUInt32BE(parse.length + 4, 1);
    socket.write(Buffer.concat([header, parse, Buffer.from("H\0\0\0\x04", "latin1")]));
    await once(socket, "data");
    const client = connected(database);
    socket.destroy();
    expect((await (await client).query("SELECT 2 AS two")).rows).toEqual([{ two: 2 }]);
    await (await client).end();
  });

  it("wait for another client's advisory lock, and get it when that client unlocks or disconnects", async () => {
    const [first, second, third] = [await newClient(), await newClient(), await newClient()];
    const order: string[] = [];
    const lock = (client: pg.Client, name: string) =>
      client.query("SELECT pg_advisory_lock($1)", [7]).then(() => order.push(name));
    await lock(first, "first");
    const others = [lock(second, "second"), lock(third, "third")];
    expect(await count(first, "pg_locks WHERE locktype = 'advisory'")).toBe(1);
    expect(order).toEqual(["first"]);
    await first.query("SELECT pg_advisory_unlock(7)");
    await others[0];
    expect(order).toEqual(["first", "second"]);
    cut(second);
    await others[1];
    expect(order).toEqual(["first", "second", "third"]);
    await third.query("SELECT pg_advisory_unlock(7)");
  });

  it("are refused another client's advisory lock within a transaction, where they would wait for ever", async () => {
    const [holder, other] = [await newClient(), await newClient()];
    await holder.query("SELECT pg_advisory_lock(8)");
    await other.query("BEGIN");
    await expect(other.query("SELECT pg_advisory_lock($1)", [8])).rejects.toMatchObject({ code: "55P03" });
    await other.query("ROLLBACK");
    await holder.query("SELECT pg_advisory_unlock(8)");
  });
});

describe("the embedded database", () => {
  const running: EmbeddedDatabase[] = [];
  const start = async (dataDirectory: string) => {
    const database = await startEmbeddedDatabase({ dataDirectory });
    running.push(database);
    return database;
  };
  afterEach(async () => {
    await Promise.all(running.splice(0).map((database) => database.stop()));
  });

  it("keeps its rows across a stop and a start, in a directory of mode 0700", async () => {
    const dataDirectory = join(newPath(), "made", "too");
    const first = await start(dataDirectory);
    const client = await connected(first);
    await client.query("CREATE EXTENSION pg_trgm; CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)");
    await client.query("BEGIN; INSERT INTO kept VALUES (2)");
    expect(await first.stop()).toEqual({ code: 0, signal: null, wasExpected: true });
    expect(await first.stop()).toEqual({ code: 0, signal: null, wasExpected: true });
    expect((await stat(dataDirectory)).mode & 0o777).toBe(0o700);
    expect((await readdir(dataDirectory)).sort()).toEqual(["initialized", "postgres"]);

    const again = await connected(await start(dataDirectory));
    expect((await again.query("SELECT id, similarity('a', 'a') AS s FROM kept")).rows).toEqual([
      { id: 1, s: 1 },
    ]);
    await again.end();
  });

  it("loses no committed row when its process is killed while it writes, and reports that it ended", async () => {
    const dataDirectory = await newDirectory();
    const first = await start(dataDirectory);
    const clients = await Promise.all([1, 2, 3, 4].map(() => connected(first)));
    await clients[0]?.query("CREATE TABLE written (id int PRIMARY KEY, padding text)");
    const confirmed: number[] = [];
    let next = 0;
    const writing = clients.map(async (client) => {
      for (;;) {
        const id = next++;
        await client.query("INSERT INTO written VALUES ($1, repeat('x', 2000))", [id]);
        if (confirmed.push(id) === 400) process.kill(first.pid, "SIGKILL");
      }
    });
    await Promise.allSettled(writing);
    expect(await first.exited).toEqual({ code: null, signal: "SIGKILL", wasExpected: false });

    const client = await connected(await start(dataDirectory));
    const { rows } = await client.query<{ id: number }>("SELECT id FROM written");
    const found = new Set(rows.map(({ id }) => id));
    expect(confirmed.filter((id) => !found.has(id))).toEqual([]);
    await client.end();
  });

  it("refuses a directory that another process has open, and names that process", async () => {
    const dataDirectory = await newDirectory();
    const first = await start(dataDirectory);
    await expect(start(dataDirectory)).rejects.toThrow(
      `The embedded database in "${dataDirectory}" is in use by the process ${first.pid}.`,
    );
    const client = await connected(first);
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  it("starts once when four callers start it together", async () => {
    const dataDirectory = newPath();
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => start(dataDirectory)));
    expect(results.map(({ status }) => status).sort()).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "rejected",
    ]);
  });

  it.each([
    ["of a process that has ended", "999999999\n\n"],
    // The id is that of the test's own process, which was not started at that time.
    ["of a process whose id another has now", `${process.pid}\n1\n`],
    ["that is damaged", "?"],
  ])("takes over a lock %s", async (_, content) => {
    const dataDirectory = await newDirectory();
    await writeFile(join(dataDirectory, "embedded.lock"), content);
    await (await start(dataDirectory)).stop();
    expect(existsSync(join(dataDirectory, "embedded.lock"))).toBe(false);
  });

  it("starts from scratch when its first start was interrupted", async () => {
    const dataDirectory = newPath();
    await mkdir(join(dataDirectory, "postgres", "base"), { recursive: true });
    await writeFile(join(dataDirectory, "postgres", "PG_VERSION"), "18\n");
    const client = await connected(await start(dataDirectory));
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  it("says why it cannot start", async () => {
    const file = join(root, "a-file");
    await writeFile(file, "");
    await expect(start(file)).rejects.toThrow(/^The embedded database did not start: EEXIST/);
  });

  it.each(["SIGTERM", "SIGKILL"] as const)(
    "shuts down cleanly when its parent is ended by %s",
    async (signal) => {
      const dataDirectory = await newDirectory();
      const { parent, pid } = await startInParent(dataDirectory);
      parent.kill(signal);
      await once(parent, "exit");
      while (isAlive(pid)) await sleep(10);
      // It removes its lock last, after closing the database.
      expect((await readdir(dataDirectory)).sort()).toEqual(["initialized", "postgres"]);
    },
  );

  it("survives the signal that a terminal sends to all its processes", async () => {
    const database = await start(await newDirectory());
    process.kill(database.pid, "SIGINT");
    process.kill(database.pid, "SIGTERM");
    const client = await connected(database);
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
    expect(await database.stop()).toEqual({ code: 0, signal: null, wasExpected: true });
  });
});

/** Forks a process that starts the database and then does nothing. */
async function startInParent(dataDirectory: string): Promise<{ parent: ChildProcess; pid: number }> {
  const script = fileURLToPath(new URL("embeddedParent.ts", import.meta.url));
  const parent = fork(script, [dataDirectory], { execArgv: ["--import", "tsx"] });
  const [pid] = (await once(parent, "message")) as [number];
  return { parent, pid };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
