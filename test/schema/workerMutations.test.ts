import pg from "pg";
import { beforeEach, describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { insertRows, keyOf } from "../support/rows.ts";

const { execute, url } = await createTestApp();
const pool = new pg.Pool({ connectionString: url });
atEndOfFile(() => pool.end());

const jobId = (n: number) => `ConversionJob:${keyOf(n)}`;

beforeEach(async () => {
  await pool.query("TRUNCATE users CASCADE");
  await insertRows(pool, { users: 1, projects: 1, jobs: 3 });
});

const CLAIM = `mutation ($input: ClaimConversionJobsInput!) {
  claimConversionJobs(input: $input) {
    claims { fencingToken leaseExpiresAt conversionJob { id status workerId plan { tasks { id } } } }
  }
}`;
const RESULTS =
  "results { id directive error { code message from allowed } conversionJob { id status progress currentTask } }";
const mutation = (name: string) =>
  `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${RESULTS} } }`;

async function claim(input: object = {}) {
  const { data, errors } = await execute(CLAIM, {
    input: { workerId: "ada", agentTypes: ["converter"], ...input },
  });
  if (errors) throw new Error(JSON.stringify(errors));
  return data.claimConversionJobs.claims;
}
async function call(name: string, input: object) {
  const { data, errors } = await execute(mutation(name), { input: { workerId: "ada", ...input } });
  if (errors) throw new Error(JSON.stringify(errors));
  return data[name].results;
}

test("a worker claims a job, reports its progress and completes it; the job's events record that", async () => {
  const [claimed] = await claim();
  expect(claimed).toEqual({
    fencingToken: 1,
    leaseExpiresAt: expect.any(String),
    conversionJob: { id: jobId(1), status: "RUNNING", workerId: "ada", plan: { tasks: [{ id: "t1" }] } },
  });
  const job = { id: jobId(1), fencingToken: 1 };

  expect(await call("reportProgress", { jobs: [{ ...job, progress: 40, currentTask: "reading" }] })).toEqual([
    {
      id: jobId(1),
      directive: "CONTINUE",
      error: null,
      conversionJob: { id: jobId(1), status: "RUNNING", progress: 40, currentTask: "reading" },
    },
  ]);
  expect(await call("completeConversionJobs", { jobs: [job] })).toEqual([
    {
      id: jobId(1),
      directive: "STOP",
      error: null,
      conversionJob: { id: jobId(1), status: "COMPLETED", progress: 100, currentTask: null },
    },
  ]);

  const { data } = await execute(
    `query ($id: ID!) { conversionJob(id: $id) { lastEventSequence project { status }
       events(first: 10) { totalCount nodes { sequence type status attempt progress currentTask workerId message } }
       since: events(since: 2) { nodes { sequence } } } }`,
    { id: jobId(1) },
  );
  const event = { attempt: 1, currentTask: null, workerId: "ada", message: null };
  expect(data.conversionJob).toEqual({
    lastEventSequence: 3,
    // Two other jobs of the project are still waiting.
    project: { status: "CONVERTING" },
    events: {
      totalCount: 3,
      nodes: [
        { ...event, sequence: 1, type: "CLAIMED", status: "RUNNING", progress: 0 },
        { ...event, sequence: 2, type: "PROGRESS", status: "RUNNING", progress: 40, currentTask: "reading" },
        { ...event, sequence: 3, type: "COMPLETED", status: "COMPLETED", progress: 100 },
      ],
    },
    since: { nodes: [{ sequence: 3 }] },
  });
});

test("events are paged by cursor in either direction, and a forged cursor is refused", async () => {
  await pool.query(
    `INSERT INTO conversion_job_events (job_id, sequence, type, data)
     SELECT $1, n, 'PROGRESS', '{"status":"RUNNING","attempt":1,"progress":1}' FROM generate_series(1, 12) n`,
    [keyOf(1)],
  );
  const page = (args: string) =>
    execute(`{ conversionJob(id: "${jobId(1)}") { events(${args}) {
      nodes { sequence } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`);
  const numbers = ({ data }: Awaited<ReturnType<typeof page>>) =>
    data.conversionJob.events.nodes.map(({ sequence }: { sequence: number }) => sequence);

  const first = await page("first: 9");
  const { endCursor } = first.data.conversionJob.events.pageInfo;
  expect(numbers(first)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const second = await page(`first: 9, after: "${endCursor}"`);
  expect(numbers(second)).toEqual([10, 11, 12]);
  expect(second.data.conversionJob.events.pageInfo.hasNextPage).toBe(false);
  expect(numbers(await page(`last: 2, before: "${endCursor}"`))).toEqual([7, 8]);

  const [list, , id] = JSON.parse(Buffer.from(endCursor, "base64url").toString());
  expect(id).toBe("9");
  for (const forged of ["9; DROP TABLE", "-1", "1e3", "99999999999"]) {
    const cursor = Buffer.from(JSON.stringify([list, forged, forged])).toString("base64url");
    const { errors } = await page(`first: 1, after: "${cursor}"`);
    expect(errors).toMatchObject([{ extensions: { code: "VALIDATION_FAILED" } }]);
  }
  expect((await page("since: -1")).errors).toMatchObject([{ extensions: { code: "VALIDATION_FAILED" } }]);
});

test("a job that cannot be changed has an error, and does not keep the call from changing the others", async () => {
  const claims = await claim({ count: 3 });
  expect(claims).toHaveLength(3);
  await pool.query("UPDATE conversion_jobs SET status = 'PAUSED' WHERE id = $1", [keyOf(2)]);

  const jobs = [
    { id: jobId(1), fencingToken: 7 },
    { id: jobId(2), fencingToken: 1 },
    { id: jobId(9), fencingToken: 1 },
    { id: jobId(3), fencingToken: 1 },
  ];
  expect(await call("completeConversionJobs", { jobs })).toEqual([
    {
      id: jobId(1),
      directive: "STOP",
      error: {
        code: "LEASE_LOST",
        message:
          "The lease with the fencing token 7 does not hold any more: the job was claimed again since. The job is RUNNING.",
        from: null,
        allowed: null,
      },
      conversionJob: { id: jobId(1), status: "RUNNING", progress: 0, currentTask: null },
    },
    {
      id: jobId(2),
      directive: "PAUSE",
      error: {
        code: "INVALID_TRANSITION",
        message: "A job that is PAUSED allows no complete: that needs RUNNING.",
        from: "PAUSED",
        allowed: ["resume", "release", "expire", "cancel", "reprioritize"],
      },
      conversionJob: { id: jobId(2), status: "PAUSED", progress: 0, currentTask: null },
    },
    {
      id: jobId(9),
      directive: "STOP",
      error: { code: "NOT_FOUND", message: expect.any(String), from: null, allowed: null },
      conversionJob: null,
    },
    {
      id: jobId(3),
      directive: "STOP",
      error: null,
      conversionJob: { id: jobId(3), status: "COMPLETED", progress: 100, currentTask: null },
    },
  ]);
});

test("a failed job is retried unless the worker says that a retry is of no use", async () => {
  await claim({ count: 2 });

  const results = await call("failConversionJobs", {
    jobs: [
      { id: jobId(1), fencingToken: 1, errorMessage: "out of memory" },
      { id: jobId(2), fencingToken: 1, errorMessage: "no such language", isRetryable: false },
    ],
  });
  expect(results).toMatchObject([
    { directive: "STOP", error: null, conversionJob: { status: "PENDING" } },
    { directive: "STOP", error: null, conversionJob: { status: "FAILED" } },
  ]);
});

test("a paused job's worker is told to pause when it reports, and may release the job", async () => {
  await claim();
  await pool.query("UPDATE conversion_jobs SET status = 'PAUSED' WHERE id = $1", [keyOf(1)]);
  const job = { id: jobId(1), fencingToken: 1 };

  expect(await call("reportProgress", { jobs: [job] })).toMatchObject([
    { directive: "PAUSE", error: null, conversionJob: { status: "PAUSED" } },
  ]);
  expect(await call("releaseConversionJobs", { jobs: [job] })).toMatchObject([
    { directive: "STOP", error: null, conversionJob: { status: "PAUSED" } },
  ]);
});

describe("an invalid input is refused with its path", () => {
  const held = { id: jobId(1), fencingToken: 1 };
  test.each([
    ["claimConversionJobs", { agentTypes: ["x"], workerId: "" }, ["input", "workerId"]],
    ["claimConversionJobs", { agentTypes: ["x"], count: 101 }, ["input", "count"]],
    ["claimConversionJobs", { agentTypes: ["x"], leaseSeconds: 0 }, ["input", "leaseSeconds"]],
    ["claimConversionJobs", { agentTypes: ["x"], waitSeconds: 31 }, ["input", "waitSeconds"]],
    ["reportProgress", { jobs: [{ ...held, progress: 101 }] }, ["input", "jobs", 0, "progress"]],
    ["completeConversionJobs", { jobs: [] }, ["input", "jobs"]],
    ["completeConversionJobs", { jobs: [held, held] }, ["input", "jobs", 1, "id"]],
    ["completeConversionJobs", { jobs: [{ ...held, id: "Project:1" }] }, ["input", "jobs", 0, "id"]],
    ["failConversionJobs", { jobs: [{ ...held, errorMessage: "" }] }, ["input", "jobs", 0, "errorMessage"]],
    [
      "releaseConversionJobs",
      { jobs: [{ ...held, fencingToken: -1 }] },
      ["input", "jobs", 0, "fencingToken"],
    ],
  ])("%s %j", async (name, input, path) => {
    const document = name === "claimConversionJobs" ? CLAIM : mutation(name);
    const { errors } = await execute(document, { input: { workerId: "ada", ...input } });
    expect(errors).toMatchObject([{ extensions: { code: "VALIDATION_FAILED", issues: [{ path }] } }]);
  });
});
