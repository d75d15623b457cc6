import { beforeEach, describe, expect, test } from "vitest";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf, PLAN, timeOf } from "../support/rows.ts";
import { recordStatements } from "../support/sql.ts";

const { pool, empty, repositories } = await createTestRepositories();
const { conversionJobs } = repositories;

beforeEach(empty);

const numbers = ({ rows }: { rows: readonly { id: string }[] }) => rows.map(({ id }) => Number(id.slice(24)));
/** Ends job n as `status`, `seconds` after it began, `hoursAgo` hours ago. */
const end = (n: number, status: string, seconds = 10, hoursAgo = 0) =>
  pool.query(
    `UPDATE conversion_jobs SET status = $2, completed_at = now() - $4::int * interval '1 hour',
            started_at = now() - $4::int * interval '1 hour' - $3::int * interval '1 second' WHERE id = $1`,
    [keyOf(n), status, seconds, hoursAgo],
  );

test("finds jobs by id without their documents, and the documents separately", async () => {
  await insertRows(pool, { users: 1, projects: 2, jobs: 3 });

  const job = {
    id: keyOf(3),
    projectId: keyOf(1),
    status: "PENDING",
    progress: 0,
    currentTask: null,
    errorMessage: null,
    priority: 0,
    agentTypes: ["converter"],
    attempt: 1,
    maxAttempts: 3,
    availableAt: expect.any(Date),
    workerId: null,
    workerUserId: null,
    fencingToken: 0,
    leaseExpiresAt: null,
    eventSequence: 0,
    startedAt: null,
    completedAt: null,
    version: 1,
    createdAt: timeOf(3),
    updatedAt: timeOf(3),
  };
  expect(await conversionJobs.findById(keyOf(3))).toEqual(job);
  expect(await conversionJobs.findByIds([keyOf(9), keyOf(3)])).toEqual([null, job]);
  expect(await conversionJobs.findDocumentsByIds([keyOf(3), keyOf(9)])).toEqual([
    { id: keyOf(3), plan: PLAN, results: [] },
    null,
  ]);
});

test("lists by project, by status and the active ones, and counts the same rows", async () => {
  await insertRows(pool, { users: 1, projects: 2, jobs: 6 });
  await end(1, "COMPLETED");
  await end(2, "FAILED");
  await end(3, "CANCELLED");
  await pool.query("UPDATE conversion_jobs SET status = 'RUNNING', started_at = now() WHERE id = $1", [
    keyOf(4),
  ]);
  await pool.query("UPDATE conversion_jobs SET status = 'PAUSED', started_at = now() WHERE id = $1", [
    keyOf(5),
  ]);

  expect(numbers(await conversionJobs.findMany())).toEqual([6, 5, 4, 3, 2, 1]);
  expect(numbers(await conversionJobs.findMany({}, {}, { by: "createdAt", direction: "ASC" }))).toEqual([
    1, 2, 3, 4, 5, 6,
  ]);
  expect(numbers(await conversionJobs.findByProject(keyOf(1)))).toEqual([5, 3, 1]);
  expect(numbers(await conversionJobs.findByStatus("FAILED"))).toEqual([2]);
  expect(numbers(await conversionJobs.findActive())).toEqual([6, 5, 4]);
  expect(numbers(await conversionJobs.findMany({ projectId: keyOf(1), isActive: true }))).toEqual([5]);
  expect(await conversionJobs.count()).toBe(6);
  expect(await conversionJobs.count({ isActive: true })).toBe(3);
  expect(await conversionJobs.count({ projectId: keyOf(2), status: "FAILED" })).toBe(1);
});

test("statistics give the counts by status, the share of successes and their average duration", async () => {
  await insertRows(pool, { users: 1, projects: 2, jobs: 8 });
  await end(1, "COMPLETED", 10);
  await end(3, "COMPLETED", 20);
  await end(5, "COMPLETED", 60);
  await end(7, "FAILED", 1_000);
  await end(2, "CANCELLED", 1_000);

  expect(await conversionJobs.statisticsByProjects([keyOf(1), keyOf(2), keyOf(9), null])).toEqual([
    {
      total: 4,
      byStatus: [
        { status: "COMPLETED", count: 3 },
        { status: "FAILED", count: 1 },
      ],
      successRate: 0.75,
      averageDurationSeconds: 30,
    },
    {
      total: 4,
      byStatus: [
        { status: "PENDING", count: 3 },
        { status: "CANCELLED", count: 1 },
      ],
      successRate: null,
      averageDurationSeconds: null,
    },
    { total: 0, byStatus: [], successRate: null, averageDurationSeconds: null },
    expect.objectContaining({ total: 8, successRate: 0.75, averageDurationSeconds: 30 }),
  ]);
  expect(await conversionJobs.statistics(keyOf(9))).toMatchObject({ total: 0 });
  expect(await conversionJobs.statistics()).toMatchObject({ total: 8 });
});

