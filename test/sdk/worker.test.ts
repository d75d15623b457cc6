import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createHeldJob } from "../../src/sdk/heldJob.ts";
import { type Client, createClient } from "../../src/sdk/index.ts";
import {
  createWorker,
  type JobContext,
  JobFailure,
  JobInterruption,
  type Worker,
  type WorkerEvent,
  type WorkerOptions,
} from "../../src/sdk/worker.ts";
import { createLink, type Link } from "../check/coherence/link.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { startProgram } from "../support/process.ts";
import { startService } from "../support/service.ts";
import { createGate, createJobs } from "./support/jobs.ts";

let client: Client;
let jobs: Awaited<ReturnType<typeof createJobs>>;
let url: string;
let port: number;

beforeAll(async () => {
  const service = await startService();
  url = service.url;
  client = createClient({ url });
  port = Number(new URL(url).port);
  jobs = await createJobs(client, service.ownerId);
});

beforeEach(() => jobs.separate());

const running: Worker[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((worker) => worker.stop({ timeoutMs: 0 })));
});

/** Starts a worker that is stopped after the test, and collects the events that it logs. */
function start(options: Partial<WorkerOptions> & Pick<WorkerOptions, "handle">) {
  const events: WorkerEvent[] = [];
  const worker = createWorker({
    client,
    agentTypes: [jobs.agentType()],
    heartbeatSeconds: 0.3,
    waitSeconds: 5,
    log: (event) => events.push(event),
    ...options,
  });
  running.push(worker);
  const done = worker.run();
  return { worker, done, events, types: () => events.map(({ type }) => type) };
}

