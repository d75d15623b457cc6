import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { ACCESS_ENV, AS_ADMINISTRATOR, addAdministrator } from "../../support/access.ts";
import { startGuarded } from "../../support/guard.ts";
import { launchPostgres } from "../../support/postgresServer.ts";
import { launchRedis } from "../../support/redisServer.ts";
import { insertRows, keyOf } from "../../support/rows.ts";
import { findFreePort } from "../../support/server.ts";
import { UNLIMITED } from "../../support/unlimited.ts";

const CLI = fileURLToPath(new URL("../../../dist/cli.js", import.meta.url));
const WORKER_ID = "bench";
/** A module for the service's process: on SIGUSR2 it collects garbage and prints the memory in use. */
const MEMORY_ON_SIGNAL = `data:text/javascript,process.on("SIGUSR2",()=>{gc();gc();console.log("memory "+JSON.stringify(process.memoryUsage()))})`;
/** Linux counts a process's time in ticks. */
const TICKS_PER_SECOND = 100;

/** PostgreSQL, one instance of the service in a process of its own, and jobs that this process has claimed. */
export async function createEmptyWorld(options: {
  readonly jobs: number;
  readonly wantsRedis: boolean;
  readonly maxSubscriptions: number;
}) {
  const postgres = await launchPostgres({ settings: { autovacuum: "on" } });
  const redis = options.wantsRedis ? await launchRedis() : undefined;
  const port = await findFreePort();
  const origin = `http://127.0.0.1:${port}`;
  const url = `${origin}/graphql`;
  const program = startGuarded({
    command: process.execPath,
    args: ["--expose-gc", "--import", MEMORY_ON_SIGNAL, CLI, "serve"],
    env: {
      PATH: process.env.PATH,
      ...ACCESS_ENV,
      NODE_ENV: "production",
      PORT: String(port),
      LOG_LEVEL: "warn",
      ...UNLIMITED,
      DATABASE_URL: postgres.url,
      MAX_SUBSCRIPTIONS: String(options.maxSubscriptions),
      ...(redis && { REDIS_URL: redis.url }),
    },
    signal: "TERM",
    output: "pipe",
  });
  let output = "";
  for (const stream of [program.child.stdout, program.child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const stop = async () => {
    program.signal("SIGTERM");
    await program.exited;
    await redis?.stop();
    await postgres.stop();
  };
  try {
    for (let attempt = 0; !(await fetch(`${origin}/readyz`).catch(() => undefined))?.ok; attempt++) {
      if (attempt === 300) throw new Error(`The service does not start:\n${output}`);
      await sleep(100);
    }
    const pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
    await addAdministrator(postgres.url);
    await insertRows(pool, { users: 1, projects: 10, jobs: options.jobs });
    await pool.end();

    const agent = new Agent({ keepAlive: true, maxSockets: 32 });
    const send = (query: string, variables: unknown): Promise<Record<string, unknown>> =>
      new Promise<Record<string, unknown>>((resolve, reject) => {
        const req = request(
          url,
          { method: "POST", agent, headers: { "content-type": "application/json", ...AS_ADMINISTRATOR } },
          (res) => {
            let text = "";
            res.setEncoding("utf8");
            res.on("data", (chunk: string) => {
              text += chunk;
            });
            res.on("end", () => {
              const { data, errors } = JSON.parse(text);
              if (errors) reject(new Error(JSON.stringify(errors)));
              else resolve(data);
            });
          },
        );
        req.on("error", (error: NodeJS.ErrnoException) => {
          // The service has just closed this idle keep-alive connection, and has not seen the request.
          if (req.reusedSocket && error.code === "ECONNRESET") resolve(send(query, variables));
          else reject(error);
        });
        req.end(JSON.stringify({ query, variables }));
      });

    const tokens = new Map<string, number>();
    while (tokens.size < options.jobs) {
      const { claimConversionJobs } = (await send(
        `mutation ($input: ClaimConversionJobsInput!) { claimConversionJobs(input: $input) { claims { fencingToken conversionJob { id } } } }`,
        { input: { workerId: WORKER_ID, agentTypes: ["converter"], leaseSeconds: 3_600, count: 100 } },
      )) as { claimConversionJobs: { claims: { fencingToken: number; conversionJob: { id: string } }[] } };
      for (const { fencingToken, conversionJob } of claimConversionJobs.claims)
        tokens.set(conversionJob.id, fencingToken);
    }
    const jobIds = Array.from({ length: options.jobs }, (_, index) => `ConversionJob:${keyOf(index + 1)}`);
    let running: Promise<unknown>[] = [];
    let answeredMs: number[] = [];

    return {
      url,
      jobIds,
      stop: async () => {
        agent.destroy();
        await stop();
      },

      /**
       * Reports progress on a job. The report's `currentTask` is the present time, so that subscribers know
       * its age.
       */
      report(index: number): Promise<unknown> {
        const id = jobIds[index]!;
        const reported = send(
          `mutation ($input: ReportProgressInput!) { reportProgress(input: $input) { results { error { code } } } }`,
          {
            input: {
              workerId: WORKER_ID,
              jobs: [
                {
                  id,
                  fencingToken: tokens.get(id),
                  currentTask: String(performance.timeOrigin + performance.now()),
                },
              ],
            },
          },
        );
        const sentAt = performance.now();
        running.push(reported.then(() => answeredMs.push(performance.now() - sentAt)));
        return reported;
      },

      /** Resolves when all reports are answered, to the median time until an answer, in ms. */
      async reported(): Promise<number> {
        await Promise.all(running);
        running = [];
        const sorted = answeredMs.sort((a, b) => a - b);
        answeredMs = [];
        return sorted[Math.floor(sorted.length / 2)]!;
      },

      async memory(): Promise<{ rss: number; heapUsed: number }> {
        const from = output.length;
        program.signal("SIGUSR2");
        for (;;) {
          const line = /^memory (.*)$/m.exec(output.slice(from))?.[1];
          if (line !== undefined) return JSON.parse(line);
          await sleep(20);
        }
      },

      /** The processor time of the service's process; 0 on a system other than Linux. */
      async cpuSeconds(): Promise<number> {
        if (process.platform !== "linux") return 0;
        const stat = readFileSync(`/proc/${program.pid}/stat`, "utf8");
        // Split after the name, which may have spaces. Fields 14 and 15 of the line are user and system time.
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
