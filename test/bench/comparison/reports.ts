import type pg from "pg";
import type { Databases } from "./data.ts";
import { ask, type Server } from "./servers.ts";
import { M1, NUMBER_PLACE, progressReport, WORKER_ID } from "./work.ts";

const CLAIM = `mutation ($input: ClaimConversionJobsInput!) {
  claimConversionJobs(input: $input) { claims { fencingToken conversionJob { id } } } }`;
/** The most jobs that one call gives. */
const CLAIMED_AT_ONCE = 100;

const claimed = new WeakMap<Server, readonly string[]>();

/**
 * A worker's reports, one for each job. The worker first claims its jobs from the service, like any worker.
 * In the peers' database it holds them already.
 *
 * @throws Error when the server does not store what a report says
 */
export async function reportsOf(
  server: Server,
  databases: Databases,
  pool: pg.Pool,
): Promise<readonly string[]> {
  const known = claimed.get(server);
  if (known !== undefined) return known;
  const { dialect, name } = server.contender;
  const jobs =
    dialect === "service"
      ? await claim(server, databases.heldJobs.length)
      : databases.heldJobs.map((key) => ({ key, fencingToken: 1 }));
  const bodies = jobs.map(({ key, fencingToken }) =>
    JSON.stringify({ query: M1.documents[dialect], variables: progressReport(dialect, key, fencingToken) }),
  );
  claimed.set(server, bodies);

  const first = String(Date.now()).slice(-NUMBER_PLACE.length);
  const text = await (await ask(server, bodies[0]!.replace(NUMBER_PLACE, first))).text();
  const { rows } = await pool.query(
    'SELECT "progress", "current_task" FROM "conversion_jobs" WHERE "id" = $1',
    [jobs[0]!.key],
  );
  if (rows[0].progress !== 40 || rows[0].current_task !== `task ${first}` || !text.includes('"progress":40'))
    throw new Error(`${name} has not stored a report of progress: ${text.slice(0, 500)}`);
  return bodies;
}

async function claim(server: Server, count: number): Promise<{ key: string; fencingToken: number }[]> {
  const jobs: { key: string; fencingToken: number }[] = [];
  while (jobs.length < count) {
    const input = {
      workerId: WORKER_ID,
      agentTypes: ["converter"],
      count: Math.min(CLAIMED_AT_ONCE, count - jobs.length),
      leaseSeconds: 3_600,
    };
    const text = await (await ask(server, JSON.stringify({ query: CLAIM, variables: { input } }))).text();
    // Safe: it is what the document selects. `data` is null if the mutation fails, which the check of
    // `claims` reports.
    const { data } = JSON.parse(text) as {
      data: {
        claimConversionJobs: { claims: { fencingToken: number; conversionJob: { id: string } }[] };
      } | null;
    };
    const claims = data?.claimConversionJobs.claims ?? [];
    if (claims.length === 0) throw new Error(`Expected a claim of jobs, got ${text.slice(0, 500)}`);
    for (const { fencingToken, conversionJob } of claims)
      jobs.push({ key: conversionJob.id.replace("ConversionJob:", ""), fencingToken });
  }
  return jobs;
}
