import { beforeEach, describe, expect, test } from "vitest";
import { type EventStream, openEvents } from "../support/events.ts";
import { createEmptyDatabase } from "../support/postgres.ts";
import { PLAN } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

/**
 * A viewer loses access to rows: a lease ends, or a project gets another owner. From then on, nothing that
 * keeps answers, shares them between requests or continues them (streams, live queries) shows these rows to
 * the viewer.
 */
const database = await createEmptyDatabase();
const service = await startServed({ DATABASE_URL: database.url });
const { app, url } = service;
const { pool } = app.database;
const { users, projects, conversionJobs } = app.repositories;

interface Person {
  readonly id: string;
  readonly headers: { readonly authorization: string };
}

let ada: Person;
let bob: Person;
let worker: Person;
let projectId: string;
let jobId: string;
let count = 0;
let streams: EventStream[] = [];

async function createPerson(role: "USER" | "WORKER"): Promise<Person> {
  const { id } = await users.create({ githubId: String(++count), username: `person ${count}`, role });
  return { id, headers: { authorization: `${role} ${id}` } };
}

beforeEach(async () => {
  await pool.query("TRUNCATE users CASCADE");
  [ada, bob, worker] = [await createPerson("USER"), await createPerson("USER"), await createPerson("WORKER")];
  const project = await projects.create({ userId: ada.id, name: "widget", githubUrl: "https://x/y" });
  projectId = `Project:${project.id}`;
  jobId = `ConversionJob:${(await conversionJobs.create({ projectId: project.id, plan: PLAN })).id}`;
  return async () => {
    for (const stream of streams) stream.close();
    await Promise.all(streams.map((stream) => stream.ended));
    streams = [];
  };
});

const PROJECT = "query ($id: ID!) { project(id: $id) { name conversionJobs { totalCount } } }";
const LISTS = `{ projects { totalCount nodes { name } } conversionJobs { totalCount nodes { id } }
  projectStatistics { total } conversionJobStatistics { total } searchProjects(query: "widget") { totalCount } }`;
const NO_LISTS = {
  projects: { totalCount: 0, nodes: [] },
  conversionJobs: { totalCount: 0, nodes: [] },
  projectStatistics: { total: 0 },
  conversionJobStatistics: { total: 0 },
  searchProjects: { totalCount: 0 },
};
const JOB = "query ($id: ID!) { conversionJob(id: $id) { status project { name } } }";

async function untilHit(person: Person, query: string, variables?: Record<string, unknown>) {
  await expect
    .poll(async () => (await service.ask(query, variables, person.headers)).cached, { timeout: 20_000 })
    .toBe("hit");
  return service.ask(query, variables, person.headers);
}

const follow = async (person: Person, query: string, variables: Record<string, unknown>) => {
  const stream = await openEvents(url, query, variables, person.headers);
  streams.push(stream);
  return stream;
};

/** The worker claims the job over GraphQL, as all workers do. */
async function claim(headers: Record<string, string> = worker.headers) {
  const { data } = await service.ask(
    `mutation { claimConversionJobs(input: { workerId: "w", agentTypes: ["converter"] }) {
       claims { fencingToken conversionJob { id project { name } } } } }`,
    undefined,
    headers,
  );
  return data.claimConversionJobs.claims;
}
const cancel = () =>
  service.ask(
    `mutation { cancelConversionJob(input: { id: "${jobId}" }) { conversionJob { status } } }`,
    undefined,
    ada.headers,
  );

/** Changes the owner past the service, as another program would: the caches learn of it a moment later. */
const giveAway = () => pool.query("UPDATE projects SET user_id = $1", [bob.id]);

