import { pino } from "pino";
import { beforeAll, expect, test } from "vitest";
import { type App, createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { openEvents } from "../support/events.ts";
import { createEmptyDatabase } from "../support/postgres.ts";
import { PLAN } from "../support/rows.ts";

let app: App;
let url: string;
let projectId: string;

beforeAll(async () => {
  const database = await createEmptyDatabase();
  const config = loadConfig({
    NODE_ENV: "test",
    DATABASE_URL: database.url,
    PORT: "0",
    MAX_SUBSCRIPTIONS: "20",
  });
  app = await createApp(config, pino({ level: process.env.TEST_LOG ?? "silent" }));
  atEndOfFile(app.close);
  const { id: userId } = await app.repositories.users.create({ githubId: "1", username: "ada" });
  ({ id: projectId } = await app.repositories.projects.create({
    userId,
    name: "p",
    githubUrl: "https://github.com/a/b",
    originalTechStack: { language: "Ruby" },
  } as never));
  ({ url } = await app.listen());
});

const EVENTS = `subscription Follow($jobId: ID!, $after: Int) {
  conversionJobEvents(jobId: $jobId, after: $after) { cursor events { sequence type status progress } job { status progress } }
}`;

test("a job", async () => {
  const { conversionJobs, jobLeases } = app.repositories;
  const job = await conversionJobs.create({ projectId, plan: PLAN } as never);
  const stream = await openEvents(url, EVENTS, { jobId: `ConversionJob:${job.id}` });
  await stream.until(1);
  console.log(stream.status, stream.headers, JSON.stringify(stream.messages));
  const [claimed] = await jobLeases.claim({
    workerId: "w",
    agentTypes: ["converter"],
    leaseSeconds: 60,
    count: 1,
  });
  await jobLeases.report("w", [{ id: job.id, fencingToken: Number(claimed!.fencingToken), progress: 10 }]);
  await jobLeases.report("w", [{ id: job.id, fencingToken: Number(claimed!.fencingToken), progress: 20 }]);
  await jobLeases.complete("w", [{ id: job.id, fencingToken: Number(claimed!.fencingToken) }]);
  console.log(await stream.ended, JSON.stringify(stream.messages));
  expect(1).toBe(1);
});
