import { beforeEach, expect, test } from "vitest";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";

const { pool, empty, repositories } = await createTestRepositories();
const { jobEvents } = repositories;

beforeEach(async () => {
  await empty();
  await insertRows(pool, { users: 1, projects: 1, jobs: 2 });
});

/** Inserts an event every ten seconds, from a full minute on. */
const insertEvents = (n: number, types: readonly string[]) =>
  pool.query(
    `INSERT INTO conversion_job_events (job_id, sequence, type, data, created_at)
     SELECT $1, position, type, '{}', timestamptz '2026-01-01 00:00:00Z' + (position - 1) * interval '10 s'
       FROM unnest($2::text[]) WITH ORDINALITY AS event(type, position)`,
    [keyOf(n), types],
  );
const sequences = async (n: number) =>
  (await jobEvents.findMany(keyOf(n), { first: 100 })).rows.map(({ sequence }) => sequence);

const P = "PROGRESS";
const LATER = new Date("2026-02-01T00:00:00Z");

test.each([1_000, 7, 3])(
  "thinning keeps the last progress of each minute and all other events, %d rows at a time",
  async (batchSize) => {
    await insertEvents(1, ["CLAIMED", P, P, P, P, P, P, P, "TASK_RESULT", P, P, "COMPLETED"]);
    await insertEvents(2, [P, P]);

    const deleted = await jobEvents.thinProgress(LATER, { batchSize });
    const left = [await sequences(1), await sequences(2)];
    // At the end of a batch one more event may be left, because the one after it is in the next batch.
    if (batchSize === 1_000) {
      expect(deleted).toBe(7);
      expect(left).toEqual([[1, 6, 8, 9, 11, 12], [2]]);
    } else {
      expect(left[0]).toEqual(expect.arrayContaining([1, 6, 8, 9, 11, 12]));
      expect(deleted).toBe(14 - left.flat().length);
      expect(deleted).toBeGreaterThan(2);
    }
  },
);

test("thinning leaves events that are not old enough", async () => {
  await insertEvents(1, [P, P, P]);
  expect(await jobEvents.thinProgress(new Date("2026-01-01T00:00:10Z"))).toBe(1);
  expect(await sequences(1)).toEqual([2, 3]);
});

test("events after a sequence number are found, page by page", async () => {
  await insertEvents(1, ["CREATED", P, P, P]);
  const page = await jobEvents.findMany(keyOf(1), { since: 1, first: 2 });
  expect(page).toMatchObject({ rows: [{ sequence: 2 }, { sequence: 3 }], hasNextPage: true });
});