describe("two viewers who send the same request", () => {
  test("byte for byte each get their own answer, also when it is replayed and with the other's ETag", async () => {
    const adas = await untilHit(ada, PROJECT, { id: projectId });
    expect(adas.data.project).toEqual({ name: "widget", conversionJobs: { totalCount: 1 } });
    expect((await untilHit(bob, PROJECT, { id: projectId })).data).toEqual({ project: null });

    const conditional = { ...bob.headers, "if-none-match": adas.headers.get("etag")! };
    const bobs = await service.ask(PROJECT, { id: projectId }, conditional);
    expect([bobs.status, bobs.data]).toEqual([200, { project: null }]);
    const again = await service.ask(PROJECT, { id: projectId }, { ...conditional, ...ada.headers });
    expect(again.status).toBe(304);
  });

  test("at the same moment share no answer", async () => {
    for (let round = 0; round < 5; round++) {
      await projects.update(projectId.slice(8), { name: `widget ${round}` });
      const answers = await Promise.all(
        Array.from({ length: 60 }, async (_, n) => {
          const asks = [ada.headers, bob.headers, worker.headers, { authorization: "nobody" }][n % 4]!;
          const { data, errors } = await service.ask(PROJECT, { id: projectId }, asks);
          return data?.project?.name ?? errors?.[0].extensions.code ?? null;
        }),
      );
      expect(answers).toEqual(
        Array.from({ length: 60 }, (_, n) => [`widget ${round}`, null, null, "UNAUTHENTICATED"][n % 4]),
      );
    }
  });

  test("with the same idempotency key each run their own mutation", async () => {
    const RENAME = `mutation { importProject(input: { name: "a", githubUrl: "https://a/b" }) { project { id owner { id } } } }`;
    const keyed = ({ headers }: Person) => ({ ...headers, "idempotency-key": "same" });
    const first = await service.ask(RENAME, undefined, keyed(ada));
    const second = await service.ask(RENAME, undefined, keyed(bob));
    expect(first.data.importProject.project.owner.id).toBe(`User:${ada.id}`);
    expect(second.data.importProject.project.owner.id).toBe(`User:${bob.id}`);
    expect((await service.ask(RENAME, undefined, keyed(ada))).data).toEqual(first.data);
  });
});

