import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { ACCESS_ENV, AS_ADMINISTRATOR, addAdministrator } from "../../support/access.ts";
import { type EventStream, openEvents } from "../../support/events.ts";
import type { Program } from "../../support/process.ts";
import { insertRows, keyOf } from "../../support/rows.ts";
import { findFreePort } from "../../support/server.ts";
import { UNLIMITED } from "../../support/unlimited.ts";

export interface ResumeOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly kills: number;
  /** Starts the service with these variables. */
  readonly start: (env: Readonly<Record<string, string>>) => Pick<Program, "kill" | "output">;
  readonly onProgress?: (line: string) => void;
}

export interface ResumeReport {
  readonly kills: number;
  /** Events in the job's log. */
  readonly events: number;
  /** Events that the subscriber received, over all its connections. */
  readonly received: number;
  readonly gaps: number;
  readonly repeats: number;
  readonly connections: number;
}

const INSTANCES = 2;
const EVENTS = `subscription ($jobId: ID!, $after: Int) {
  conversionJobEvents(jobId: $jobId, after: $after) { cursor events { sequence } }
}`;
const REPORT_EVERY_MS = 20;
/** A subscriber receives this many messages before its instance is killed. */
const MESSAGES_BEFORE_KILL = 3;

/**
 * One subscriber follows a job whose worker reports all the time, while the instance that serves it is killed
 * again and again. Each time it connects to another instance with its last cursor. The events that it has
 * received in the end are compared with the job's log.
 */
export async function checkResume(options: ResumeOptions): Promise<ResumeReport> {
  const { databaseUrl, redisUrl, kills, onProgress = () => {} } = options;
  const ports = [await findFreePort(), await findFreePort()];
  const programs: Pick<Program, "kill" | "output">[] = [];
  const urls = ports.map((port) => `http://127.0.0.1:${port}/graphql`);

  const start = async (index: number): Promise<void> => {
    programs[index] = options.start({
      ...ACCESS_ENV,
      NODE_ENV: "production",
      HOST: "127.0.0.1",
      PORT: String(ports[index]),
      LOG_LEVEL: "warn",
      ...UNLIMITED,
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
    });
    const ready = new URL("/readyz", urls[index]);
    for (let attempt = 0; ; attempt++) {
      const response = await fetch(ready).catch(() => undefined);
      await response?.arrayBuffer().catch(() => {});
      if (response?.ok) return;
      if (attempt === 600) throw new Error(`The service does not start:\n${programs[index]!.output()}`);
      await sleep(100);
    }
  };

  /** Sends a mutation to whichever instance answers. */
  const send = async (query: string, input: object): Promise<unknown> => {
    for (let attempt = 0; ; attempt++) {
      const url = urls[attempt % INSTANCES]!;
      try {
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", ...AS_ADMINISTRATOR },
          body: JSON.stringify({ query, variables: { input } }),
        });
        const { data, errors } = (await response.json()) as { data?: unknown; errors?: unknown };
        if (errors === undefined) return data;
        if (attempt > 300) throw new Error(`A worker's call is refused: ${JSON.stringify(errors)}`);
      } catch (error) {
        if (attempt > 300) throw error;
      }
      await sleep(20);
    }
  };

  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  try {
    await start(0);
    await start(1);
    await addAdministrator(databaseUrl);
    await insertRows(pool, { users: 1, projects: 1, jobs: 1 });
    const jobId = `ConversionJob:${keyOf(1)}`;
    const claimed = (await send(
      `mutation ($input: ClaimConversionJobsInput!) { claimConversionJobs(input: $input) { claims { fencingToken } } }`,
      { workerId: "w", agentTypes: ["converter"], leaseSeconds: 3_600 },
    )) as { claimConversionJobs: { claims: { fencingToken: number }[] } };
    const { fencingToken } = claimed.claimConversionJobs.claims[0]!;
    const job = { id: jobId, fencingToken };

    let isReporting = true;
    const report = async () => {
      for (let task = 1; isReporting; task++) {
        await send(
          `mutation ($input: ReportProgressInput!) { reportProgress(input: $input) { results { error { code } } } }`,
          { workerId: "w", jobs: [{ ...job, currentTask: `task ${task}` }] },
        );
        await sleep(REPORT_EVERY_MS);
      }
      await send(
        `mutation ($input: CompleteConversionJobsInput!) { completeConversionJobs(input: $input) { results { error { code } } } }`,
        { workerId: "w", jobs: [job] },
      );
    };

    const received: number[] = [];
    let connections = 0;
    let serving: { readonly index: number; readonly stream: EventStream } | undefined;
    const subscribe = async () => {
      let cursor: number | undefined;
      for (let index = 0; ; index = (index + 1) % INSTANCES) {
        const stream = await openEvents(
          urls[index]!,
          EVENTS,
          { jobId, after: cursor },
          AS_ADMINISTRATOR,
        ).catch(() => undefined);
        if (stream === undefined) {
          await sleep(20);
          continue;
        }
        connections++;
        serving = { index, stream };
        const end = await stream.ended;
        serving = undefined;
        for (const { data, errors } of stream.messages) {
          if (errors !== undefined) throw new Error(`The subscription is refused: ${JSON.stringify(errors)}`);
          cursor = data.conversionJobEvents.cursor;
          for (const { sequence } of data.conversionJobEvents.events) received.push(sequence);
        }
        if (end === "complete") return;
      }
    };

    const killing = async () => {
      const starting: Promise<void>[] = [];
      for (let kill = 1; kill <= kills; kill++) {
        while (serving === undefined) await sleep(5);
        const { index, stream } = serving;
        await stream.until(MESSAGES_BEFORE_KILL);
        // The other instance must be running, so that the subscriber can continue there.
        await starting[(index + 1) % INSTANCES];
        await programs[index]!.kill();
        await stream.ended;
        starting[index] = start(index);
        onProgress(`kill ${kill} of ${kills}: instance ${index}`);
      }
      isReporting = false;
      await Promise.all(starting);
    };

    await Promise.all([report(), subscribe(), killing()]);
    const { rows } = await pool.query("SELECT sequence FROM conversion_job_events ORDER BY sequence");
    const expected = rows.map(({ sequence }) => sequence as number);
    const distinct = new Set(received);
    return {
      kills,
      events: expected.length,
      received: received.length,
      gaps: expected.filter((sequence) => !distinct.has(sequence)).length,
      repeats: received.length - distinct.size,
      connections,
    };
  } finally {
    await Promise.all(programs.map((program) => program.kill()));
    await pool.end();
  }
}