test("a new job is PENDING; without its project it is a CONFLICT", async () => {
  await insertRows(pool, { users: 1, projects: 1 });

  const created = await conversionJobs.create({ projectId: keyOf(1), plan: PLAN });
  expect(created).toMatchObject({ projectId: keyOf(1), status: "PENDING", progress: 0, version: 1 });
  expect(created).not.toHaveProperty("plan");
  expect(await conversionJobs.findDocumentsByIds([created.id])).toEqual([
    { id: created.id, plan: PLAN, results: [] },
  ]);
  await expect(conversionJobs.create({ projectId: keyOf(9), plan: PLAN })).rejects.toMatchObject({
    code: "CONFLICT",
  });
});

describe("an update of the plan", () => {
  const plan = { ...PLAN, warnings: ["changed"] };
  beforeEach(() => insertRows(pool, { users: 1, projects: 1, jobs: 1 }));

  test("replaces it as a whole and raises the version", async () => {
    expect(await conversionJobs.update(keyOf(1), { plan }, 1)).toMatchObject({
      version: 2,
      status: "PENDING",
    });
    expect(await conversionJobs.findDocumentsByIds([keyOf(1)])).toMatchObject([{ plan }]);
  });

  test("is refused with the reason: version, status, or no such job", async () => {
    await conversionJobs.update(keyOf(1), { plan });
    await expect(conversionJobs.update(keyOf(1), { plan }, 1)).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
      details: { expectedVersion: 1, currentVersion: 2 },
    });
    await end(1, "FAILED");
    await expect(conversionJobs.update(keyOf(1), { plan })).rejects.toMatchObject({
      code: "CONFLICT",
      details: { status: "FAILED" },
    });
    // The version comes before the status: a caller that sends an old version has not seen the job's end.
    await expect(conversionJobs.update(keyOf(1), { plan }, 2)).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
    });
    await expect(conversionJobs.update(keyOf(9), { plan })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

test("a delete is made only at the expected version", async () => {
  await insertRows(pool, { users: 1, projects: 1, jobs: 2 });

  await expect(conversionJobs.delete(keyOf(1), 7)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  await conversionJobs.delete(keyOf(1), 1);
  await expect(conversionJobs.delete(keyOf(1))).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(numbers(await conversionJobs.findMany())).toEqual([2]);
});

describe("cleaning up", () => {
  beforeEach(async () => {
    await insertRows(pool, { users: 1, projects: 1, jobs: 30 });
    // 25 jobs have ended, job n n hours ago. Five have not.
    for (let n = 1; n <= 25; n++) await end(n, ["COMPLETED", "FAILED", "CANCELLED"][n % 3]!, 1, n);
  });
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);

  test("deletes jobs that ended before the given time, oldest first, in batches with a transaction each", async () => {
    const recording = recordStatements(pool);
    const progress: number[] = [];

    const deleted = await conversionJobs.deleteFinished(hoursAgo(10.5), {
      batchSize: 6,
      onProgress: (count) => progress.push(count),
    });
    recording.stop();

    expect(deleted).toBe(15);
    expect(progress).toEqual([6, 12, 15]);
    expect(recording.statements.filter(({ text }) => text === "COMMIT")).toHaveLength(3);
    expect(numbers(await conversionJobs.findMany({}, { first: 100 })).sort((a, b) => a - b)).toEqual([
      ...Array.from({ length: 10 }, (_, n) => n + 1),
      26,
      27,
      28,
      29,
      30,
    ]);
    expect(await conversionJobs.deleteFinished(hoursAgo(10.5))).toBe(0);
  });

  test("leaves the oldest jobs deleted when it is interrupted", async () => {
    const controller = new AbortController();

    await expect(
      conversionJobs.deleteFinished(hoursAgo(0), {
        batchSize: 4,
        signal: controller.signal,
        onProgress: (count) => {
          if (count === 8) controller.abort(new Error("enough"));
        },
      }),
    ).rejects.toThrow("enough");
    const left = numbers(await conversionJobs.findMany({}, { first: 100 }));
    expect(left).toHaveLength(22);
    expect(left).not.toContain(25);
    expect(left).toContain(17);
    expect(left).not.toContain(18);
  });

  test("skips a job that another transaction has locked, without waiting for it", async () => {
    const client = await pool.connect();
    await client.query("BEGIN");
    await client.query("SELECT 1 FROM conversion_jobs WHERE id = $1 FOR UPDATE", [keyOf(25)]);

    expect(await conversionJobs.deleteFinished(hoursAgo(20.5))).toBe(4);
    await client.query("ROLLBACK");
    client.release();
    expect(await conversionJobs.deleteFinished(hoursAgo(20.5))).toBe(1);
  });
});
