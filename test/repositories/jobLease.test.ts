import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { OutcomeUnknown } from "../../src/database/errors.ts";
import type { HeldJob } from "../../src/repositories/jobLease.ts";
import { loseCommits } from "../support/lostCommits.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { recordStatements, withoutTransactionControl } from "../support/sql.ts";

const network = await loseCommits((await createTestDatabase()).url);
const { pool, empty, repositories } = await createTestRepositories({ url: network.url });
const { conversionJobs, jobEvents, jobLeases, projects } = repositories;

const ADA = { workerId: "ada", agentTypes: ["converter"], leaseSeconds: 60, count: 1 };
const BOB = { ...ADA, workerId: "bob" };

beforeEach(async () => {
  await empty();
  await insertRows(pool, { users: 1, projects: 2, jobs: 4 });
});

const numbers = (rows: readonly { id: string }[]) => rows.map(({ id }) => Number(id.slice(24)));
const held = (rows: readonly HeldJob[]) => rows.map(({ id, fencingToken }) => ({ id, fencingToken }));
const job = async (n: number) => (await conversionJobs.findById(keyOf(n)))!;
const statusOfProject = async (n: number) => (await projects.findById(keyOf(n)))!.status;
const eventsOf = async (n: number) =>
  (await jobEvents.findMany(keyOf(n), { first: 100 })).rows.map(({ sequence, type, data }) => [
    sequence,
    type,
    data,
  ]);
/** Lets the lease expire at once. */
const expireLease = (n: number) =>
  pool.query("UPDATE conversion_jobs SET lease_expires_at = now() - interval '1 ms' WHERE id = $1", [
    keyOf(n),
  ]);
const makeAvailable = () =>
  pool.query("UPDATE conversion_jobs SET available_at = now() - interval '1 second'");
/** Claims the first job, which is job 1. */
const claimFirst = async (claim = ADA) => held(await jobLeases.claim(claim));

describe("a claim", () => {
  test("gets a job under a lease, with a fencing token, and sets its project to CONVERTING", async () => {
    const [claimed] = await jobLeases.claim(ADA);

    expect(claimed).toMatchObject({
      id: keyOf(1),
      status: "RUNNING",
      workerId: "ada",
      fencingToken: 1,
      attempt: 1,
      progress: 0,
      version: 2,
      eventSequence: 1,
    });
    expect(claimed!.leaseExpiresAt!.getTime() - claimed!.startedAt!.getTime()).toBe(60_000);
    const { documents, ...row } = claimed!;
    expect(await job(1)).toEqual(row);
    expect(documents).toMatchObject({ plan: { tasks: [{ id: "t1", status: "PENDING" }] }, results: [] });
    expect(await statusOfProject(1)).toBe("CONVERTING");
    expect(await statusOfProject(2)).toBe("IMPORTED");
    expect(await eventsOf(1)).toEqual([
      [1, "CLAIMED", { status: "RUNNING", attempt: 1, progress: 0, workerId: "ada", fencingToken: 1 }],
    ]);
  });

  test("takes the highest priority first, then the oldest, and skips jobs that are not available yet", async () => {
    await pool.query("UPDATE conversion_jobs SET priority = 5 WHERE id = $1", [keyOf(3)]);
    await pool.query("UPDATE conversion_jobs SET available_at = now() + interval '1 hour' WHERE id = $1", [
      keyOf(1),
    ]);

    expect(numbers(await jobLeases.claim({ ...ADA, count: 2 }))).toEqual([3, 2]);
    expect(numbers(await jobLeases.claim({ ...ADA, count: 100 }))).toEqual([4]);
    expect(await jobLeases.claim({ ...ADA, count: 100 })).toEqual([]);
  });

  test("takes only jobs whose plans need no agent type that the worker lacks", async () => {
    const plan = (agentTypes: string[]) =>
      JSON.stringify({ tasks: agentTypes.map((agentType) => ({ agentType })) });
    await pool.query("UPDATE conversion_jobs SET plan = $2 WHERE id = $1", [keyOf(1), plan(["b", "a", "b"])]);
    await pool.query("UPDATE conversion_jobs SET plan = $2 WHERE id = $1", [keyOf(2), plan(["a"])]);

    expect((await job(1)).agentTypes).toEqual(["a", "b"]);
    expect(numbers(await jobLeases.claim({ ...ADA, agentTypes: ["a"], count: 4 }))).toEqual([2]);
    expect(numbers(await jobLeases.claim({ ...ADA, agentTypes: ["c", "a", "b"], count: 4 }))).toEqual([1]);
    expect(numbers(await jobLeases.claim({ ...ADA, agentTypes: [], count: 4 }))).toEqual([]);
  });

  test("waits for no other claim, and no two claims get the same job", async () => {
    const client = await pool.connect();
    await client.query("BEGIN");
    await client.query("SELECT FROM conversion_jobs WHERE id = $1 FOR UPDATE", [keyOf(1)]);
    expect(numbers(await jobLeases.claim(ADA))).toEqual([2]);
    await client.query("ROLLBACK");
    client.release();

    const rest = await Promise.all(Array.from({ length: 8 }, () => jobLeases.claim(BOB)));
    expect(numbers(rest.flat()).sort()).toEqual([1, 3, 4]);
  });

  test("is one statement, however many jobs it gets, and so is every later call about them", async () => {
    const recording = recordStatements(pool);
    const jobs = await jobLeases.claim({ ...ADA, count: 4 });
    await jobLeases.report("ada", held(jobs));
    await jobLeases.complete("ada", held(jobs));
    recording.stop();

    expect(withoutTransactionControl(recording.statements)).toHaveLength(3);
  });
});

