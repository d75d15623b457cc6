import { beforeAll, expect, test } from "vitest";
import { recordStatements } from "../../support/sql.ts";
import { ADAS, BOBS, createAccessWorld, VIEWERS } from "./world.ts";

const world = await createAccessWorld({ CACHE_ENABLED: "true", CACHE_SAMPLE_RATE: "0" });
const recording = recordStatements(world.pool);

const JOBS =
  "{ conversionJobs(first: 100) { totalCount nodes { id status } } conversionJobStatistics { total } }";
const cancel = (id: string) =>
  world.ask(
    VIEWERS.admin,
    `mutation { cancelConversionJob(input: { id: "${id}" }) { conversionJob { id } } }`,
  );

/** Asks for Ada's jobs. `isKept`: no statement about jobs was sent, so the answer came from the cache. */
async function askForJobs() {
  recording.reset();
  const { data } = await world.ask(VIEWERS.owner, JOBS);
  const statements = recording.statements.filter(({ text }) =>
    /"status", count|"conversion_jobs" WHERE/.test(text),
  );
  return {
    nodes: data.conversionJobs.nodes as { id: string; status: string }[],
    isKept: statements.length === 0,
  };
}

beforeAll(async () => {
  await world.reset();
  // Active jobs are read anew each time.
  for (const id of [ADAS.job, ADAS.pending, ADAS.paused, BOBS.pending, BOBS.paused]) await cancel(id);
});

test("an owner's kept lists and statistics of jobs outlive changes of other people's jobs, but none of their own", async () => {
  await expect.poll(async () => (await askForJobs()).isKept, { timeout: 10_000 }).toBe(true);

  const { errors } = await cancel(BOBS.job);
  expect(errors).toBeUndefined();
  expect((await askForJobs()).isKept).toBe(true);

  await world.ask(
    VIEWERS.admin,
    `mutation { deleteConversionJob(input: { id: "${ADAS.failed}" }) { deletedId } }`,
  );
  const { nodes, isKept } = await askForJobs();
  expect(isKept).toBe(false);
  expect(nodes.map(({ id }) => id).sort()).toEqual([ADAS.job, ADAS.pending, ADAS.paused].sort());
});
