import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { ACCESS_ENV, asTester } from "../support/access.ts";
import { createTestApp } from "../support/app.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { captureLogs } from "../support/logs.ts";
import { createTestDatabase, startPostgres } from "../support/postgres.ts";
import { startProgram } from "../support/process.ts";
import { insertRows, keyOf } from "../support/rows.ts";

describe("an unexpected error", async () => {
  const logs = captureLogs("warn");
  const { app, execute } = await createTestApp({}, { log: logs.log });
  await insertRows(app.database.pool, { users: 1, projects: 1 });

  test("is masked, and logged once under the reference that the client sees", async () => {
    await app.database.pool.query("ALTER TABLE projects RENAME TO hidden");
    const answers = [
      await execute(`{ a: project(id: "Project:${keyOf(1)}") { id } users { totalCount } }`),
      await execute(
        `mutation { importProject(input: { ownerId: "User:${keyOf(1)}", name: "n", githubUrl: "https://x/y" }) { project { id } } }`,
      ),
    ];
    await app.database.pool.query("ALTER TABLE hidden RENAME TO projects");

    const references = answers.map(({ errors }) => {
      expect(errors).toHaveLength(1);
      const [{ message, extensions }] = errors!;
      expect(extensions).toEqual({
        code: "INTERNAL_SERVER_ERROR",
        reference: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      expect(message).toBe(`Something went wrong here. Tell us this reference: ${extensions.reference}`);
      expect(JSON.stringify(errors)).not.toMatch(/projects|relation|prisma|src\//i);
      return extensions.reference;
    });
    // The rest of the operation was answered.
    expect(answers[0]?.data).toEqual({ a: null, users: { totalCount: 1 } });
    expect(logs.atLeast(50).map(({ reference }) => reference)).toEqual(references);
    expect(logs.lines).toHaveLength(2);
    expect(logs.lines[0]).toMatchObject({
      path: ["a"],
      err: { message: expect.stringContaining("projects") },
    });
  });
});

describe("without its database", async () => {
  const postgres = await startPostgres();
  const logs = captureLogs("warn");
  const app = await createApp(
    loadConfig({
      NODE_ENV: "test",
      PORT: "0",
      DATABASE_URL: postgres.url,
      DB_CONNECTION_TIMEOUT: "2000",
      CACHE_ENABLED: "false",
    }),
    logs.log,
    asTester,
  );
  const { url } = await app.listen();
  const origin = new URL(url).origin;
  afterAll(() => app.close());

  const ask = async (query: string) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ query }),
    });
    return (await response.json()) as {
      data: Record<string, unknown> | null;
      errors?: { message: string; extensions: { code: string } }[];
    };
  };
  const ready = async () => (await fetch(`${origin}/readyz`)).status;
  const READ = "{ users { totalCount } }";
  const WRITE = `mutation { upsertUser(input: { githubId: "7", username: "seven" }) { user { username } } }`;
  const HEALTH = "{ health { status components { name status message } } statistics { pool { max } } }";

  test("the service reports the outage to reads, writes and probes, stays alive, and recovers by itself", {
    timeout: 60_000,
  }, async () => {
    expect(await ask(WRITE)).toEqual({ data: { upsertUser: { user: { username: "seven" } } } });
    expect(await ready()).toBe(200);

    await postgres.kill();
    for (const query of [READ, WRITE, READ]) {
      const { errors } = await ask(query);
      expect(errors?.map(({ message, extensions }) => [extensions.code, message])).toEqual([
        ["SERVICE_UNAVAILABLE", "The database does not answer. Try again later."],
      ]);
    }
    const { data } = await ask(HEALTH);
    expect(data).toMatchObject({
      health: {
        status: "UNHEALTHY",
        components: [
          ["database", false],
          ["migrations", false],
          ["cache", true],
          ["users", false],
          ["projects", false],
          ["conversionJobs", false],
        ].map(([name, isHealthy]) =>
          isHealthy
            ? { name, status: "HEALTHY" }
            : {
                name,
                status: "UNHEALTHY",
                message: name === "migrations" ? "are not all applied, or cannot be read" : "does not answer",
              },
        ),
      },
      statistics: { pool: { max: 20 } },
    });
    expect(await ready()).toBe(503);
    expect((await fetch(`${origin}/livez`)).status).toBe(200);

    await postgres.restart();
    // The first statement after the restart may be sent on a connection from before it.
    await expect.poll(ready, { timeout: 20_000 }).toBe(200);
    expect(await ask(READ)).toEqual({ data: { users: { totalCount: 1 } } });
    expect(await ask(WRITE)).toEqual({ data: { upsertUser: { user: { username: "seven" } } } });
    expect((await ask(HEALTH)).data).toMatchObject({ health: { status: "HEALTHY" } });
    // An outage of the database is not logged as an error of the service.
    expect(logs.atLeast(50)).toEqual([]);
  });
});

describe("an instance whose connections are terminated", async () => {
  const database = await createTestDatabase();
  const instance = startProgram("src/cli.ts", {
    args: ["serve"],
    env: { ...ACCESS_ENV, NODE_ENV: "production", PORT: "0", DATABASE_URL: database.url, LOG_LEVEL: "info" },
  });
  const line = await instance.waitForLine("GraphQL is at");
  const { origin } = new URL((JSON.parse(line) as { url: string }).url);
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  atEndOfFile(() => admin.end());

  const sessions = async () => {
    // The service's own pool connects only when there is something to read, such as for this probe.
    await fetch(`${origin}/readyz`).catch(() => {});
    const { rows } = await admin.query<{ name: string }>(
      `SELECT DISTINCT application_name AS name FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'stack-converter%' ORDER BY name`,
    );
    return rows.map(({ name }) => name);
  };

  test("survives, whatever each connection was used for", { timeout: 60_000 }, async () => {
    let hasEnded = false;
    void instance.exited.then(() => {
      hasEnded = true;
    });
    for (let round = 0; round < 5; round++) {
      await expect
        .poll(sessions, { timeout: 20_000 })
        .toEqual([
          "stack-converter",
          "stack-converter cache_invalidations",
          "stack-converter coherence",
          "stack-converter conversion_jobs_available",
        ]);
      // Gives the relay something to do, so that it holds a connection at some of these moments.
      await admin.query("INSERT INTO users (github_id, username) VALUES ($1, 'out of band')", [round]);
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'stack-converter%'`,
      );
      await expect
        .poll(async () => hasEnded || (await fetch(`${origin}/readyz`)).status, { timeout: 20_000 })
        .toBe(200);
    }
    expect(hasEnded).toBe(false);
    await instance.stop();
  });
});