describe("a report", () => {
  test("renews the lease, raises the progress and appends an event", async () => {
    const [lease] = await claimFirst();
    await pool.query(
      "UPDATE conversion_jobs SET lease_expires_at = now() + interval '1 s' WHERE worker_id = 'ada'",
    );

    const [outcome] = await jobLeases.report("ada", [{ ...lease!, progress: 40, currentTask: "reading" }]);

    expect(outcome).toMatchObject({
      isHeld: true,
      isDone: true,
      job: { progress: 40, currentTask: "reading", eventSequence: 2 },
    });
    expect(outcome!.job.leaseExpiresAt!.getTime()).toBeGreaterThan(Date.now() + 50_000);
    expect((await eventsOf(1))[1]).toEqual([
      2,
      "PROGRESS",
      {
        status: "RUNNING",
        attempt: 1,
        progress: 40,
        currentTask: "reading",
        workerId: "ada",
        fencingToken: 1,
      },
    ]);
  });

  test("never lowers the progress, and adds neither an event nor a version when it says nothing new", async () => {
    const [lease] = await claimFirst();
    await jobLeases.report("ada", [{ ...lease!, progress: 40, currentTask: "reading" }]);
    const { version } = await job(1);

    for (const heartbeat of [{}, { progress: 40 }, { progress: 39 }, { currentTask: "reading" }]) {
      await pool.query("UPDATE conversion_jobs SET lease_expires_at = now() + interval '1 s' WHERE id = $1", [
        keyOf(1),
      ]);
      const before = await job(1);
      const [outcome] = await jobLeases.report("ada", [{ ...lease!, ...heartbeat }]);
      expect(outcome!.job).toEqual({ ...before, leaseExpiresAt: expect.any(Date) });
      expect(outcome!.job.leaseExpiresAt!.getTime()).toBeGreaterThan(before.leaseExpiresAt!.getTime());
    }
    await jobLeases.report("ada", [{ ...lease!, currentTask: null }]);

    expect(await job(1)).toMatchObject({ progress: 40, currentTask: null, eventSequence: 3 });
    expect((await job(1)).version).toBeGreaterThan(version);
    expect(numbers((await jobEvents.findMany(keyOf(1))).rows.map(({ jobId }) => ({ id: jobId })))).toEqual([
      1, 1, 1,
    ]);
  });

  test("that waited for another one takes nothing back of what that one has renewed, and is no change of the job", async () => {
    const [lease] = await claimFirst();
    const { version } = await job(1);
    const other = await pool.connect();
    await other.query("BEGIN");
    await other.query("SELECT FROM conversion_jobs WHERE id = $1 FOR UPDATE", [keyOf(1)]);
    const waiting = jobLeases.report("ada", [lease!]);
    const waitingResult = repositories.jobResults.report("ada", {
      ...lease!,
      result: { taskId: "t1", status: "COMPLETED", output: null, error: null, fileChanges: [] },
    });
    await sleep(500);
    const { rows } = await other.query(
      `UPDATE conversion_jobs SET lease_expires_at = clock_timestamp() + interval '60 s' WHERE id = $1
       RETURNING lease_expires_at AS renewed`,
      [keyOf(1)],
    );
    await other.query("COMMIT");
    other.release();
    const [[heartbeat], result] = await Promise.all([waiting, waitingResult]);
    for (const outcome of [heartbeat, result]) {
      expect(outcome!.job.leaseExpiresAt!.getTime()).toBeGreaterThanOrEqual(rows[0].renewed.getTime());
    }
    // Of the two reports, one has said something new.
    expect((await job(1)).version).toBe(version + 1);
  });

  test("has an outcome for each job of the call", async () => {
    const [first, second] = await claimFirst({ ...ADA, count: 2 });
    await expireLease(2);

    expect(
      await jobLeases.report("ada", [
        { ...second!, progress: 10 },
        { id: keyOf(9), fencingToken: 1 },
        { ...first!, progress: 20 },
        { id: keyOf(3), fencingToken: 0 },
      ]),
    ).toMatchObject([
      { isHeld: false, isDone: false, job: { id: keyOf(2), progress: 0 } },
      null,
      { isHeld: true, isDone: true, job: { id: keyOf(1), progress: 20 } },
      { isHeld: false, isDone: false, job: { id: keyOf(3), status: "PENDING" } },
    ]);
  });
});

