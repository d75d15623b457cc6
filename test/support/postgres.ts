import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { inject } from "vitest";
import { atEndOfFile } from "./cleanup.ts";
import { launchPostgres, launchReplica, type PostgresOptions } from "./postgresServer.ts";
import type { TestServer } from "./server.ts";

export interface TestDatabase {
  readonly url: string;
  /**
   * Removes the database. This happens by itself when the test file ends. A second call does nothing.
   *
   * @throws Error when a connection to the database is still open, because a pool was not closed
   */
  drop(): Promise<void>;
}

/** A database of the caller's own, with all migrations applied and no rows. */
export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase(inject("templateDatabase"));
}

/** An empty database of the caller's own, without migrations. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase("template0");
}

/** A PostgreSQL server of the caller's own, which may be killed and restarted. It stops when the test file ends. */
export async function startPostgres(options: PostgresOptions = {}): Promise<TestServer> {
  const server = await launchPostgres(options);
  atEndOfFile(server.stop);
  return server;
}

/** A streaming replica of such a server, which may be killed, restarted and promoted on its own. */
export async function startReplica(
  primary: Pick<TestServer, "port">,
  options: PostgresOptions = {},
): Promise<TestServer> {
  const server = await launchReplica(primary, options);
  atEndOfFile(server.stop);
  return server;
}

async function createDatabase(template: string): Promise<TestDatabase> {
  // The prefix is the run's: on an external server the end of the run removes databases that files left
  // behind.
  const name = `${inject("databasePrefix")}${randomUUID().replaceAll("-", "")}`;
  await withAdmin((admin) => admin.query(`CREATE DATABASE "${name}" TEMPLATE "${template}"`));
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;

  let isDropped = false;
  const drop = async () => {
    if (isDropped) return;
    isDropped = true;
    await withAdmin(async (admin) => {
      const open = await openConnections(admin, name);
      await admin.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
      if (open.length > 0) {
        throw new Error(
          `${open.length} connection(s) to the test database were left open: a pool was not closed. ` +
            `Their last statements:\n${open.map((statement) => `  - ${statement}`).join("\n")}`,
        );
      }
    });
  };
  atEndOfFile(drop);
  return { url: url.href, drop };
}

/** The last statement of every connection that is still open after two seconds. */
async function openConnections(admin: pg.Client, name: string): Promise<string[]> {
  // A connection's backend ends a moment after the client has closed the connection.
  for (let attempt = 0; ; attempt++) {
    const { rows } = await admin.query<{ query: string }>(
      "SELECT query FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'",
      [name],
    );
    if (rows.length === 0 || attempt === 100) return rows.map(({ query }) => query);
    await sleep(20);
  }
}

async function withAdmin<Result>(work: (admin: pg.Client) => Promise<Result>): Promise<Result> {
  const admin = new pg.Client({ connectionString: inject("postgresUrl") });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}
