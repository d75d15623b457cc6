import pg from "pg";
import { beforeEach, describe, expect, test } from "vitest";
import { schema } from "../../src/schema/index.ts";
import { createTestApp } from "../support/app.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { insertRows, keyOf } from "../support/rows.ts";

const { app, url } = await createTestApp();
const pool = new pg.Pool({ connectionString: url });
atEndOfFile(() => pool.end());

beforeEach(async () => {
  await pool.query("TRUNCATE users CASCADE; TRUNCATE idempotency_keys");
  await insertRows(pool, { users: 1, projects: 1, jobs: 3 });
});

async function send(query: string, { key, variables }: { key?: string; variables?: object } = {}) {
  const response = await app.fetch("http://test/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", ...(key !== undefined && { "idempotency-key": key }) },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}
const importProject = (name: string, key?: string) =>
  `importProject(input: { ownerId: "User:${keyOf(1)}", name: "${name}", githubUrl: "https://github.com/acme/x"
     ${key === undefined ? "" : `, idempotencyKey: ${JSON.stringify(key)}`} }) { project { id name createdAt version } }`;
const projects = () => app.repositories.projects.count();
const storedKeys = async () => (await pool.query("SELECT count(*)::int FROM idempotency_keys")).rows[0].count;
const conflict = [{ extensions: { code: "IDEMPOTENCY_CONFLICT" } }];

test("every mutation's input has a field for the key", () => {
  for (const field of Object.values(schema.getMutationType()!.getFields())) {
    const type = schema.getType(String(field.args[0]!.type).replace("!", ""));
    const names = type && "getFields" in type ? Object.keys(type.getFields()) : [];
    expect([field.name, names.includes("idempotencyKey")]).toEqual([field.name, true]);
  }
});

describe("a mutation that is repeated with its key", () => {
  test("gives the same answer and changes nothing more; without a key it runs again", async () => {
    const document = `mutation { ${importProject("a", "k1")} }`;
    const first = await send(document);
    expect(first.data.importProject.project.name).toBe("a");

    expect(await send(document)).toEqual(first);
    expect(await projects()).toBe(2);
    await send(`mutation { ${importProject("a")} }`);
    await send(`mutation { ${importProject("a")} }`);
    expect(await projects()).toBe(4);
  });

  test("may have the key in a header, which then is the key of all mutations in the document", async () => {
    const document = `mutation { one: ${importProject("a")} two: ${importProject("a")} }`;
    const first = await send(document, { key: "k1" });
    expect(first.data.one.project.id).not.toBe(first.data.two.project.id);

    expect(await send(document, { key: "k1" })).toEqual(first);
    expect(await projects()).toBe(3);
  });

  test("gives its first answer again, even if the row has been deleted since", async () => {
    const document = `mutation { ${importProject("a", "k1")} }`;
    const first = await send(document);
    const { id } = first.data.importProject.project;
    await send(`mutation { deleteProject(input: { id: "${id}" }) { deletedId } }`);
    expect(await send(document)).toEqual(first);
    expect(await projects()).toBe(1);
  });

  test("is refused with another input, and with another mutation", async () => {
    await send(`mutation { ${importProject("a", "k1")} }`);

    expect((await send(`mutation { ${importProject("b", "k1")} }`)).errors).toMatchObject(conflict);
    const other = `mutation { deleteProject(input: { id: "Project:${keyOf(1)}", idempotencyKey: "k1" }) { deletedId } }`;
    expect((await send(other)).errors).toMatchObject(conflict);
    expect(await projects()).toBe(2);
  });

  test("counts as the same input in any order of its fields, and also with variables", async () => {
    const first = await send(`mutation { ${importProject("a", "k1")} }`);
    const variables = {
      input: {
        githubUrl: "https://github.com/acme/x",
        idempotencyKey: "k1",
        name: "a",
        ownerId: `User:${keyOf(1)}`,
      },
    };
    const query =
      "mutation ($input: ImportProjectInput!) { importProject(input: $input) { project { id name createdAt version } } }";
    expect(await send(query, { variables })).toEqual(first);
  });

  test("runs once when several arrive at the same moment: the others wait, and get the same answer", async () => {
    const document = `mutation { ${importProject("a", "k1")} }`;
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(document)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await projects()).toBe(2);
  });

  test("runs once when several arrive at the same moment as short writes, which share a transaction", async () => {
    const document = `mutation { updateProject(input: { id: "Project:${keyOf(1)}", name: "x", idempotencyKey: "k1" }) { project { version } } }`;
    const another = `mutation { updateProject(input: { id: "Project:${keyOf(1)}", description: "y" }) { project { version } } }`;
    const [, ...answers] = await Promise.all([
      send(another),
      ...Array.from({ length: 8 }, () => send(document)),
    ]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify({ data: { updateProject: { project: { version: 3 } } } })]),
    );
  });

  test("runs again if it failed, because a failure stores nothing", async () => {
    const document = `mutation { updateProject(input: { id: "Project:${keyOf(1)}", name: "x", expectedVersion: 2, idempotencyKey: "k1" }) { project { version } } }`;
    expect((await send(document)).errors).toMatchObject([{ extensions: { code: "VERSION_CONFLICT" } }]);
    expect(await storedKeys()).toBe(0);
    await pool.query("UPDATE projects SET name = 'y'");
    expect((await send(document)).data.updateProject.project.version).toBe(3);
    expect((await send(document)).data.updateProject.project.version).toBe(3);
  });

  test("runs again after a day, when its key is forgotten", async () => {
    const document = `mutation { ${importProject("a", "k1")} }`;
    await send(document);
    await pool.query("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'");
    await send(document);
    expect(await projects()).toBe(3);
    expect(await storedKeys()).toBe(1);

    await pool.query("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'");
    expect(await app.repositories.idempotencyKeys.prune()).toBe(1);
    expect(await storedKeys()).toBe(0);
  });

  test("repeats the results of all jobs, including those that failed", async () => {
    await app.repositories.jobLeases.claim({
      workerId: "ada",
      agentTypes: ["converter"],
      leaseSeconds: 60,
      count: 1,
    });
    const document = `mutation { completeConversionJobs(input: { workerId: "ada", idempotencyKey: "k1", jobs: [
      { id: "ConversionJob:${keyOf(1)}", fencingToken: 1 }, { id: "ConversionJob:${keyOf(2)}", fencingToken: 1 }
    ] }) { results { id error { code message } conversionJob { status version } } } }`;
    const first = await send(document);
    expect(first.data.completeConversionJobs.results).toMatchObject([
      { error: null, conversionJob: { status: "COMPLETED" } },
      { error: { code: "LEASE_LOST" } },
    ]);
    expect(await send(document)).toEqual(first);
  });
});