describe("a worker", () => {
  it("takes the job of the highest priority first, stores its results, reports its progress and completes it", async () => {
    const [low, high] = [await jobs.create(), await jobs.create({ priority: 5 })];
    const { done, types } = start({
      once: true,
      workerId: "anna",
      async handle({ job, reportProgress, reportTaskResult, checkpoint }) {
        for (const [index, { id }] of job.plan.tasks.entries()) {
          await checkpoint();
          await reportProgress({ progress: index * 50, currentTask: `at ${id}` });
          await reportTaskResult({ taskId: id, status: "COMPLETED", output: `did ${id}` });
        }
      },
    });
    await done;
    expect(types()).toEqual(["claimed", "completed", "claimed", "completed"]);
    for (const id of [high, low]) {
      expect(await client.conversionJob({ id })).toMatchObject({
        status: "COMPLETED",
        progress: 100,
        currentTask: null,
        attempt: 1,
        results: [
          { taskId: "a", status: "COMPLETED", output: "did a" },
          { taskId: "b", status: "COMPLETED", output: "did b" },
        ],
      });
      expect(
        (await jobs.events(id)).map(({ type, workerId, progress, currentTask }) =>
          [type, workerId, progress, currentTask].join(" ").trim(),
        ),
      ).toEqual([
        "CREATED  0",
        "CLAIMED anna 0",
        "PROGRESS anna 0 at a",
        "TASK_RESULT anna 0",
        "PROGRESS anna 50 at b",
        "TASK_RESULT anna 50",
        "COMPLETED anna 100",
      ]);
    }
    const [first, second] = [
      await client.conversionJob({ id: high }),
      await client.conversionJob({ id: low }),
    ];
    expect(first!.completedAt! <= second!.startedAt!).toBe(true);
  });

  it("works on `concurrency` jobs at a time, and is woken by jobs that are created later", async () => {
    const all = createGate();
    let atOnce = 0;
    const { types } = start({
      concurrency: 3,
      async handle() {
        atOnce++;
        if (atOnce === 3) all.open();
        await all.opened;
      },
    });
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) ids.push(await jobs.create());
    for (const id of ids) await jobs.until(id, ({ status }) => status === "COMPLETED");
    expect(types().filter((type) => type === "claimed")).toHaveLength(3);
  });

  it("leaves jobs alone that need another agent type", async () => {
    const id = await jobs.create({ agentType: "magician" });
    const { done, events } = start({ once: true, handle: async () => {} });
    await done;
    expect(events).toEqual([]);
    expect((await client.conversionJob({ id }))?.status).toBe("PENDING");
  });

  it("holds a job for longer than its lease by means of heartbeats, which leave no events", async () => {
    const id = await jobs.create();
    const { done } = start({ once: true, leaseSeconds: 5, handle: () => sleep(6_000) });
    await done;
    expect((await jobs.events(id)).map(({ type }) => type)).toEqual(["CREATED", "CLAIMED", "COMPLETED"]);
  });

  it("fails a job whose handler throws, either for another attempt or for good", async () => {
    const id = await jobs.create({ maxAttempts: 3 });
    const attempts: number[] = [];
    const { events } = start({
      async handle({ job }) {
        attempts.push(job.attempt);
        if (job.attempt === 1) throw new Error("no disk");
        throw new JobFailure("no such language");
      },
    });
    const job = await jobs.until(id, ({ status }) => status === "FAILED");
    expect(job).toMatchObject({ attempt: 2, errorMessage: "no such language" });
    expect(attempts).toEqual([1, 2]);
    expect(await jobs.story(id)).toEqual(["CREATED", "CLAIMED", "ATTEMPT_FAILED", "CLAIMED", "FAILED"]);
    expect(events).toMatchObject([
      { type: "claimed" },
      { type: "failed", isRetryable: true },
      { type: "claimed" },
      { type: "failed", isRetryable: false },
    ]);
  });

  it("reports texts that the service cannot store without the characters that it refuses", async () => {
    const [nul, half] = [await jobs.create(), await jobs.create()];
    const { done, events } = start({
      once: true,
      concurrency: 2,
      async handle({ job, reportProgress }) {
        const isFirst = job.id === nul;
        await reportProgress({ currentTask: isFirst ? "a\0b" : `${"x".repeat(999)}😀` });
        throw new JobFailure(isFirst ? "ENOENT: 'a\0b'" : `${"x".repeat(9_999)}😀`);
      },
    });
    await done;
    expect(events.filter(({ type }) => type !== "claimed")).toMatchObject([
      { type: "failed" },
      { type: "failed" },
    ]);
    expect(await client.conversionJob({ id: nul })).toMatchObject({
      status: "FAILED",
      errorMessage: "ENOENT: 'a\uFFFDb'",
    });
    expect(await client.conversionJob({ id: half })).toMatchObject({
      status: "FAILED",
      errorMessage: `${"x".repeat(9_999)}\uFFFD`,
    });
    const tasks = (await Promise.all([nul, half].map(jobs.events))).flatMap((all) =>
      all.filter(({ type }) => type === "PROGRESS").map(({ currentTask }) => currentTask),
    );
    expect(tasks).toEqual(["a\uFFFDb", `${"x".repeat(999)}\uFFFD`]);
  });

  it("gives its handler an error for a task that the plan does not have", async () => {
    const id = await jobs.create({ maxAttempts: 1 });
    const { done } = start({
      once: true,
      handle: ({ reportTaskResult }) => reportTaskResult({ taskId: "z", status: "COMPLETED" }),
    });
    await done;
    const { errorMessage } = await jobs.until(id, ({ status }) => status === "FAILED");
    expect(errorMessage).toContain('got "z"');
  });

  it("ends with the service's error if its claims are refused", async () => {
    const { done } = start({ leaseSeconds: 0.5, handle: async () => {} });
    await expect(done).rejects.toMatchObject({ name: "StackConverterError", code: "BAD_USER_INPUT" });
  });
});

