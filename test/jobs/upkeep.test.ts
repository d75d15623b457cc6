import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, test } from "vitest";
import { createAvailability } from "../../src/jobs/availability.ts";
import { createUpkeep } from "../../src/jobs/upkeep.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";

test("leases are ended while a large backlog of audit entries is deleted, and a stop does not wait for all of it", async () => {
  const { url } = await createTestDatabase();
  const { repositories } = await createTestRepositories({ url });
  const pool = new pg.Pool({ connectionString: url });
  atEndOfFile(() => pool.end());
  await insertRows(pool, { users: 1, projects: 1, jobs: 1 });
  const { jobLeases, auditEntries, idempotencyKeys, conversionJobs } = repositories;
  await jobLeases.claim({ workerId: "ada", agentTypes: ["converter"], leaseSeconds: 1, count: 1 });
  await pool.query(
    `INSERT INTO audit_entries (action, credential, created_at)
     SELECT 'x', 'y', now() - interval '9 days' FROM generate_series(1, 5000)`,
  );
  // Each batch waits for this lock until the end of the test.
  const blocker = await pool.connect();
  await blocker.query("BEGIN; LOCK TABLE audit_entries IN EXCLUSIVE MODE");
  const stopping = new AbortController();
  const errors: unknown[] = [];
  const running = createUpkeep({
    repositories: { jobLeases, idempotencyKeys, auditEntries },
    availability: createAvailability(),
    auditRetentionDays: 3,
    announce: () => {},
    everyMs: 50,
    onError: (error) => errors.push(error),
  }).run(stopping.signal);
  await sleep(2_000);
  const { status, attempt } = (await conversionJobs.findById(keyOf(1)))!;
  stopping.abort();
  await blocker.query("ROLLBACK");
  blocker.release();
  await running;
  expect([status, attempt]).toEqual(["PENDING", 2]);
  expect(await auditEntries.countOlderThan(3)).toBeGreaterThan(0);
  expect(errors).toEqual([]);
});