test("a claim that got nothing stores no answer; one that got jobs gives the same jobs again", async () => {
  await pool.query("UPDATE conversion_jobs SET available_at = now() + interval '1 hour'");
  const document = `mutation { claimConversionJobs(input: { workerId: "ada", agentTypes: ["converter"], count: 2, idempotencyKey: "k1" }) {
    claims { fencingToken conversionJob { id } } } }`;
  expect((await send(document)).data.claimConversionJobs.claims).toEqual([]);
  expect(await storedKeys()).toBe(0);

  await pool.query("UPDATE conversion_jobs SET available_at = now() - interval '1 second'");
  const first = await send(document);
  expect(first.data.claimConversionJobs.claims).toHaveLength(2);
  expect(await send(document)).toEqual(first);
  expect((await pool.query("SELECT FROM conversion_jobs WHERE status = 'PENDING'")).rowCount).toBe(1);
});

test("a claim's repeated answer leaves out the jobs that its worker has lost since, and those that another one has", async () => {
  const document = `mutation { claimConversionJobs(input: { workerId: "ada", agentTypes: ["converter"], count: 3, idempotencyKey: "k1" }) {
    claims { fencingToken conversionJob { id } } } }`;
  const { claims } = (await send(document)).data.claimConversionJobs;
  expect(claims).toHaveLength(3);
  const { jobLeases } = app.repositories;
  await jobLeases.release("ada", [{ id: keyOf(1), fencingToken: 1 }]);
  await jobLeases.claim({ workerId: "ada", agentTypes: ["converter"], leaseSeconds: 60, count: 1 });
  await pool.query(
    "UPDATE conversion_jobs SET lease_expires_at = now() - interval '1 second' WHERE id = $1",
    [keyOf(2)],
  );
  const repeated = (await send(document)).data.claimConversionJobs.claims;
  expect(repeated).toEqual([{ fencingToken: 1, conversionJob: { id: `ConversionJob:${keyOf(3)}` } }]);

  await jobLeases.complete("ada", [{ id: keyOf(3), fencingToken: 1 }]);
  expect((await send(document)).data.claimConversionJobs.claims).toEqual([]);
});

test("a claim that had to wait before it got jobs gives the same jobs again", async () => {
  await pool.query("UPDATE conversion_jobs SET available_at = now() + interval '1 hour'");
  const document = `mutation { claimConversionJobs(input: { workerId: "ada", agentTypes: ["converter"], waitSeconds: 20, idempotencyKey: "k1" }) {
    claims { conversionJob { id } } } }`;
  const waiting = send(document);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await pool.query("UPDATE conversion_jobs SET available_at = now() - interval '1 second'");
  // Announces that there are jobs: the service does not listen here, so it does not look for them by itself.
  await app.jobs.owners.reprioritize(keyOf(3), 1);
  const first = await waiting;
  expect(first.data.claimConversionJobs.claims).toHaveLength(1);
  expect(await send(document)).toEqual(first);
});

test("a mutation of several transactions repeats the sum of their results", async () => {
  await pool.query(
    "UPDATE conversion_jobs SET status = 'CANCELLED', completed_at = now() - interval '9 days'",
  );
  const document = `mutation { cleanUpConversionJobs(input: { olderThanDays: 1, idempotencyKey: "k1" }) { deletedCount } }`;
  const first = await send(document);
  expect(first).toEqual({ data: { cleanUpConversionJobs: { deletedCount: 3 } } });
  expect(await send(document)).toEqual(first);
});

test("a key has 1 to 200 characters", async () => {
  for (const key of ["", "x".repeat(201), "\\u0000"]) {
    const { errors } = await send(
      `mutation { deleteProject(input: { id: "Project:${keyOf(1)}", idempotencyKey: "${key}" }) { deletedId } }`,
    );
    expect(errors).toMatchObject([
      {
        extensions: { code: "VALIDATION_FAILED", issues: [{ path: ["input", "idempotencyKey"] }] },
      },
    ]);
  }
  const { errors } = await send(`mutation { ${importProject("a")} }`, { key: "x".repeat(201) });
  expect(errors).toMatchObject([{ extensions: { issues: [{ path: ["Idempotency-Key"] }] } }]);
});