it("fails many jobs at the same moment whose messages are long: no call is too long for a proxy", async () => {
  const ids: string[] = [];
  for (let index = 0; index < 30; index++) ids.push(await jobs.create({ tasks: ["a"], maxAttempts: 1 }));
  const lengths: number[] = [];
  const behindProxy = createClient({
    url,
    async fetch(input, init) {
      const length = Buffer.byteLength(String(init?.body));
      if (String(init?.body).includes("FailConversionJobs")) lengths.push(length);
      return length > 1_048_576 ? new Response("<html>", { status: 413 }) : fetch(input, init);
    },
  });
  const all = createGate();
  let begun = 0;
  const { types, done } = start({
    client: behindProxy,
    concurrency: 30,
    once: true,
    async handle() {
      if (++begun === 30) all.open();
      await all.opened;
      throw new JobFailure("\u0001".repeat(10_000));
    },
  });
  await done;
  expect(types().filter((type) => type === "failed")).toHaveLength(30);
  expect((await client.conversionJob({ id: ids[29]! }))!.status).toBe("FAILED");
  expect(lengths.length).toBeGreaterThan(1);
  expect(lengths.length).toBeLessThan(5);
});

describe("a pause", () => {
  it("aborts the signal, and `checkpoint` waits until the job is resumed", async () => {
    const id = await jobs.create();
    const begun = createGate<JobContext>();
    const { types } = start({
      leaseSeconds: 5,
      async handle(context) {
        begun.open(context);
        while (!context.signal.aborted) await sleep(5);
        await context.checkpoint();
        expect(context.signal.aborted).toBe(false);
        await context.reportTaskResult({ taskId: "a", status: "COMPLETED" });
      },
    });
    const context = await begun.opened;
    await client.pauseConversionJob({ input: { id } });
    const { signal } = context;
    while (!signal.aborted) await sleep(5);
    expect(signal.reason).toBeInstanceOf(JobInterruption);
    expect(signal.reason).toMatchObject({ reason: "PAUSED" });
    // The worker keeps its lease during the pause.
    await sleep(3_500);
    expect(await client.conversionJob({ id })).toMatchObject({
      status: "PAUSED",
    });
    await client.resumeConversionJob({ input: { id } });
    await jobs.until(id, ({ status }) => status === "COMPLETED");
    expect(types()).toEqual(["claimed", "paused", "resumed", "completed"]);
    expect(await jobs.story(id)).toEqual([
      "CREATED",
      "CLAIMED",
      "PAUSED",
      "RESUMED",
      "TASK_RESULT",
      "COMPLETED",
    ]);
  });

  it("releases the job if the handler throws, and keeps what the handler has reported", async () => {
    const id = await jobs.create();
    const seen: string[][] = [];
    const { types } = start({
      async handle({ job, signal, reportTaskResult }) {
        seen.push(job.results.map(({ taskId }) => taskId));
        if (seen.length > 1) return;
        await reportTaskResult({ taskId: "a", status: "COMPLETED" });
        await sleep(60_000, undefined, { signal });
      },
    });
    await jobs.until(id, ({ results }) => results.length === 1);
    await client.pauseConversionJob({ input: { id } });
    await jobs.released(id);
    await client.resumeConversionJob({ input: { id } });
    await jobs.until(id, ({ status }) => status === "COMPLETED");
    expect(seen).toEqual([[], ["a"]]);
    expect(types()).toEqual(["claimed", "paused", "released", "claimed", "completed"]);
    expect((await jobs.events(id)).map(({ attempt }) => attempt)).toEqual(Array(8).fill(1));
  });

  it("delays the completion of a job whose handler ignores its signal", async () => {
    const id = await jobs.create();
    const finish = createGate();
    const { types } = start({ handle: () => finish.opened });
    await jobs.until(id, ({ status }) => status === "RUNNING");
    await client.pauseConversionJob({ input: { id } });
    finish.open();
    while (!types().includes("paused")) await sleep(5);
    await client.resumeConversionJob({ input: { id } });
    await jobs.until(id, ({ status }) => status === "COMPLETED");
    expect(await jobs.story(id)).toEqual(["CREATED", "CLAIMED", "PAUSED", "RESUMED", "COMPLETED"]);
  });
});