describe("a project that gets another owner", () => {
  test("is the new owner's in rows, lists, counts and statistics, and no kept answer shows it to the first owner", async () => {
    await untilHit(ada, PROJECT, { id: projectId });
    const etag = (await untilHit(ada, LISTS)).headers.get("etag")!;
    expect((await untilHit(bob, LISTS)).data).toEqual(NO_LISTS);

    await giveAway();

    await expect
      .poll(async () => (await service.ask(PROJECT, { id: projectId }, ada.headers)).data)
      .toEqual({ project: null });
    const lists = await service.ask(LISTS, undefined, { ...ada.headers, "if-none-match": etag });
    expect([lists.status, lists.data]).toEqual([200, NO_LISTS]);
    expect((await service.ask(JOB, { id: jobId }, ada.headers)).data).toEqual({ conversionJob: null });
    expect((await service.ask(JOB, { id: jobId }, bob.headers)).data).toEqual({
      conversionJob: { status: "PENDING", project: { name: "widget" } },
    });
    expect((await service.ask(LISTS, undefined, bob.headers)).data).toEqual({
      projects: { totalCount: 1, nodes: [{ name: "widget" }] },
      conversionJobs: { totalCount: 1, nodes: [{ id: jobId }] },
      projectStatistics: { total: 1 },
      conversionJobStatistics: { total: 1 },
      searchProjects: { totalCount: 1 },
    });
  });

  test("ends the first owner's streams of its activity and events, without another message about it", async () => {
    const activity = await follow(
      ada,
      "subscription ($id: ID!) { projectActivity(projectId: $id) { project { name } jobEvents { type } } }",
      { id: projectId },
    );
    const events = await follow(
      ada,
      "subscription ($id: ID!) { conversionJobEvents(jobId: $id) { events { type } } }",
      { id: jobId },
    );
    await Promise.all([activity.until(1), events.until(1)]);

    await giveAway();
    await expect
      .poll(async () => (await service.ask(PROJECT, { id: projectId }, ada.headers)).data)
      .toEqual({ project: null });
    await claim();

    expect(await Promise.all([activity.ended, events.ended])).toEqual(["complete", "complete"]);
    expect(activity.messages).toEqual([
      { data: { projectActivity: { project: { name: "widget" }, jobEvents: [] } } },
    ]);
    expect(events.messages).toEqual([{ data: { conversionJobEvents: { events: [{ type: "CREATED" }] } } }]);
  });

  test("leaves the first owner's live queries and enters the new owner's", async () => {
    const LIVE = `query @live { projects { totalCount nodes { name } } }`;
    const [adas, bobs] = [await follow(ada, LIVE, {}), await follow(bob, LIVE, {})];
    await Promise.all([adas.until(1), bobs.until(1)]);

    await giveAway();
    await Promise.all([adas.until(2), bobs.until(2)]);

    const had = { data: { projects: { totalCount: 1, nodes: [{ name: "widget" }] } } };
    const has = { data: { projects: { totalCount: 0, nodes: [] } } };
    expect([adas.messages, bobs.messages]).toEqual([
      [had, has],
      [has, had],
    ]);
  });

  test("is not found when the first owner repeats a mutation with its idempotency key", async () => {
    const RENAME = `mutation { updateProject(input: { id: "${projectId}", name: "mine" }) { project { name fileStructure { totalCount } } } }`;
    const keyed = { ...ada.headers, "idempotency-key": "k" };
    const first = await service.ask(RENAME, undefined, keyed);
    expect(first.data.updateProject.project).toEqual({ name: "mine", fileStructure: { totalCount: 0 } });
    expect((await service.ask(RENAME, undefined, keyed)).data).toEqual(first.data);

    await giveAway();

    await expect
      .poll(async () => (await service.ask(RENAME, undefined, keyed)).errors?.[0].extensions.code)
      .toBe("NOT_FOUND");
  });
});

