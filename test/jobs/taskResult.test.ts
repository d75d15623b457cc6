import pg from "pg";
import { beforeEach, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { insertRows, keyOf } from "../support/rows.ts";

const { execute, app, url } = await createTestApp();
const { conversionJobs, jobLeases } = app.repositories;
const pool = new pg.Pool({ connectionString: url });
atEndOfFile(() => pool.end());

const ADA = { workerId: "ada", agentTypes: ["converter"], leaseSeconds: 60, count: 1 };
const RESULT = {
  taskId: "t1",
  status: "COMPLETED",
  output: "done",
  fileChanges: [{ path: "src/index.ts", kind: "CREATED" }],
};

beforeEach(async () => {
  await pool.query("TRUNCATE users CASCADE");
  await insertRows(pool, { users: 1, projects: 1, jobs: 1 });
});

const job = async () => (await conversionJobs.findById(keyOf(1)))!;
async function report(fencingToken: number, result: object = {}) {
  const { data, errors } = await execute(
    `mutation ($input: ReportTaskResultInput!) { reportTaskResult(input: $input) {
       directive conversionJob { lastEventSequence
         results { taskId status output error attempt fileChanges { path kind summary } } plan { tasks { id status } } } } }`,
    { input: { workerId: "ada", id: `ConversionJob:${keyOf(1)}`, fencingToken, ...RESULT, ...result } },
  );
  return errors?.[0].extensions ?? data.reportTaskResult;
}
const stored = (attempt: number) => ({
  ...RESULT,
  error: null,
  attempt,
  fileChanges: [{ path: "src/index.ts", kind: "CREATED", summary: null }],
});

test("a task's result is stored with its attempt, and the task gets its status in the plan", async () => {
  await jobLeases.claim(ADA);

  expect(await report(1)).toEqual({
    directive: "CONTINUE",
    conversionJob: {
      lastEventSequence: 2,
      results: [stored(1)],
      plan: { tasks: [{ id: "t1", status: "COMPLETED" }] },
    },
  });
  expect(
    (await pool.query("SELECT data FROM conversion_job_events WHERE sequence = 2")).rows[0].data,
  ).toEqual({
    status: "RUNNING",
    attempt: 1,
    progress: 0,
    workerId: "ada",
    fencingToken: 1,
    taskId: "t1",
    taskStatus: "COMPLETED",
  });
});

test("the same result again gives the same answer and changes nothing; another result is a conflict", async () => {
  await jobLeases.claim(ADA);
  const first = await report(1);
  const before = await job();

  expect(await report(1)).toEqual(first);
  expect(await report(1, { output: "something else" })).toMatchObject({ code: "CONFLICT", taskId: "t1" });
  expect(await job()).toEqual(before);
});

test("the next attempt reports anew, and replaces the result of the attempt before", async () => {
  const [lease] = await jobLeases.claim(ADA);
  await report(1, { status: "FAILED", output: null, error: "oops" });
  await jobLeases.fail("ada", [{ ...lease!, errorMessage: "oops", isRetryable: true }]);
  await pool.query("UPDATE conversion_jobs SET available_at = now() - interval '1 second'");
  await jobLeases.claim(ADA);

  expect((await report(2)).conversionJob).toMatchObject({ results: [stored(2)] });
});

test("a result is refused without the lease, and for a task that is not in the plan", async () => {
  await jobLeases.claim(ADA);
  const before = await job();

  expect(await report(7)).toMatchObject({ code: "LEASE_LOST", currentFencingToken: 1 });
  expect(await report(1, { workerId: "bob" })).toMatchObject({ code: "LEASE_LOST" });
  expect(await report(1, { id: `ConversionJob:${keyOf(9)}` })).toMatchObject({ code: "NOT_FOUND" });
  expect(await report(1, { taskId: "t9" })).toMatchObject({
    code: "VALIDATION_FAILED",
    issues: [{ path: ["input", "taskId"] }],
  });
  expect(await report(1, { status: "RUNNING" })).toMatchObject({
    code: "VALIDATION_FAILED",
    issues: [{ path: ["input", "status"] }],
  });
  expect(await job()).toEqual(before);
});

test("a paused job's worker may still report a result, and is told to pause", async () => {
  await jobLeases.claim(ADA);
  await pool.query("UPDATE conversion_jobs SET status = 'PAUSED'");
  expect(await report(1)).toMatchObject({ directive: "PAUSE" });
});