describe("a job that a worker loses", () => {
  it("is given up when its owner cancels it", async () => {
    const id = await jobs.create();
    const reasons: unknown[] = [];
    const { events, types } = start({
      async handle({ signal, reportTaskResult, checkpoint }) {
        while (!signal.aborted) await sleep(5);
        reasons.push(signal.reason);
        for (const late of [reportTaskResult({ taskId: "a", status: "COMPLETED" }), checkpoint()])
          await late.catch((error: unknown) => reasons.push(error));
      },
    });
    await jobs.until(id, ({ status }) => status === "RUNNING");
    await client.cancelConversionJob({ input: { id } });
    while (!types().includes("lost")) await sleep(5);
    expect(reasons).toMatchObject(Array(3).fill({ reason: "CANCELLED" }));
    expect(events).toMatchObject([{ type: "claimed" }, { type: "lost", reason: "CANCELLED" }]);
    expect(await jobs.story(id)).toEqual(["CREATED", "CLAIMED", "CANCELLED"]);
  });

  it("is given up when the lease ends by the worker's own clock, without an answer from the service", async () => {
    const link = await createLink(port);
    atEndOfFile(link.close);
    const id = await jobs.create();
    const begun = createGate();
    const lost = createGate<unknown>();
    const { types } = start({
      leaseSeconds: 3,
      client: createClient({ url: `http://127.0.0.1:${link.port}/graphql` }),
      async handle({ signal, reportTaskResult }) {
        begun.open();
        await sleep(60_000, undefined, { signal }).catch(() => {});
        lost.open(signal.reason);
        await reportTaskResult({ taskId: "a", status: "COMPLETED" });
      },
    });
    await begun.opened;
    link.cut();
    expect(await lost.opened).toMatchObject({ reason: "LEASE_LOST" });
    await jobs.until(id, ({ attempt }) => attempt === 2);
    while (!types().includes("lost")) await sleep(5);
    expect(await jobs.story(id)).toEqual(["CREATED", "CLAIMED", "EXPIRED"]);
  });
});

describe("a worker that is stopped for longer than its lease", () => {
  it("has lost its job to another worker, and reports nothing more about it", async () => {
    const id = await jobs.create();
    const stopped = startProgram("test/sdk/support/slowWorker.ts", { args: [url, jobs.agentType()] });
    await stopped.waitForLine("claimed");
    process.kill(stopped.pid, "SIGSTOP");
    await jobs.until(id, ({ attempt }) => attempt === 2);
    start({
      workerId: "second",
      handle: ({ reportTaskResult }) =>
        reportTaskResult({ taskId: "a", status: "COMPLETED", output: "second" }),
    });
    await jobs.until(id, ({ status }) => status === "COMPLETED");
    process.kill(stopped.pid, "SIGCONT");
    await stopped.waitForLine("lost LEASE_LOST");
    expect(await stopped.stop()).toEqual({ code: 0, signal: null });
    expect(stopped.output()).toBe("claimed\ninterrupted LEASE_LOST\nrefused LEASE_LOST\nlost LEASE_LOST\n");
    expect((await jobs.events(id)).map(({ type, workerId }) => `${type} ${workerId}`)).toEqual([
      "CREATED null",
      "CLAIMED slow",
      "EXPIRED slow",
      "CLAIMED second",
      "TASK_RESULT second",
      "COMPLETED second",
    ]);
  });
});

