import { expect, test } from "vitest";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";

const { pool, repositories } = await createTestRepositories();

test("a job's events come in the order of their numbers, also when the database's clock was set back between them", async () => {
  await insertRows(pool, { users: 1, projects: 1, jobs: 3 });
  const { cursor } = (await repositories.projectActivity.readAfter(keyOf(1), undefined, 100))!;
  const events: [job: number, sequence: number, second: number][] = [
    [1, 1, 9],
    [2, 1, 8],
    [3, 1, 10],
    [3, 2, 5],
  ];
  for (const [job, sequence, second] of events) {
    await pool.query(
      `INSERT INTO conversion_job_events (job_id, sequence, type, data, created_at)
       VALUES ($1, $2, 'PROGRESS', '{}', $3)`,
      [keyOf(job), sequence, new Date(Date.UTC(2026, 0, 1, 0, 0, second))],
    );
  }
  const { jobEvents } = (await repositories.projectActivity.readAfter(keyOf(1), cursor, 100))!;
  expect(jobEvents.map(({ jobId, sequence }) => [jobId, sequence])).toEqual([
    [keyOf(2), 1],
    [keyOf(1), 1],
    [keyOf(3), 1],
    [keyOf(3), 2],
  ]);
});
