import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { pino } from "pino";
import { beforeEach, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { asTester } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { insertRows, keyOf, PLAN } from "../support/rows.ts";

/** Two instances on one database: a claim that waits at one learns of jobs that are created at the other. */
const { url: databaseUrl } = await createTestDatabase();
async function startInstance() {
  const config = loadConfig({ NODE_ENV: "test", DATABASE_URL: databaseUrl, HOST: "127.0.0.1", PORT: "0" });
  const app = await createApp(config, pino({ level: "silent" }), asTester);
  atEndOfFile(app.close);
  return { app, url: (await app.listen()).url };
}
const here = await startInstance();
const there = await startInstance();
const pool = new pg.Pool({ connectionString: databaseUrl });
atEndOfFile(() => pool.end());

beforeEach(async () => {
  await pool.query("TRUNCATE users CASCADE");
  await insertRows(pool, { users: 1, projects: 1, jobs: 0 });
});

async function send(url: string, query: string, signal?: AbortSignal) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
    ...(signal && { signal }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}
async function claim(url: string, { waitSeconds = 20, leaseSeconds = 60, signal }: ClaimArguments = {}) {
  const { claimConversionJobs } = await send(
    url,
    `mutation { claimConversionJobs(input: { workerId: "ada", agentTypes: ["converter"], count: 10,
       waitSeconds: ${waitSeconds}, leaseSeconds: ${leaseSeconds} }) { claims { conversionJob { id attempt } } } }`,
    signal,
  );
  return claimConversionJobs.claims;
}
interface ClaimArguments {
  waitSeconds?: number;
  leaseSeconds?: number;
  signal?: AbortSignal;
}
const create = (url: string) =>
  send(
    url,
    `mutation { createConversionJob(input: { projectId: "Project:${keyOf(1)}", plan: { tasks: [
       { id: "a", type: "t", description: "d", agentType: "converter" }] } }) { conversionJob { id } } }`,
  );
const untilWaiting = (url: string, waiting: Promise<unknown>) =>
  // Long enough for the claim to have looked for jobs once. If it has not, the test is only weaker.
  Promise.race([sleep(300), waiting, send(url, "{ __typename }").then(() => sleep(300))]);

test.each([
  ["the instance at which it waits", () => here.url],
  ["another instance", () => there.url],
])("a claim that waits gets a job that is created at %s", async (_, urlOf) => {
  const waiting = claim(here.url);
  await untilWaiting(here.url, waiting);
  const { createConversionJob } = await create(urlOf());
  expect(await waiting).toEqual([
    { conversionJob: { id: createConversionJob.conversionJob.id, attempt: 1 } },
  ]);
});

test("a claim that waits gets a job that another program inserts", async () => {
  const waiting = claim(here.url);
  await untilWaiting(here.url, waiting);
  await pool.query("INSERT INTO conversion_jobs (id, project_id, plan) VALUES ($1, $2, $3)", [
    keyOf(1),
    keyOf(1),
    JSON.stringify(PLAN),
  ]);
  expect(await waiting).toMatchObject([{ conversionJob: { id: `ConversionJob:${keyOf(1)}` } }]);
});

test("a claim that waits gets the job of a worker whose lease expires, in the next attempt", async () => {
  await create(here.url);
  expect(await claim(here.url, { leaseSeconds: 1 })).toHaveLength(1);
  expect(await claim(there.url)).toMatchObject([{ conversionJob: { attempt: 2 } }]);
});

test("a claim that waits in vain gets nothing, and each job goes to one of the waiting claims", async () => {
  expect(await claim(here.url, { waitSeconds: 0.2 })).toEqual([]);

  const waiting = [here, here, there, there].map(({ url }) => claim(url, { waitSeconds: 3 }));
  await untilWaiting(here.url, Promise.all(waiting));
  await Promise.all([create(here.url), create(there.url), create(there.url)]);
  expect((await Promise.all(waiting)).flat()).toHaveLength(3);
});

test("a worker that disconnects while it waits gets no job", async () => {
  const controller = new AbortController();
  const waiting = claim(here.url, { signal: controller.signal });
  await untilWaiting(here.url, waiting);
  controller.abort();
  await expect(waiting).rejects.toThrow();
  // The service learns of it from the closed connection.
  await sleep(300);
  await create(here.url);
  await sleep(300);

  const { rows } = await pool.query("SELECT status, fencing_token FROM conversion_jobs");
  expect(rows).toEqual([{ status: "PENDING", fencing_token: "0" }]);
});

test("an instance that stops answers waiting claims at once, without jobs", async () => {
  const third = await startInstance();
  const waiting = claim(third.url, { waitSeconds: 30 });
  await untilWaiting(third.url, waiting);
  const closing = third.app.close();
  expect(await waiting).toEqual([]);
  await closing;
});