describe("a lease that ends", () => {
  const WORKERS = `{ conversionJobs { totalCount nodes { id } } projects { totalCount nodes { name } } }`;
  const NOTHING = { conversionJobs: { totalCount: 0, nodes: [] }, projects: { totalCount: 0, nodes: [] } };

  test.each([
    ["the job is cancelled", cancel],
    [
      "the job is completed",
      (fencingToken: number) =>
        service.ask(
          `mutation { completeConversionJobs(input: { workerId: "w", jobs: [{ id: "${jobId}", fencingToken: ${fencingToken} }] }) {
             results { error { code } } } }`,
          undefined,
          worker.headers,
        ),
    ],
    [
      "the paused job is released",
      async (fencingToken: number) => {
        await service.ask(
          `mutation { pauseConversionJob(input: { id: "${jobId}" }) { conversionJob { id } } }`,
          undefined,
          ada.headers,
        );
        await service.ask(
          `mutation { releaseConversionJobs(input: { workerId: "w", jobs: [{ id: "${jobId}", fencingToken: ${fencingToken} }] }) {
             results { error { code } } } }`,
          undefined,
          worker.headers,
        );
      },
    ],
    [
      "the lease expires",
      async () => {
        await pool.query("UPDATE conversion_jobs SET lease_expires_at = now() - interval '1 second'");
        await app.repositories.jobLeases.expire(10);
      },
    ],
  ])("hides the job and its project from the worker at once: %s", async (_, end) => {
    expect((await service.ask(WORKERS, undefined, worker.headers)).data).toEqual(NOTHING);
    const [{ fencingToken, conversionJob }] = await claim();
    expect(conversionJob).toEqual({ id: jobId, project: { name: "widget" } });
    expect((await service.ask(WORKERS, undefined, worker.headers)).data).toEqual({
      conversionJobs: { totalCount: 1, nodes: [{ id: jobId }] },
      projects: { totalCount: 1, nodes: [{ name: "widget" }] },
    });
    const held = await service.ask(JOB, { id: jobId }, worker.headers);
    expect(held.data.conversionJob).toEqual({ status: "RUNNING", project: { name: "widget" } });

    await end(fencingToken);

    const conditional = { ...worker.headers, "if-none-match": held.headers.get("etag") ?? "*" };
    const after = await service.ask(JOB, { id: jobId }, conditional);
    expect([after.status, after.data]).toEqual([200, { conversionJob: null }]);
    expect((await service.ask(PROJECT, { id: projectId }, worker.headers)).data).toEqual({ project: null });
    expect((await service.ask(WORKERS, undefined, worker.headers)).data).toEqual(NOTHING);
  });

  test("ends the worker's stream and empties its live query, while the owner's stream reports the end of the job", async () => {
    await claim();
    const EVENTS = "subscription ($id: ID!) { conversionJobEvents(jobId: $id) { events { type } } }";
    const LIVE = "query ($id: ID!) @live { conversionJob(id: $id) { status } }";
    const mine = await follow(worker, EVENTS, { id: jobId });
    const owners = await follow(ada, EVENTS, { id: jobId });
    const live = await follow(worker, LIVE, { id: jobId });
    await Promise.all([mine.until(1), owners.until(1), live.until(1)]);

    await cancel();
    await live.until(2);

    expect(await Promise.all([mine.ended, owners.ended])).toEqual(["complete", "complete"]);
    const typesIn = ({ messages }: EventStream) =>
      messages.flatMap(({ data }) =>
        data.conversionJobEvents.events.map(({ type }: { type: string }) => type),
      );
    expect(typesIn(mine)).toEqual(["CREATED", "CLAIMED"]);
    expect(typesIn(owners)).toEqual(["CREATED", "CLAIMED", "CANCELLED"]);
    expect(live.messages).toEqual([
      { data: { conversionJob: { status: "RUNNING" } } },
      { data: { conversionJob: null } },
    ]);
  });

  test("is not returned again when the claim is repeated with its idempotency key", async () => {
    const keyed = { ...worker.headers, "idempotency-key": "claim" };
    const first = await claim(keyed);
    expect(first).toHaveLength(1);
    expect(await claim(keyed)).toEqual(first);

    await cancel();

    expect(await claim(keyed)).toEqual([]);
  });

  test("still gives the worker the answer to the call that ended the lease", async () => {
    const [{ fencingToken }] = await claim();
    const { data, errors } = await service.ask(
      `mutation { completeConversionJobs(input: { workerId: "w", jobs: [{ id: "${jobId}", fencingToken: ${fencingToken} }] }) {
         results { conversionJob { status plan { complexity } } error { code } directive } } }`,
      undefined,
      worker.headers,
    );
    expect(errors).toBeUndefined();
    expect(data.completeConversionJobs.results).toEqual([
      { conversionJob: { status: "COMPLETED", plan: { complexity: "LOW" } }, error: null, directive: "STOP" },
    ]);
  });

  test("tells its last holder how the job ended, and tells another worker nothing", async () => {
    const [{ fencingToken }] = await claim();
    await cancel();
    const stranger = await createPerson("WORKER");
    const report = async ({ headers }: Person, token: number) =>
      (
        await service.ask(
          `mutation { reportProgress(input: { workerId: "w", jobs: [{ id: "${jobId}", fencingToken: ${token} }] }) {
             results { conversionJob { status } error { code from } directive } } }`,
          undefined,
          headers,
        )
      ).data.reportProgress.results[0];
    const lost = { conversionJob: null, error: { code: "LEASE_LOST", from: null }, directive: "STOP" };

    expect(await report(worker, fencingToken)).toEqual({
      ...lost,
      error: { code: "LEASE_LOST", from: "CANCELLED" },
    });
    expect(await report(stranger, fencingToken + 1)).toEqual(lost);
  });
});
