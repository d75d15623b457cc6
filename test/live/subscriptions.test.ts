import { pino } from "pino";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type App, createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import type { ConversionPlan } from "../../src/repositories/conversionPlan.ts";
import { asTester } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { type EventStream, openEvents } from "../support/events.ts";
import { createEmptyDatabase } from "../support/postgres.ts";
import { PLAN } from "../support/rows.ts";
import { UNLIMITED } from "../support/unlimited.ts";

const EVENTS = `subscription ($jobId: ID!, $after: Int) {
  conversionJobEvents(jobId: $jobId, after: $after) { cursor events { jobId sequence type } job { status } }
}`;
const ACTIVITY = `subscription ($projectId: ID!, $after: String) {
  projectActivity(projectId: $projectId, after: $after) {
    cursor jobEvents { jobId sequence type } statusChanges { status } project { status }
  }
}`;
const STATISTICS = "{ statistics { subscriptions { open max } } cacheStatistics { watchers } }";
const MAX_SUBSCRIPTIONS = 210;

let app: App;
let url: string;
let projectId: string;
let owners = 0;
let streams: EventStream[] = [];

beforeAll(async () => {
  const database = await createEmptyDatabase();
  const config = loadConfig({
    NODE_ENV: "test",
    ...UNLIMITED,
    DATABASE_URL: database.url,
    PORT: "0",
    MAX_SUBSCRIPTIONS: String(MAX_SUBSCRIPTIONS),
  });
  app = await createApp(config, pino({ level: "silent" }), asTester);
  atEndOfFile(app.close);
  ({ url } = await app.listen());
});

beforeEach(async () => {
  const owner = await app.repositories.users.create({ githubId: String(++owners), username: "ada" });
  const project = await app.repositories.projects.create({
    userId: owner.id,
    name: "widget",
    githubUrl: `https://github.com/acme/${owner.id}`,
    originalTechStack: { language: "Ruby" },
  });
  projectId = project.id;
  return async () => {
    for (const stream of streams) stream.close();
    await Promise.all(streams.map((stream) => stream.ended));
    streams = [];
    // A stream that ends leaves no subscription and no watcher behind.
    await until(async () => {
      const { data } = await ask(STATISTICS);
      return data.statistics.subscriptions.open === 0 && data.cacheStatistics.watchers === 0;
    });
  };
});

async function follow(query: string, variables: Record<string, unknown>, headers?: Record<string, string>) {
  const stream = await openEvents(url, query, variables, headers);
  streams.push(stream);
  return stream;
}

const followJob = (id: string, after?: number, headers?: Record<string, string>) =>
  follow(EVENTS, { jobId: `ConversionJob:${id}`, after }, headers);
const followProject = (after?: string) => follow(ACTIVITY, { projectId: `Project:${projectId}`, after });

// biome-ignore lint/suspicious/noExplicitAny: the expectations are the types here
async function ask(query: string): Promise<any> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A job with its worker's calls. It has its own agent type, so that no other test claims it. */
async function createJob() {
  const agentType = crypto.randomUUID();
  const plan: ConversionPlan = { ...PLAN, tasks: [{ ...PLAN.tasks[0]!, agentType }] };
  const { id } = await app.repositories.conversionJobs.create({ projectId, plan });
  const { jobLeases } = app.repositories;
  let fencingToken = 0;
  return {
    id,
    async claim() {
      const [job] = await jobLeases.claim({
        workerId: "w",
        agentTypes: [agentType],
        leaseSeconds: 600,
        count: 1,
      });
      fencingToken = Number(job!.fencingToken);
    },
    report: (task: number) => jobLeases.report("w", [{ id, fencingToken, currentTask: `task ${task}` }]),
    complete: () => jobLeases.complete("w", [{ id, fencingToken }]),
    fail: (isRetryable: boolean) =>
      jobLeases.fail("w", [{ id, fencingToken, errorMessage: "no", isRetryable }]),
  };
}

const eventsOf = (stream: EventStream) =>
  stream.messages.flatMap(({ data }) =>
    data.conversionJobEvents.events.map((event: { type: string }) => event.type),
  );
const numbersOf = (stream: EventStream): number[] =>
  stream.messages.flatMap(({ data }) =>
    data.conversionJobEvents.events.map((event: { sequence: number }) => event.sequence),
  );
const oneTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe("a conversion job's events", () => {
  it("are sent from the first on, then as they happen, and complete with the job", async () => {
    const job = await createJob();
    const stream = await followJob(job.id);
    await stream.until(1);
    expect(stream.messages).toEqual([
      {
        data: {
          conversionJobEvents: {
            cursor: 1,
            events: [{ jobId: `ConversionJob:${job.id}`, sequence: 1, type: "CREATED" }],
            job: { status: "PENDING" },
          },
        },
      },
    ]);
    await job.claim();
    await stream.untilMessage(({ data }) => data.conversionJobEvents.job.status === "RUNNING");
    await job.report(1);
    await job.complete();
    expect(await stream.ended).toBe("complete");
    expect(eventsOf(stream)).toEqual(["CREATED", "CLAIMED", "PROGRESS", "COMPLETED"]);
    expect(stream.messages.at(-1).data.conversionJobEvents.job.status).toBe("COMPLETED");
  });

  it("continue after a cursor, given by argument or by the header that browsers send", async () => {
    const job = await createJob();
    await job.claim();
    await job.report(1);
    const byArgument = await followJob(job.id, 2);
    const byHeader = await followJob(job.id, undefined, { "last-event-id": "2" });
    await job.complete();
    for (const stream of [byArgument, byHeader]) {
      expect(await stream.ended).toBe("complete");
      expect(numbersOf(stream)).toEqual([3, 4]);
    }
  });

  it("complete at once after the last cursor of an ended job, and are refused after a cursor beyond it", async () => {
    const job = await createJob();
    await job.claim();
    await job.complete();
    const stream = await followJob(job.id, 3);
    expect(await stream.ended).toBe("complete");
    expect(stream.messages).toEqual([]);
    const beyond = await followJob(job.id, 4);
    expect(await beyond.ended).toBe("complete");
    expect(beyond.messages).toMatchObject([
      { errors: [{ extensions: { code: "VALIDATION_FAILED", issues: [{ path: ["after"] }] } }] },
    ]);
  });

  it("complete when the job is deleted, and go on after a failed attempt that is followed by another", async () => {
    const job = await createJob();
    const stream = await followJob(job.id);
    await job.claim();
    await job.fail(true);
    await stream.untilMessage(
      ({ data }) => data.conversionJobEvents.job?.status === "PENDING" && data.conversionJobEvents.cursor > 1,
    );
    await app.repositories.conversionJobs.delete(job.id);
    expect(await stream.ended).toBe("complete");
    expect(eventsOf(stream)).toEqual(["CREATED", "CLAIMED", "ATTEMPT_FAILED"]);
  });

  it("come with the job as it was at the moment of the message", async () => {
    const job = await createJob();
    const stream = await followJob(job.id);
    await stream.until(1);
    await job.claim();
    await stream.until(2);
    await job.fail(false);
    await stream.ended;
    expect(stream.messages.map(({ data }) => data.conversionJobEvents.job.status)).toEqual([
      "PENDING",
      "RUNNING",
      "FAILED",
    ]);
  });

  it("are refused with a code for a job that does not exist, and for an id of another type", async () => {
    const absent = await followJob("00000000-0000-7000-8000-000000000000");
    expect(await absent.ended).toBe("complete");
    expect(absent.messages).toMatchObject([{ errors: [{ extensions: { code: "NOT_FOUND" } }] }]);
    const wrong = await follow(EVENTS, { jobId: `Project:${projectId}` });
    await wrong.ended;
    expect(wrong.messages).toMatchObject([{ errors: [{ extensions: { code: "VALIDATION_FAILED" } }] }]);
  });

  it("are refused to a client that accepts no event stream", async () => {
    const job = await createJob();
    const query = `subscription { conversionJobEvents(jobId: "ConversionJob:${job.id}") { cursor } }`;
    expect((await ask(query)).errors).toMatchObject([{ extensions: { code: "BAD_REQUEST" } }]);
  });

  it("reach 200 followers exactly once and in order", async () => {
    const job = await createJob();
    const followers = await Promise.all(oneTo(200).map(() => followJob(job.id)));
    await job.claim();
    for (let report = 1; report <= 100; report++) await job.report(report);
    await job.complete();
    for (const stream of followers) {
      expect(await stream.ended).toBe("complete");
      expect(numbersOf(stream)).toEqual(oneTo(103));
    }
  });

  it("wait in the log while a client does not read", async () => {
    const job = await createJob();
    const stream = await followJob(job.id);
    await stream.until(1);
    stream.pause();
    await job.claim();
    for (let report = 1; report <= 50; report++) await job.report(report);
    await job.complete();
    stream.resume();
    expect(await stream.ended).toBe("complete");
    expect(numbersOf(stream)).toEqual(oneTo(53));
  });

  it("are refused beyond the limit of subscriptions, and accepted again when there is room", async () => {
    const job = await createJob();
    const followers = await Promise.all(oneTo(MAX_SUBSCRIPTIONS).map(() => followJob(job.id)));
    await Promise.all(followers.map((stream) => stream.until(1)));
    expect((await ask(STATISTICS)).data.statistics.subscriptions).toEqual({
      open: MAX_SUBSCRIPTIONS,
      max: MAX_SUBSCRIPTIONS,
    });
    const refused = await followJob(job.id);
    await refused.ended;
    expect(refused.messages).toMatchObject([
      { errors: [{ extensions: { code: "TOO_MANY_SUBSCRIPTIONS", max: MAX_SUBSCRIPTIONS } }] },
    ]);
    followers[0]!.close();
    await until(async () => (await ask(STATISTICS)).data.statistics.subscriptions.open < MAX_SUBSCRIPTIONS);
    const taken = await followJob(job.id);
    await taken.until(1);
    expect(numbersOf(taken)).toEqual([1]);
  });

  it("tell proxies not to buffer or cache them", async () => {
    const job = await createJob();
    const { status, headers } = await followJob(job.id);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
  });
});