describe("a network that fails", () => {
  let link: Link;
  let far: Client & { url: string };
  beforeAll(async () => {
    link = await createLink(port);
    atEndOfFile(link.close);
    const url = `http://127.0.0.1:${link.port}/graphql`;
    far = { ...createClient({ url }), url };
  });

  it("is waited for, and each result is then reported once", async () => {
    const id = await jobs.create();
    const { done, types } = start({
      client: far,
      once: true,
      async handle({ reportProgress, reportTaskResult }) {
        link.cut();
        void reportProgress({ progress: 10 });
        const stored = reportTaskResult({ taskId: "a", status: "COMPLETED" });
        await sleep(500);
        link.heal();
        await stored;
        link.cut();
        setTimeout(link.heal, 500);
      },
    });
    await done;
    expect(await jobs.story(id)).toEqual(["CREATED", "CLAIMED", "TASK_RESULT", "COMPLETED"]);
    expect(types().filter((type) => type !== "retrying")).toEqual(["claimed", "completed"]);
    expect(types()).toContain("retrying");
  });

  it("may lose any answer, and nothing is done twice", async () => {
    const ids = [await jobs.create(), await jobs.create({ maxAttempts: 1 }), await jobs.create()];
    const lost = new Set<string>();
    const forgetful = createClient({
      url: far.url,
      async fetch(input, init) {
        const response = await fetch(input, init);
        const call = /mutation (\w+)/.exec(String(init?.body))?.[1] ?? "";
        // Heartbeats are left out, because there may be one or none.
        if (lost.has(call) || call === "ReportProgress") return response;
        lost.add(call);
        await response.text();
        throw new TypeError("fetch failed");
      },
    });
    const { done, types } = start({
      client: forgetful,
      once: true,
      concurrency: 3,
      async handle({ job, release, reportTaskResult }) {
        await reportTaskResult({ taskId: "a", status: "COMPLETED" });
        if (job.id === ids[1]) throw new JobFailure("no");
        if (job.id === ids[2] && job.results.length === 0) release();
      },
    });
    await done;
    expect([...lost].sort()).toEqual([
      "ClaimConversionJobs",
      "CompleteConversionJobs",
      "FailConversionJobs",
      "ReleaseConversionJobs",
      "ReportTaskResult",
    ]);
    const results = ["CREATED", "CLAIMED", "TASK_RESULT"];
    expect(await Promise.all(ids.map(jobs.story))).toEqual([
      [...results, "COMPLETED"],
      [...results, "FAILED"],
      [...results, "RELEASED", "CLAIMED", "COMPLETED"],
    ]);
    expect(
      types()
        .filter((type) => type !== "retrying")
        .sort(),
    ).toEqual([...Array(4).fill("claimed"), ...Array(2).fill("completed"), "failed", "released"]);
  });

  it("gives nobody a job whose lease has ended before the claim's answer came", async () => {
    const id = await jobs.create();
    const handled: string[] = [];
    const other = createGate();
    // The first answer is lost. Until the claim is sent again, the lease ends and another worker has the job.
    let isFirst = true;
    const forgetful = createClient({
      url,
      async fetch(input, init) {
        const response = await fetch(input, init);
        if (!isFirst || !String(init?.body).includes("ClaimConversionJobs")) return response;
        isFirst = false;
        await response.text();
        await jobs.until(id, ({ attempt }) => attempt === 2);
        start({
          workerId: "second",
          async handle() {
            handled.push("second");
            await other.opened;
          },
        });
        while (handled.length === 0) await sleep(20);
        throw new TypeError("fetch failed");
      },
    });
    const { types } = start({
      client: forgetful,
      leaseSeconds: 1,
      waitSeconds: 30,
      workerId: "first",
      handle: async () => void handled.push("first"),
    });
    while (!types().includes("retrying")) await sleep(20);
    await sleep(1_000);
    expect(handled).toEqual(["second"]);
    other.open();
    await jobs.until(id, ({ status }) => status === "COMPLETED");
    expect(await jobs.story(id)).toEqual(["CREATED", "CLAIMED", "EXPIRED", "CLAIMED", "COMPLETED"]);
  });

  it("may hold the answer to a claim back: the lease counts from before the claim, and is renewed before the job begins", async () => {
    const id = await jobs.create();
    let heldBack = 0;
    const slow = createClient({
      url,
      async fetch(input, init) {
        const response = await fetch(input, init);
        if (heldBack++ > 0 || !String(init?.body).includes("ClaimConversionJobs")) return response;
        const text = await response.text();
        await jobs.until(id, ({ attempt }) => attempt === 2);
        return new Response(text, response);
      },
    });
    const attempts: number[] = [];
    start({
      client: slow,
      leaseSeconds: 1,
      waitSeconds: 30,
      handle: async ({ job }) => void attempts.push(job.attempt),
    });
    await jobs.until(id, ({ status }) => status === "COMPLETED");
    expect(attempts).toEqual([2]);
  });

  it("does not keep a worker from starting before the service", async () => {
    link.cut();
    const { types } = start({ client: far, handle: async () => {} });
    while (!types().includes("retrying")) await sleep(5);
    const id = await jobs.create();
    link.heal();
    await jobs.until(id, ({ status }) => status === "COMPLETED");
  });
});

