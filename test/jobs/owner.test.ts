import pg from "pg";
import { beforeEach, describe, expect, test } from "vitest";
import { allows, type JobAction } from "../../src/jobs/lifecycle.ts";
import { createTestApp } from "../support/app.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { insertRows, keyOf, PLAN } from "../support/rows.ts";

const { execute, app, url } = await createTestApp();
const { conversionJobs, jobLeases, projects } = app.repositories;
const pool = new pg.Pool({ connectionString: url });
atEndOfFile(() => pool.end());

const JOB = `ConversionJob:${keyOf(1)}`;
const ADA = {
  workerId: "ada",
  workerUserId: keyOf(1),
  agentTypes: ["converter"],
  leaseSeconds: 60,
  count: 1,
};

beforeEach(async () => {
  await pool.query("TRUNCATE users CASCADE");
  await insertRows(pool, { users: 1, projects: 1, jobs: 1 });
});

async function send(name: string, input: object) {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}`;
  return execute(
    `mutation ($input: ${type}Input!) { ${name}(input: $input) {
       conversionJob { status attempt maxAttempts progress priority workerId errorMessage version } } }`,
    { input },
  );
}
async function change(action: string, input: object = {}) {
  const { data, errors } = await send(`${action}ConversionJob`, { id: JOB, ...input });
  if (errors) return errors[0].extensions;
  return data[`${action}ConversionJob`].conversionJob;
}
const job = async () => (await conversionJobs.findById(keyOf(1)))!;
const projectStatus = async () => (await projects.findById(keyOf(1)))!.status;
const eventTypes = async () =>
  (await pool.query("SELECT type FROM conversion_job_events ORDER BY sequence")).rows.map(({ type }) => type);
const claim = async () => (await jobLeases.claim(ADA))[0]!;
/** Brings the job into a status, by calls of the service. */
const inStatus = {
  PENDING: async () => {},
  RUNNING: claim,
  PAUSED: async () => {
    await claim();
    await change("pause");
  },
  COMPLETED: async () => {
    await jobLeases.complete("ada", [await claim()]);
  },
  FAILED: async () => {
    await jobLeases.fail("ada", [{ ...(await claim()), errorMessage: "x", isRetryable: false }]);
  },
  CANCELLED: () => change("cancel"),
};
type Status = keyof typeof inStatus;
const ACTIONS = ["pause", "resume", "cancel", "retry", "reprioritize"] as const satisfies JobAction[];
const PAIRS = (Object.keys(inStatus) as Status[]).flatMap((status) =>
  ACTIONS.map((action) => [action, status] as const),
);

test.each(PAIRS)(
  "%s of a job that is %s is done or refused as the lifecycle says",
  async (action, status) => {
    await inStatus[status]();
    const before = await job();
    expect(before.status).toBe(status);

    const result = await change(action, action === "reprioritize" ? { priority: 7 } : {});
    if (allows(action, status)) {
      expect(result.version).toBe(before.version + 1);
      expect((await job()).eventSequence).toBe(before.eventSequence + 1);
    } else {
      expect(result).toMatchObject({ code: "INVALID_TRANSITION", from: status, action });
      expect(await job()).toEqual(before);
    }
  },
);

test("an owner's change is made only at the expected version, and only to a job that exists", async () => {
  await claim();
  const { version } = await job();

  expect(await change("pause", { expectedVersion: version + 1 })).toMatchObject({
    code: "VERSION_CONFLICT",
    currentVersion: version,
  });
  expect(await change("pause", { expectedVersion: version })).toMatchObject({ status: "PAUSED" });
  // The version conflict is reported, not the status, because it says more.
  expect(await change("pause", { expectedVersion: version })).toMatchObject({ code: "VERSION_CONFLICT" });
  expect(await change("pause", { id: `ConversionJob:${keyOf(9)}` })).toMatchObject({ code: "NOT_FOUND" });
});

describe("a paused job", () => {
  test("keeps its worker while the lease lasts, and goes on with that worker", async () => {
    const lease = await claim();
    expect(await change("pause")).toMatchObject({ status: "PAUSED", workerId: "ada" });
    expect(await jobLeases.report("ada", [{ ...lease, progress: 30 }])).toMatchObject([
      { isDone: true, job: { status: "PAUSED", progress: 30 } },
    ]);
    expect(await jobLeases.complete("ada", [lease])).toMatchObject([{ isHeld: true, isDone: false }]);
    expect(await projectStatus()).toBe("CONVERTING");

    expect(await change("resume")).toMatchObject({ status: "RUNNING", workerId: "ada", progress: 30 });
    expect(await jobLeases.complete("ada", [lease])).toMatchObject([{ isDone: true }]);
    expect(await eventTypes()).toEqual(["CLAIMED", "PAUSED", "PROGRESS", "RESUMED", "COMPLETED"]);
  });

  test.each([
    ["released it", (lease: { id: string; fencingToken: number }) => jobLeases.release("ada", [lease])],
    [
      "lost its lease, which nobody has noticed yet,",
      () => pool.query("UPDATE conversion_jobs SET lease_expires_at = now() - interval '1 ms'"),
    ],
    [
      "lost its lease",
      async () => {
        await pool.query("UPDATE conversion_jobs SET lease_expires_at = now() - interval '1 ms'");
        await jobLeases.expire(10);
      },
    ],
  ])("whose worker %s waits for the next worker when it is resumed, in the same attempt", async (_, lose) => {
    const lease = await claim();
    await jobLeases.report("ada", [{ ...lease, progress: 30 }]);
    await change("pause");
    await lose(lease);

    expect(await change("resume")).toMatchObject({
      status: "PENDING",
      workerId: null,
      attempt: 1,
      progress: 30,
    });
    expect(await jobLeases.complete("ada", [lease])).toMatchObject([{ isHeld: false }]);
    expect(await claim()).toMatchObject({ fencingToken: 2, attempt: 1, progress: 30 });
  });
});

test("a paused job that loses its worker keeps the reason why an earlier attempt failed", async () => {
  await jobLeases.fail("ada", [{ ...(await claim()), errorMessage: "no space left", isRetryable: true }]);
  await pool.query("UPDATE conversion_jobs SET available_at = now() - interval '1 s'");
  await claim();
  await change("pause");
  await pool.query("UPDATE conversion_jobs SET lease_expires_at = now() - interval '1 ms'");
  await jobLeases.expire(10);

  expect(await job()).toMatchObject({ status: "PAUSED", workerId: null, errorMessage: "no space left" });
  const { rows } = await pool.query("SELECT data FROM conversion_job_events WHERE type = 'EXPIRED'");
  // No attempt has failed this time.
  expect(rows[0].data).not.toHaveProperty("message");
});

test("a job that is cancelled while it runs is lost to its worker, and its project is READY again", async () => {
  const lease = await claim();
  expect(await projectStatus()).toBe("CONVERTING");

  expect(await change("cancel")).toMatchObject({ status: "CANCELLED", workerId: null });
  expect(await projectStatus()).toBe("READY");
  expect(await jobLeases.report("ada", [lease])).toMatchObject([
    { isHeld: false, job: { status: "CANCELLED" } },
  ]);
});

test("cancelling a job that no worker has begun leaves its project's status as it is", async () => {
  await change("cancel");
  expect(await projectStatus()).toBe("IMPORTED");
});

test("a job that is deleted while it runs leaves its project READY", async () => {
  await claim();
  const { errors } = await execute(`mutation { deleteConversionJob(input: { id: "${JOB}" }) { deletedId } }`);
  expect(errors).toBeUndefined();
  expect(await projectStatus()).toBe("READY");
});

test("a retry gives a failed job more attempts, and the job can be claimed at once", async () => {
  await inStatus.FAILED();
  expect(await projectStatus()).toBe("FAILED");

  expect(await change("retry", { attempts: 2 })).toMatchObject({
    status: "PENDING",
    attempt: 2,
    maxAttempts: 3,
    progress: 0,
    errorMessage: null,
  });
  expect(await projectStatus()).toBe("CONVERTING");
  expect(await claim()).toMatchObject({ fencingToken: 2 });
});

test("the priority decides which job is claimed first", async () => {
  await insertJob(2);
  await change("reprioritize", { priority: -1 });
  expect(await claim()).toMatchObject({ id: keyOf(2) });
  expect(await change("reprioritize", { priority: 1_001 })).toMatchObject({ code: "VALIDATION_FAILED" });
});

const insertJob = (n: number) =>
  pool.query("INSERT INTO conversion_jobs (id, project_id, plan) VALUES ($1, $2, $3)", [
    keyOf(n),
    keyOf(1),
    JSON.stringify(PLAN),
  ]);

describe("a plan's files", () => {
  const plan = (inputFiles: string[], outputFiles: string[] = []) => {
    const { status: _, ...task } = PLAN.tasks[0]!;
    return { tasks: [{ ...task, inputFiles, outputFiles }] };
  };
  const create = async (...files: Parameters<typeof plan>) => {
    const { data, errors } = await send("createConversionJob", {
      projectId: `Project:${keyOf(1)}`,
      plan: plan(...files),
      priority: 3,
    });
    return errors?.[0].extensions ?? data.createConversionJob.conversionJob;
  };

  test("may be any if the project's file structure is not known, or not yet", async () => {
    expect(await create(["nowhere"])).toMatchObject({ status: "PENDING", priority: 3 });
    await pool.query("INSERT INTO project_files VALUES ($1, 'a.js', 1)", [keyOf(1)]);
    await pool.query("UPDATE projects SET status = 'ANALYZING'");
    expect(await create(["nowhere"])).toMatchObject({ status: "PENDING" });
  });

  test("must be the project's, or be written by the plan itself", async () => {
    await pool.query("INSERT INTO project_files VALUES ($1, 'a.js', 1)", [keyOf(1)]);

    expect(await create(["a.js", "b.js"], ["b.js"])).toMatchObject({ status: "PENDING" });
    expect(await create(["a.js", "b.js", "c.js"])).toMatchObject({
      code: "VALIDATION_FAILED",
      issues: [
        { path: ["input", "plan", "tasks", 0, "inputFiles", 1] },
        { path: ["input", "plan", "tasks", 0, "inputFiles", 2] },
      ],
    });
    const { errors } = await send("updateConversionJob", { id: JOB, plan: plan(["c.js"]) });
    expect(errors).toMatchObject([{ extensions: { code: "VALIDATION_FAILED" } }]);
    expect(await job()).toMatchObject({ version: 1, eventSequence: 0 });
  });
});

test("the error for circular dependencies names their tasks", async () => {
  const { status: _, ...task } = PLAN.tasks[0]!;
  const tasks = [
    { ...task, id: "a", dependencies: ["b"] },
    { ...task, id: "b", dependencies: ["a"] },
  ];
  const { errors } = await send("createConversionJob", { projectId: `Project:${keyOf(1)}`, plan: { tasks } });
  expect(errors![0].extensions.issues).toEqual([
    { path: ["input", "plan", "tasks"], message: "expected no circular dependencies, got a → b → a" },
  ]);
});