describe("the end of a job", () => {
  test("is COMPLETED at 100 percent, and the project is COMPLETED when its other jobs have ended too", async () => {
    const leases = await claimFirst({ ...ADA, count: 3 });
    await jobLeases.report("ada", [{ ...leases[0]!, progress: 40, currentTask: "reading" }]);

    const [outcome] = await jobLeases.complete("ada", [leases[0]!]);
    expect(outcome!.job).toMatchObject({
      status: "COMPLETED",
      progress: 100,
      currentTask: null,
      workerId: null,
      leaseExpiresAt: null,
      completedAt: expect.any(Date),
      fencingToken: 1,
    });
    // Job 3 of the same project is still running.
    expect(await statusOfProject(1)).toBe("CONVERTING");
    await jobLeases.complete("ada", [leases[2]!]);
    expect(await statusOfProject(1)).toBe("COMPLETED");
    expect(await statusOfProject(2)).toBe("CONVERTING");
    expect((await eventsOf(1)).map(([sequence, type]) => [sequence, type])).toEqual([
      [1, "CLAIMED"],
      [2, "PROGRESS"],
      [3, "COMPLETED"],
    ]);
  });

  test("completes the project even when several of its jobs end at the same moment", async () => {
    for (let round = 0; round < 10; round++) {
      await empty();
      await insertRows(pool, { users: 1, projects: 1, jobs: 8 });
      const leases = await claimFirst({ ...ADA, count: 8 });
      await Promise.all(leases.map((lease) => jobLeases.complete("ada", [lease])));
      expect(await statusOfProject(1)).toBe("COMPLETED");
    }
  });

  test("is FAILED at once when the failure is not retryable", async () => {
    const [lease] = await claimFirst();
    await pool.query("DELETE FROM conversion_jobs WHERE id <> $1", [keyOf(1)]);

    const [outcome] = await jobLeases.fail("ada", [
      { ...lease!, errorMessage: "no way", isRetryable: false },
    ]);
    expect(outcome!.job).toMatchObject({
      status: "FAILED",
      errorMessage: "no way",
      attempt: 1,
      workerId: null,
      completedAt: expect.any(Date),
    });
    expect(await statusOfProject(1)).toBe("FAILED");
    expect((await eventsOf(1))[1]).toEqual([
      2,
      "FAILED",
      {
        status: "FAILED",
        attempt: 1,
        progress: 0,
        workerId: "ada",
        fencingToken: 1,
        message: "no way",
      },
    ]);
  });

  test("is FAILED only after the allowed number of attempts, each after a longer pause", async () => {
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      const [lease] = await claimFirst();
      await jobLeases.report("ada", [{ ...lease!, progress: 50 }]);
      const [outcome] = await jobLeases.fail("ada", [{ ...lease!, errorMessage: "oops", isRetryable: true }]);
      const { updatedAt, availableAt } = outcome!.job;
      if (attempt < 3) {
        expect(outcome!.job).toMatchObject({ status: "PENDING", attempt: attempt + 1, progress: 0 });
        expect(await statusOfProject(1)).toBe("CONVERTING");
        pauses.push(availableAt.getTime() - updatedAt.getTime());
        // Not available before the pause is over, even when no other job is.
        await pool.query("DELETE FROM conversion_jobs WHERE id <> $1", [keyOf(1)]);
        expect(await jobLeases.claim(ADA)).toEqual([]);
        await makeAvailable();
      }
    }

    expect(await job(1)).toMatchObject({ status: "FAILED", attempt: 3, fencingToken: 3, progress: 50 });
    expect(pauses[0]).toBeGreaterThanOrEqual(500);
    expect(pauses[0]).toBeLessThanOrEqual(1_000);
    expect(pauses[1]).toBeGreaterThanOrEqual(1_000);
    expect(pauses[1]).toBeLessThanOrEqual(2_000);
    expect((await eventsOf(1)).map(([, type]) => type)).toEqual([
      ...["CLAIMED", "PROGRESS", "ATTEMPT_FAILED"],
      ...["CLAIMED", "PROGRESS", "ATTEMPT_FAILED"],
      ...["CLAIMED", "PROGRESS", "FAILED"],
    ]);
  });
});

