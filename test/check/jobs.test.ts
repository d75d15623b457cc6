import { expect, test } from "vitest";
import { startProgram } from "../support/process.ts";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { judgeJobs } from "./judgeJobs.ts";

const { pool, empty, repositories } = await createTestRepositories();

test("every job is finished exactly once while workers are killed and stopped", async () => {
  const check = startProgram("test/check/jobs.ts", {
    args: ["--jobs", "600", "--workers", "16", "--processes", "4", "--seconds", "15", "--json"],
  });
  const { code } = await check.exited;
  const lines = check.output().trim().split("\n");
  const report = JSON.parse(lines.at(-1)!);

  expect(report).toMatchObject({
    jobs: 600,
    finished: 600,
    lost: 0,
    doubled: 0,
    byLostLease: 0,
    gaps: 0,
    wrongProjects: 0,
  });
  expect(code).toBe(0);
  // Otherwise the check would have proved nothing.
  expect(report.kills + report.stops).toBeGreaterThan(0);
}, 240_000);

test("the judge finds each of its faults", async () => {
  await empty();
  await insertRows(pool, { users: 1, projects: 6, jobs: 6 });
  const claim = { workerId: "ada", agentTypes: ["converter"], leaseSeconds: 60, count: 6 };
  const leases = await repositories.jobLeases.claim(claim);
  await repositories.jobLeases.complete("ada", leases.slice(0, 5));
  const sound = {
    finished: 5,
    lost: 1,
    doubled: 0,
    byLostLease: 0,
    gaps: 0,
    wrongProjects: 0,
    leasesLost: 0,
  };
  expect(await judgeJobs(pool)).toEqual(sound);

  const append = (n: number, sequence: number, type: string, token: number) =>
    pool.query("INSERT INTO conversion_job_events (job_id, sequence, type, data) VALUES ($1, $2, $3, $4)", [
      keyOf(n),
      sequence,
      type,
      JSON.stringify({ fencingToken: token, workerId: "ada" }),
    ]);
  // A job finished twice; one finished under a lost lease; one with missing events; a project's wrong status.
  await append(1, 3, "COMPLETED", 1);
  await pool.query("UPDATE conversion_jobs SET event_sequence = 3 WHERE id = $1", [keyOf(1)]);
  expect(await judgeJobs(pool)).toEqual({ ...sound, doubled: 1 });
  await pool.query("UPDATE conversion_job_events SET sequence = 3 WHERE job_id = $1 AND sequence = 2", [
    keyOf(2),
  ]);
  await append(2, 2, "EXPIRED", 1);
  await pool.query("UPDATE conversion_jobs SET event_sequence = 3 WHERE id = $1", [keyOf(2)]);
  expect(await judgeJobs(pool)).toEqual({ ...sound, doubled: 1, byLostLease: 1, leasesLost: 1 });
  await pool.query("UPDATE conversion_jobs SET event_sequence = 7 WHERE id = $1", [keyOf(3)]);
  await pool.query("UPDATE projects SET status = 'READY' WHERE id = $1", [keyOf(4)]);
  expect(await judgeJobs(pool)).toEqual({
    ...sound,
    doubled: 1,
    byLostLease: 1,
    leasesLost: 1,
    gaps: 1,
    wrongProjects: 1,
  });
});
