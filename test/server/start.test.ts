import { type AddressInfo, createServer } from "node:net";
import pg from "pg";
import { expect, test } from "vitest";
import { ACCESS_ENV } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase, startPostgres } from "../support/postgres.ts";
import { startProgram } from "../support/process.ts";
import { findFreePort } from "../support/server.ts";

/** Starts the service as a program, the way an orchestrator does. */
const start = (databaseUrl: string, env: Record<string, string> = {}, args = ["serve"]) =>
  startProgram("src/cli.ts", {
    args,
    env: { ...ACCESS_ENV, NODE_ENV: "production", PORT: "0", DATABASE_URL: databaseUrl, ...env },
  });

const AWAY = "the database does not answer, and the start waits for it";
const nobodyThere = async () => `postgres://postgres@127.0.0.1:${await findFreePort()}/postgres`;

test("a service that is started before its database waits for it", { timeout: 180_000 }, async () => {
  const postgres = await startPostgres();
  await postgres.kill();
  const service = start(postgres.url);
  const line = JSON.parse(await service.waitForLine(AWAY));
  expect(line).toEqual({
    level: 40,
    time: expect.any(Number),
    pid: service.pid,
    hostname: expect.any(String),
    err: {
      type: "Error",
      message: `connect ECONNREFUSED 127.0.0.1:${postgres.port}`,
      code: "ECONNREFUSED",
      errno: expect.any(Number),
      syscall: "connect",
      address: "127.0.0.1",
      port: postgres.port,
      stack: expect.any(String),
    },
    waitedMs: expect.any(Number),
    timeoutMs: 60_000,
    retryInMs: expect.any(Number),
    msg: `${AWAY}: connect ECONNREFUSED 127.0.0.1:${postgres.port}`,
  });

  await postgres.restart();
  await service.waitForLine("the database answers now", { timeoutMs: 60_000 });
  const { url } = JSON.parse(await service.waitForLine("GraphQL is at"));
  const ready = () => fetch(new URL("/readyz", url)).then(({ status }) => status);
  await expect.poll(ready, { timeout: 20_000 }).toBe(200);
  expect(await service.stop()).toEqual({ code: 0, signal: null });
});

test("a start whose connection breaks starts over", { timeout: 60_000 }, async () => {
  const database = await createTestDatabase();
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  atEndOfFile(() => admin.end());
  // As if another process migrated the database: the start waits for it, on a connection of its own.
  await admin.query("SELECT pg_advisory_lock(72707369)");
  const service = start(database.url);
  const waiting = async () => {
    const { rows } = await admin.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database()
         AND application_name = 'stack-converter migrate' AND wait_event = 'advisory'`,
    );
    return rows[0]?.pid;
  };
  await expect.poll(waiting, { timeout: 30_000 }).toBeDefined();
  await admin.query("SELECT pg_terminate_backend($1, 5000)", [await waiting()]);
  await service.waitForLine(`${AWAY}: terminating connection due to administrator command`);
  await admin.query("SELECT pg_advisory_unlock(72707369)");
  await service.waitForLine("GraphQL is at");
  expect(await service.stop()).toEqual({ code: 0, signal: null });
});

test("a start gives up after DB_STARTUP_TIMEOUT, and says why", { timeout: 60_000 }, async () => {
  const url = await nobodyThere();
  const service = start(url, { DB_STARTUP_TIMEOUT: "500" });
  expect(await service.exited).toEqual({ code: 1, signal: null });
  expect(service.output()).toContain(AWAY);
  expect(service.output()).toMatch(
    new RegExp(
      `\nThe database does not answer \\(waited for \\d+ ms\\): connect ECONNREFUSED ${new URL(url).host}\n$`,
    ),
  );
});

test("a server that accepts connections and sends nothing counts as one that does not answer", {
  timeout: 60_000,
}, async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  atEndOfFile(async () => void silent.close());
  const { port } = silent.address() as AddressInfo; // Safe: a server that listens on a port has such an address.
  const service = start(`postgres://postgres@127.0.0.1:${port}/postgres`, {
    DB_CONNECTION_TIMEOUT: "200",
    DB_STARTUP_TIMEOUT: "500",
  });
  expect(await service.exited).toEqual({ code: 1, signal: null });
  expect(service.output()).toContain(`${AWAY}: timeout expired`);
});

test("an error that waiting cannot fix ends the start at once", { timeout: 60_000 }, async () => {
  const url = new URL((await createTestDatabase()).url);
  url.username = "a_stranger";
  const service = start(url.href);
  expect(await service.exited).toEqual({ code: 1, signal: null });
  expect(service.output()).toBe('role "a_stranger" does not exist\n');
});

test("a signal ends a start that waits", { timeout: 60_000 }, async () => {
  const service = start(await nobodyThere());
  await service.waitForLine(AWAY);
  expect(await service.stop()).toEqual({ code: 0, signal: null });
  expect(service.output()).toContain("stopping before the start is over");
});

test("a one-off command does not wait for the database", { timeout: 60_000 }, async () => {
  const service = start(await nobodyThere(), {}, ["maintain"]);
  expect(await service.exited).toEqual({ code: 1, signal: null });
  expect(service.output()).toMatch(
    /^The database does not answer \(waited for \d+ ms\): connect ECONNREFUSED \S+\n$/,
  );
});