test("a release gives the job back in the same attempt, with its progress", async () => {
  const [lease] = await claimFirst();
  await jobLeases.report("ada", [{ ...lease!, progress: 30, currentTask: "reading" }]);

  const [outcome] = await jobLeases.release("ada", [lease!]);
  expect(outcome!.job).toMatchObject({
    status: "PENDING",
    attempt: 1,
    progress: 30,
    currentTask: null,
    workerId: null,
  });
  expect(await statusOfProject(1)).toBe("CONVERTING");
  expect(await jobLeases.claim(BOB)).toMatchObject([{ id: keyOf(1), fencingToken: 2, progress: 30 }]);
});

test("claims whose COMMIT was not answered are not run again, because they would claim further jobs", async () => {
  await empty();
  await insertRows(pool, { users: 1, projects: 2, jobs: 10 });
  const first = jobLeases.claim(ADA);
  const together = [ADA, BOB, { ...ADA, workerId: "eve" }].map((claim) => jobLeases.claim(claim));
  await first;
  network.loseNext();
  for (const claim of together) await expect(claim).rejects.toBeInstanceOf(OutcomeUnknown);
  const { rows } = await pool.query(
    "SELECT worker_id, count(*)::int FROM conversion_jobs WHERE worker_id IS NOT NULL GROUP BY 1 ORDER BY 1",
  );
  expect(rows).toEqual([
    { worker_id: "ada", count: 2 },
    { worker_id: "bob", count: 1 },
    { worker_id: "eve", count: 1 },
  ]);
});

