import { expect, it } from "vitest";
import { createEmptyDatabase } from "../support/postgres.ts";
import { startProgram } from "../support/process.ts";
import { startRedis } from "../support/redis.ts";
import { checkResume } from "./live/resume.ts";

it("a subscriber gets every event once, however often the instance that serves it is killed", async () => {
  const database = await createEmptyDatabase();
  const redis = await startRedis();
  const report = await checkResume({
    databaseUrl: database.url,
    redisUrl: redis.url,
    kills: 3,
    start: (env) => startProgram("src/cli.ts", { args: ["serve"], env }),
  });
  expect(report).toMatchObject({ kills: 3, gaps: 0, repeats: 0, received: report.events });
  expect(report.connections).toBeGreaterThan(3);
}, 120_000);
