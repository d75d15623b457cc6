import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { createScheduledMaintenance } from "../../src/database/maintenance/schedule.ts";
import { withSession } from "../../src/database/session.ts";
import { createTestApp } from "../support/app.ts";
import { captureLogs } from "../support/logs.ts";

const MAINTAIN = `mutation ($input: PerformMaintenanceInput!) {
  performMaintenance(input: $input) { isDryRun pruned { table rows problem } tables { table action problem } indexes { index } notes } }`;
const ENTRIES = "{ auditEntries(first: 20) { nodes { action credential details } } }";

describe("maintenance by an administrator", { timeout: 60_000 }, async () => {
  const { app, execute, url } = await createTestApp();
  const entries = async () => (await execute(ENTRIES)).data.auditEntries.nodes;
  const expired = (count: number) =>
    app.database.pool.query(
      `INSERT INTO "idempotency_keys" ("scope", "key", "ordinal", "input_hash", "created_at")
       SELECT '', gen_random_uuid()::text, 0, '', now() - interval '2 days' FROM generate_series(1, $1::int)`,
      [count],
    );

  test("changes nothing in a dry run, and is recorded in the audit log otherwise", async () => {
    await expired(5);
    const dry = await execute(MAINTAIN, { input: { isDryRun: true } });
    expect(dry.errors).toBeUndefined();
    expect(dry.data.performMaintenance.pruned).toEqual([
      { table: "idempotency_keys", rows: 5, problem: null },
      { table: "audit_entries", rows: 0, problem: null },
      { table: "conversion_job_events", rows: 0, problem: null },
    ]);
    expect(await entries()).toEqual([]);
    const { data } = await execute(MAINTAIN, { input: { isFullPass: true, idempotencyKey: "key" } });
    expect(data.performMaintenance).toMatchObject({
      isDryRun: false,
      pruned: [{ rows: 5 }, {}, {}],
      notes: [],
    });
    expect(data.performMaintenance.tables).toContainEqual({
      table: "projects",
      action: "VACUUM",
      problem: null,
    });
    expect(await entries()).toEqual([
      { action: "performMaintenance", credential: null, details: '{"isFullPass":true}' },
    ]);
  });

  test("is refused while another maintenance runs, and the error says who runs it", async () => {
    await withSession(url, "maintenance elsewhere", async (client) => {
      await client.query("SELECT pg_advisory_lock(7270736903)");
      const { errors } = await execute(MAINTAIN, { input: {} });
      expect(errors).toMatchObject([
        {
          message: expect.stringMatching(
            /already: by stack-converter maintenance elsewhere at 127.0.0.1, since 20/,
          ),
          extensions: { code: "CONFLICT", holder: expect.any(String), since: expect.any(String) },
        },
      ]);
    });
  });

  test("runs once for each time of the schedule, however many instances there are", async () => {
    const logs = captureLogs();
    const due = new Date("2026-01-01T03:30:00.000Z");
    const scheduled = () =>
      createScheduledMaintenance({
        schedule: "30 3 * * *",
        maintenance: app.maintenance,
        auditEntries: app.repositories.auditEntries,
        log: logs.log,
      });
    const [one, two] = [scheduled(), scheduled()];
    await Promise.all([one.performDue(due), two.performDue(due)]);
    // As if the clock of this instance were behind.
    await two.performDue(due);
    const done = (await entries()).filter(
      ({ credential }: { credential: string }) => credential === "schedule",
    );
    expect(done).toHaveLength(1);
    expect(JSON.parse(done[0].details)).toMatchObject({ scheduledFor: due.toISOString() });
    await two.performDue(new Date(due.getTime() + 86_400_000));
    expect(logs.lines.filter(({ msg }) => msg === "the database was maintained")).toHaveLength(2);
    await Promise.all([one.close(), two.close()]);
  });
});

test("a schedule is followed until it is closed", { timeout: 90_000 }, async () => {
  let isDue: (() => Promise<boolean>) | undefined;
  let tell = () => {};
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const scheduled = createScheduledMaintenance({
    schedule: "* * * * *",
    maintenance: {
      perform: async (run) => {
        isDue = run?.isDue;
        tell();
        return undefined;
      },
    },
    auditEntries: { hasRecent: async () => true, record: async () => {} },
    log: pino({ level: "silent" }),
  });
  scheduled.start();
  await told;
  expect(await isDue!()).toBe(false);
  await scheduled.close();
});