describe("stopping", () => {
  it("claims nothing more and lets running jobs finish", async () => {
    const [running, waiting] = [await jobs.create(), await jobs.create()];
    const finish = createGate();
    const { worker, done, types } = start({ handle: () => finish.opened });
    await jobs.until(running, ({ status }) => status === "RUNNING");
    const stopped = worker.stop();
    finish.open();
    await Promise.all([stopped, done]);
    expect(types()).toEqual(["claimed", "completed"]);
    expect((await client.conversionJob({ id: waiting }))?.status).toBe("PENDING");
  });

  it("releases jobs that have not finished in time, whether or not they heed the signal, without a failed attempt", async () => {
    const ids = [await jobs.create(), await jobs.create()];
    const reasons: unknown[] = [];
    let handlers = 0;
    const { worker, types } = start({
      concurrency: 2,
      async handle({ signal }) {
        if (handlers++ === 0) return new Promise(() => {});
        await sleep(60_000, undefined, { signal }).catch((error: Error) => {
          reasons.push(signal.reason);
          throw error;
        });
      },
    });
    for (const id of ids) await jobs.until(id, ({ status }) => status === "RUNNING");
    await worker.stop({ timeoutMs: 100 });
    expect(reasons).toMatchObject([{ reason: "STOPPING" }]);
    expect(types()).toEqual(["claimed", "claimed", "released", "released"]);
    for (const id of ids) {
      expect(await client.conversionJob({ id })).toMatchObject({
        status: "PENDING",
        attempt: 1,
      });
    }
  });

  it("lets running jobs finish however long they take, if it may take for ever", async () => {
    const id = await jobs.create();
    const begun = createGate();
    const finish = createGate();
    const { worker, types } = start({
      async handle() {
        begun.open();
        await finish.opened;
      },
    });
    await begun.opened;
    const stopped = worker.stop({ timeoutMs: Number.POSITIVE_INFINITY });
    await sleep(1_500);
    finish.open();
    await stopped;
    expect(types()).toEqual(["claimed", "completed"]);
    expect((await client.conversionJob({ id }))!.status).toBe("COMPLETED");
  });

  it("does not wait for a paused job", async () => {
    const id = await jobs.create();
    const { worker, types } = start({
      async handle({ signal, checkpoint }) {
        while (!signal.aborted) await sleep(5);
        await checkpoint();
      },
    });
    await jobs.until(id, ({ status }) => status === "RUNNING");
    await client.pauseConversionJob({ input: { id } });
    while (!types().includes("paused")) await sleep(5);
    await worker.stop();
    expect(await client.conversionJob({ id })).toMatchObject({ status: "PAUSED" });
  });

  it("leaves nothing behind that keeps the process alive", async () => {
    const { worker, done } = start({ once: true, handle: async () => {} });
    await done;
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    await worker.stop();
    expect(timers()).toBe(before);
  });

  it("leaves nothing behind when a report is answered or fails only after its job has ended", async () => {
    const id = await jobs.create();
    const [claim] = (
      await client.claimConversionJobs({ input: { workerId: "anna", agentTypes: [jobs.agentType()] } })
    ).claims;
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    const held = createHeldJob({
      claim: { ...claim!, heldFrom: performance.now() },
      leaseMs: 3_600_000,
      onDirty: () => {},
    });
    const reported = held.report({ progress: 10 });
    const [answered, failed] = [held.takeReport(), held.takeReport()];
    held.close();
    answered.apply({ id, conversionJob: null, error: null, directive: "CONTINUE" });
    await reported;
    expect(timers()).toBe(before);

    // These would wait for ever, if they were kept for a next report.
    failed.failed();
    await held.report({ progress: 20 });
    expect(held.hasUnsent()).toBe(false);
  });

  it("ends at once while no job runs, also by the signal", async () => {
    const controller = new AbortController();
    const { done, events } = start({ signal: controller.signal, waitSeconds: 30, handle: async () => {} });
    await sleep(100);
    controller.abort();
    await done;
    expect(events).toEqual([]);
  });
});