describe("a project's activity", () => {
  const activityOf = (stream: EventStream) => stream.messages.map(({ data }) => data.projectActivity);
  const typesOf = (stream: EventStream) =>
    activityOf(stream).flatMap(({ jobEvents }) => jobEvents.map(({ type }: { type: string }) => type));
  const statusesOf = (stream: EventStream) =>
    activityOf(stream).flatMap(({ statusChanges }) =>
      statusChanges.map(({ status }: { status: string }) => status),
    );
  const shows =
    (type: string) => (message: { data: { projectActivity: { jobEvents: { type: string }[] } } }) =>
      message.data.projectActivity.jobEvents.some((event) => event.type === type);

  it("begins with a cursor, and has the events of all jobs and the project's own status", async () => {
    const before = await createJob();
    const stream = await followProject();
    await stream.until(1);
    expect(activityOf(stream)).toMatchObject([
      { jobEvents: [], statusChanges: [], project: { status: "IMPORTED" } },
    ]);
    const job = await createJob();
    await job.claim();
    await job.report(1);
    await stream.untilMessage(shows("PROGRESS"));
    await before.claim();
    await before.complete();
    await job.complete();
    // The project is read after the events, so its status may be ahead of them.
    await stream.untilMessage(() => typesOf(stream).length === 6 && statusesOf(stream).length === 2);
    expect(activityOf(stream).at(-1).project.status).toBe("COMPLETED");
    expect(typesOf(stream).sort()).toEqual(
      ["CREATED", "CLAIMED", "PROGRESS", "CLAIMED", "COMPLETED", "COMPLETED"].sort(),
    );
    expect(statusesOf(stream)).toEqual(["CONVERTING", "COMPLETED"]);
  });

  it("continues after any of its cursors, without a gap or a repetition", async () => {
    const whole = await followProject();
    await whole.until(1);
    const jobs = [await createJob(), await createJob(), await createJob()];
    for (const job of jobs) await job.claim();
    for (const report of oneTo(5)) for (const job of jobs) await job.report(report);
    for (const job of jobs) await job.complete();
    await whole.untilMessage(() => typesOf(whole).length >= 3 * 8);
    const all = activityOf(whole).flatMap(({ jobEvents }) => jobEvents.map(keyOf));
    expect(all.length).toBe(3 * 8);
    expect(new Set(all).size).toBe(all.length);
    for (const [index, { cursor }] of activityOf(whole).slice(0, -1).entries()) {
      const rest = await followProject(cursor);
      await rest.until(1);
      const later = activityOf(whole).slice(index + 1);
      expect(
        activityOf(rest)
          .flatMap(({ jobEvents }) => jobEvents.map(keyOf))
          .sort(),
      ).toEqual(later.flatMap(({ jobEvents }) => jobEvents.map(keyOf)).sort());
      rest.close();
    }
  });

  it("loses no event of transactions that end in another order than they began", async () => {
    const [first, second] = [await createJob(), await createJob()];
    const stream = await followProject();
    await stream.until(1);
    const slow = await app.database.transaction(async (client) => {
      // This transaction has its id before the claim's transaction, and commits after it.
      await client.query(
        `WITH job AS (UPDATE conversion_jobs SET event_sequence = event_sequence + 1 WHERE id = $1 RETURNING *)
         INSERT INTO conversion_job_events (job_id, sequence, type, data)
         SELECT id, event_sequence, 'REPRIORITIZED', '{"status":"PENDING","attempt":1,"progress":0}' FROM job`,
        [first.id],
      );
      await second.claim();
      await stream.untilMessage(shows("CLAIMED"));
      return activityOf(stream).length;
    });
    await stream.untilMessage(shows("REPRIORITIZED"));
    expect(activityOf(stream).length).toBeGreaterThan(slow);
    expect(typesOf(stream)).toEqual(["CLAIMED", "REPRIORITIZED"]);
  });

  it("refuses foreign and malformed cursors, and completes when the project is deleted", async () => {
    for (const after of ["", "x", Buffer.from('["2:1:"]').toString("base64url")]) {
      const refused = await followProject(after);
      await refused.ended;
      expect(refused.messages).toMatchObject([{ errors: [{ extensions: { code: "VALIDATION_FAILED" } }] }]);
    }
    const stream = await followProject();
    await stream.until(1);
    await app.repositories.projects.delete(projectId);
    expect(await stream.ended).toBe("complete");
  });

  const keyOf = ({ jobId, sequence }: { jobId: string; sequence: number }) => `${jobId} ${sequence}`;
});
