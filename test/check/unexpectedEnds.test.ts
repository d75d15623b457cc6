import pg from "pg";
import { expect, test } from "vitest";
import { atEndOfFile } from "../support/cleanup.ts";
import { startPostgres } from "../support/postgres.ts";
import { findFreePort } from "../support/server.ts";
import { createFaultLog } from "./coherence/faultLog.ts";
import { startInstance } from "./coherence/instance.ts";
import { createEndWatch } from "./coherence/unexpectedEnds.ts";

test("the check reports how an instance ended by itself, its last output, and the faults of that moment", {
  timeout: 60_000,
}, async () => {
  const postgres = await startPostgres();
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  // The service does not start on a database with tables of unknown origin.
  await client.query("CREATE TABLE stray ()");
  await client.end();
  const instance = await startInstance({
    index: 1,
    postgresPort: postgres.port,
    databaseName: "postgres",
    redisPort: await findFreePort(),
    replicaPort: undefined,
    connections: 1,
  });
  atEndOfFile(instance.stop);
  const log = createFaultLog();
  log.end(log.begin("redis-del", true, " (meta)"));
  log.begin("slow-postgres", false, " (instance 1, 20 ms)");
  const watch = createEndWatch([instance], log);

  await expect.poll(() => watch.told.length + watch.takeNew().length, { timeout: 30_000 }).toBeGreaterThan(0);
  const [text] = watch.told;
  expect(text).toMatch(
    /^instance 1 ended by itself at \d+\.\d s, \d+\.\d s after its start: exit code 1\n {2}faults {4}redis-del \(meta\) \d+\.\d\d s ago, lasted \d+\.\d\d s; slow-postgres \(instance 1, 20 ms\) \d+\.\d\d s ago, going on\n {2}it said {3}The database has tables \("stray"\) but no history of migrations\./,
  );
  expect(instance.unexpectedEnds()[0]).toMatchObject({ instance: 1, code: 1, signal: null });
});

test("a fault that begins after an end is not reported with it, and each end is reported once", () => {
  const log = createFaultLog();
  const end = {
    instance: 0,
    at: performance.now(),
    livedMs: 1_500,
    code: null,
    signal: "SIGSEGV" as const,
    lastWords: "",
  };
  log.begin("pg-restart", false);
  const watch = createEndWatch([{ unexpectedEnds: () => [end] }], log);
  const [text] = watch.takeNew();
  expect(text).toMatch(
    /^instance 0 ended by itself at -?0\.0 s, 1\.5 s after its start: SIGSEGV\n {2}faults {4}none in the last 10 s\n {2}it said {3}nothing$/,
  );
  expect(watch.takeNew()).toEqual([]);
});