describe("a lost lease", () => {
  const calls: [string, (workerId: string, lease: HeldJob) => Promise<unknown[]>][] = [
    ["report", (workerId, lease) => jobLeases.report(workerId, [{ ...lease, progress: 99 }])],
    ["complete", (workerId, lease) => jobLeases.complete(workerId, [lease])],
    [
      "fail",
      (workerId, lease) => jobLeases.fail(workerId, [{ ...lease, errorMessage: "x", isRetryable: false }]),
    ],
    ["release", (workerId, lease) => jobLeases.release(workerId, [lease])],
  ];

  test.each(calls)(
    "lets %s change nothing: expired, claimed again, another worker's, ended",
    async (_, call) => {
      const lost = { isHeld: false, isDone: false };
      const [lease] = await claimFirst();
      const attempt = async (workerId: string, given: HeldJob) => {
        const before = [await job(1), await eventsOf(1), await statusOfProject(1)];
        expect(await call(workerId, given)).toMatchObject([lost]);
        expect([await job(1), await eventsOf(1), await statusOfProject(1)]).toEqual(before);
      };

      await attempt("bob", lease!);
      await attempt("ada", { ...lease!, fencingToken: 0 });
      await attempt("ada", { ...lease!, fencingToken: 2 });
      await expireLease(1);
      await attempt("ada", lease!);
      await jobLeases.expire(10);
      await attempt("ada", lease!);
      await makeAvailable();
      const [next] = await claimFirst();
      expect(next).toEqual({ id: keyOf(1), fencingToken: 2 });
      await attempt("ada", lease!);
      await jobLeases.complete("ada", [next!]);
      await attempt("ada", next!);
    },
  );
});

describe("the expiry of leases", () => {
  test("returns a job for another attempt after a pause, and fails it after the last attempt", async () => {
    for (let attempt = 1; attempt <= 3; attempt++) {
      const [lease] = await claimFirst();
      await jobLeases.report("ada", [{ ...lease!, progress: 50, currentTask: "reading" }]);
      expect(await jobLeases.expire(10)).toEqual([]);
      await expireLease(1);
      const [expired] = await jobLeases.expire(10);
      expect(expired).toMatchObject({
        id: keyOf(1),
        workerId: null,
        currentTask: null,
        ...(attempt < 3
          ? { status: "PENDING", attempt: attempt + 1, progress: 0, completedAt: null }
          : { status: "FAILED", attempt: 3, progress: 50, completedAt: expect.any(Date) }),
      });
      if (attempt < 3) expect(expired!.availableAt.getTime()).toBeGreaterThan(expired!.updatedAt.getTime());
      await makeAvailable();
    }

    // Job 3 of the same project has not ended yet.
    expect(await statusOfProject(1)).toBe("CONVERTING");
    await pool.query("UPDATE conversion_jobs SET status = 'CANCELLED', completed_at = now() WHERE id = $1", [
      keyOf(3),
    ]);
    expect(await statusOfProject(1)).toBe("FAILED");
    expect((await eventsOf(1)).at(-1)).toEqual([
      9,
      "EXPIRED",
      {
        status: "FAILED",
        attempt: 3,
        progress: 50,
        workerId: "ada",
        fencingToken: 3,
        message: "The worker was not heard of until its lease expired.",
      },
    ]);
  });

  test("takes a paused job from its worker, and changes nothing else", async () => {
    const [lease] = await claimFirst();
    await jobLeases.report("ada", [{ ...lease!, progress: 50 }]);
    await pool.query("UPDATE conversion_jobs SET status = 'PAUSED' WHERE id = $1", [keyOf(1)]);
    await expireLease(1);

    expect(await jobLeases.expire(10)).toMatchObject([
      { status: "PAUSED", attempt: 1, progress: 50, workerId: null },
    ]);
  });

  test("happens once when several instances notice it, and to no more jobs per call than the limit", async () => {
    await claimFirst({ ...ADA, count: 4 });
    await pool.query("UPDATE conversion_jobs SET lease_expires_at = now() - interval '1 ms'");

    expect(await jobLeases.expire(1)).toHaveLength(1);
    const rounds = await Promise.all([1, 2, 3].map(() => jobLeases.expire(10)));
    expect(rounds.flat()).toHaveLength(3);
    for (const n of [1, 2, 3, 4]) expect(await job(n)).toMatchObject({ attempt: 2, eventSequence: 2 });
  });
});
