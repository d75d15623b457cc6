import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import { applyMigrations } from "../../src/database/migrations.ts";
import { ACCESS_ENV, AS_ADMINISTRATOR, addAdministrator } from "../support/access.ts";
import { launchPostgres } from "../support/postgresServer.ts";
import { findFreePort } from "../support/server.ts";
import { UNLIMITED } from "../support/unlimited.ts";

const HELP = `Measures how many jobs a second are claimed and completed, by this service over HTTP, pg-boss and graphile-worker.

  npm --prefix test/bench/jobs ci && npx tsx test/bench/jobs.ts [options]

  --jobs <n>      jobs in each round, for each system (10000)
  --workers <n>   workers that claim and complete at the same time (16)
  --batch <n>     jobs in one claim, and in one completion, at most 100 (20)
  --rounds <n>    rounds after the first, which does not count (5)
  --projects <n>  projects to which the jobs belong, in equal shares and one project after the other (500)
  --json          print only the results, as a line of JSON

A queue alone keeps no log of a job's events, and has no project whose status follows its jobs. So pg-boss runs
twice: as it is, and with both added in its transactions, as a user who needs them would do it.

All systems use one PostgreSQL with flushed commits, each in a database of its own. In every round each system has
its turn, so that a disturbance of the machine affects all. A worker does nothing with a job but read its document.
This service runs in a process of its own, as it does in production; the others are libraries, and run in this
process.`;

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "10000" },
    workers: { type: "string", default: "16" },
    batch: { type: "string", default: "20" },
    rounds: { type: "string", default: "5" },
    projects: { type: "string", default: "500" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [jobs, workers, batch, rounds, projects] = [
  values.jobs,
  values.workers,
  values.batch,
  values.rounds,
  values.projects,
].map(Number) as [number, number, number, number, number];
const rivalsFolder = new URL("jobs/", import.meta.url);
if (!existsSync(new URL("node_modules/", rivalsFolder))) {
  console.error("The other systems are not there: npm --prefix test/bench/jobs ci");
  process.exit(1);
}
const require = createRequire(new URL("package.json", rivalsFolder));

/** A job's document: what its worker has to know. */
const PLAN = {
  tasks: [
    {
      id: "t1",
      type: "convert-file",
      description: "Convert the entry point",
      inputFiles: ["src/index.js"],
      outputFiles: ["src/index.ts"],
      dependencies: [],
      agentType: "converter",
      priority: 0,
      status: "PENDING",
    },
  ],
  complexity: "LOW",
  warnings: [],
  feasible: true,
};

interface System {
  readonly name: string;
  /** Adds the round's jobs. This is not timed. */
  fill(): Promise<void>;
  /** Claims and completes all jobs, and resolves when the last one is completed. */
  drain(): Promise<void>;
  /** How many jobs have been completed in all. */
  completed(): Promise<number>;
  close(): Promise<void>;
}

const postgres = await launchPostgres({
  settings: { fsync: "on", full_page_writes: "on", autovacuum: "on", shared_buffers: "256MB" },
});
const admin = new pg.Client({ connectionString: postgres.url });
await admin.connect();
async function createDatabase(name: string): Promise<string> {
  await admin.query(`CREATE DATABASE "${name}"`);
  const url = new URL(postgres.url);
  url.pathname = name;
  return url.href;
}
/** Runs as many loops at a time as there are workers, each until `step` returns false: nothing is left. */
const inParallel = (step: (worker: number) => Promise<boolean>) =>
  Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      while (await step(worker));
    }),
  );

async function startService(): Promise<System> {
  const url = await createDatabase("service");
  await applyMigrations({ connectionString: url, log: { info() {}, warn() {}, debug() {} } as never });
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  await addAdministrator(url);
  await pool.query("INSERT INTO users (github_id, username) VALUES ('1', 'owner')");
  await pool.query(
    "INSERT INTO projects (user_id, name, github_url) SELECT id, n, 'u' FROM users, generate_series(1, $1::int) n WHERE username = 'owner'",
    [projects],
  );
  const port = await findFreePort();
  const child: ChildProcess = spawn(
    process.execPath,
    [
      "--import",
      import.meta.resolve("tsx"),
      fileURLToPath(new URL("../../src/cli.ts", import.meta.url)),
      "serve",
    ],
    {
      env: {
        ...process.env,
        ...UNLIMITED,
        ...ACCESS_ENV,
        DATABASE_URL: url,
        PORT: String(port),
        LOG_LEVEL: "warn",
        NODE_ENV: "production",
        DB_POOL_MAX: String(workers),
      },
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  const agent = new Agent({ keepAlive: true, maxSockets: workers });
  const send = (query: string, variables: object) =>
    // biome-ignore lint/suspicious/noExplicitAny: the selection is beside it
    new Promise<any>((resolve, reject) => {
      const body = JSON.stringify({ query, variables });
      const req = request(
        {
          port,
          agent,
          method: "POST",
          path: "/graphql",
          headers: {
            "content-type": "application/json",
            "content-length": Buffer.byteLength(body),
            ...AS_ADMINISTRATOR,
          },
        },
        (res) => {
          const chunks: Buffer[] = [];
          res.on("data", (chunk) => chunks.push(chunk));
          res.on("end", () => {
            const { data, errors } = JSON.parse(Buffer.concat(chunks).toString());
            if (errors) reject(new Error(JSON.stringify(errors)));
            else resolve(data);
          });
        },
      );
      req.on("error", reject).end(body);
    });
  for (;;) {
    if (
      await fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const CLAIMED =
    "claimConversionJobs(input: $wanted) { claims { fencingToken conversionJob { id plan { tasks { id type description inputFiles outputFiles } } } } }";
  const CLAIM = `mutation ($wanted: ClaimConversionJobsInput!) { ${CLAIMED} }`;
  /**
   * Fields of a mutation run one after the other, so a worker completes its jobs and claims more in one
   * request.
   */
  const COMPLETE_AND_CLAIM = `mutation ($done: CompleteConversionJobsInput!, $wanted: ClaimConversionJobsInput!) {
    completeConversionJobs(input: $done) { results { error { code } } } ${CLAIMED} }`;
  return {
    name: "stack-converter",
    async fill() {
      await pool.query(
        // The jobs of one project follow each other, as its owner would create them.
        "INSERT INTO conversion_jobs (project_id, plan) SELECT p.id, $2 FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM projects) AS p, generate_series(1, $1::int) AS i WHERE p.n = 1 + (i - 1) * $3::int / $1::int ORDER BY i",
        [jobs, JSON.stringify(PLAN), projects],
      );
    },
    drain: async () => {
      await Promise.all(
        Array.from({ length: workers }, async (_, worker) => {
          const workerId = `w${worker}`;
          const wanted = { workerId, agentTypes: ["converter"], count: batch };
          let answer = await send(CLAIM, { wanted });
          for (;;) {
            const claims = answer.claimConversionJobs.claims as {
              fencingToken: number;
              conversionJob: { id: string };
            }[];
            if (claims.length === 0) return;
            const finished = claims.map(({ fencingToken, conversionJob: { id } }) => ({ id, fencingToken }));
            answer = await send(COMPLETE_AND_CLAIM, { done: { workerId, jobs: finished }, wanted });
            for (const { error } of answer.completeConversionJobs.results)
              if (error) throw new Error(error.code);
          }
        }),
      );
    },
    completed: async () =>
      (await pool.query("SELECT count(*)::int FROM conversion_jobs WHERE status = 'COMPLETED'")).rows[0]
        .count,
    async close() {
      agent.destroy();
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      await pool.end();
    },
  };
}

async function startPgBoss(): Promise<System> {
  const PgBoss = require("pg-boss");
  const connectionString = await createDatabase("pgboss");
  const boss = new PgBoss({ connectionString, max: workers, supervise: true, schedule: false });
  boss.on("error", console.error);
  await boss.start();
  await boss.createQueue("convert");
  let completed = 0;
  return {
    name: "pg-boss",
    fill: () => boss.insert(Array.from({ length: jobs }, () => ({ name: "convert", data: PLAN }))),
    drain: async () => {
      await inParallel(async () => {
        const claimed: { id: string }[] = await boss.fetch("convert", { batchSize: batch });
        if (claimed.length === 0) return false;
        await boss.complete(
          "convert",
          claimed.map(({ id }) => id),
        );
        completed += claimed.length;
        return true;
      });
    },
    completed: async () => completed,
    close: () => boss.stop({ graceful: false }),
  };
}

/**
 * pg-boss with the record that this service keeps: an event for each change of a job, and the project's
 * status, both in the transaction of the change. A counter tells when a project's last job has ended.
 */
async function startPgBossWithRecord(): Promise<System> {
  const PgBoss = require("pg-boss");
  const connectionString = await createDatabase("pgboss_record");
  const boss = new PgBoss({ connectionString, max: 2, supervise: true, schedule: false });
  boss.on("error", console.error);
  await boss.start();
  await boss.createQueue("convert");
  const pool = new pg.Pool({ connectionString, max: workers });
  await pool.query(`
    CREATE TABLE project (id int PRIMARY KEY, status text NOT NULL, unfinished int NOT NULL, updated_at timestamptz NOT NULL);
    CREATE TABLE job_event (job_id uuid, sequence int, type text NOT NULL, data jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (job_id, sequence));`);
  await pool.query("INSERT INTO project SELECT n, 'READY', 0, now() FROM generate_series(1, $1::int) AS n", [
    projects,
  ]);
  type Job = { id: string; data: { projectId: number } };
  async function inTransaction<Result>(
    work: (client: pg.PoolClient, db: object) => Promise<Result>,
  ): Promise<Result> {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const executeSql = (text: string, values: unknown[]) => client.query(text, values);
      const result = await work(client, { executeSql });
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  }
  const record = (client: pg.PoolClient, claimed: readonly Job[], sequence: number, type: string) =>
    client.query(
      "INSERT INTO job_event (job_id, sequence, type, data) SELECT id, $2, $3, jsonb_build_object('status', $3::text) FROM unnest($1::uuid[]) AS id",
      [claimed.map(({ id }) => id), sequence, type],
    );
  const projectsOf = (claimed: readonly Job[]) => claimed.map(({ data }) => data.projectId);
  let completed = 0;
  return {
    name: "pg-boss + record",
    async fill() {
      const projectOf = (i: number) => 1 + Math.floor((i * projects) / jobs);
      await boss.insert(
        Array.from({ length: jobs }, (_, i) => ({
          name: "convert",
          data: { ...PLAN, projectId: projectOf(i) },
        })),
      );
      const counts = new Map<number, number>();
      for (let i = 0; i < jobs; i++) counts.set(projectOf(i), (counts.get(projectOf(i)) ?? 0) + 1);
      await pool.query(
        "UPDATE project SET unfinished = unfinished + n FROM unnest($1::int[], $2::int[]) AS added(id, n) WHERE project.id = added.id",
        [[...counts.keys()], [...counts.values()]],
      );
    },
    drain: async () => {
      await inParallel(async () => {
        const claimed = await inTransaction<Job[]>(async (client, db) => {
          const found: Job[] = await boss.fetch("convert", { batchSize: batch, db });
          if (found.length === 0) return found;
          await record(client, found, 1, "CLAIMED");
          await client.query(
            `WITH begun AS (SELECT id FROM project WHERE id = ANY($1) AND status <> 'CONVERTING' ORDER BY id FOR UPDATE)
             UPDATE project SET status = 'CONVERTING', updated_at = now() FROM begun WHERE project.id = begun.id`,
            [projectsOf(found)],
          );
          return found;
        });
        if (claimed.length === 0) return false;
        await inTransaction(async (client, db) => {
          await boss.complete(
            "convert",
            claimed.map(({ id }) => id),
            undefined,
            { db },
          );
          await record(client, claimed, 2, "COMPLETED");
          await client.query(
            `WITH ended AS (SELECT id, count(*)::int AS n FROM unnest($1::int[]) AS id GROUP BY id),
                  locked AS (SELECT ended.* FROM ended JOIN project USING (id) ORDER BY id FOR UPDATE OF project)
             UPDATE project SET unfinished = unfinished - n, updated_at = now(),
                    status = CASE WHEN unfinished = n THEN 'COMPLETED' ELSE status END
               FROM locked WHERE project.id = locked.id`,
            [projectsOf(claimed)],
          );
        });
        completed += claimed.length;
        return true;
      });
    },
    completed: async () => completed,
    async close() {
      await boss.stop({ graceful: false });
      await pool.end();
    },
  };
}

async function startGraphileWorker(): Promise<System> {
  const { run, runMigrations, Logger } = require("graphile-worker");
  const connectionString = await createDatabase("graphile");
  const logger = new Logger(() => () => {});
  await runMigrations({ connectionString, logger });
  const pool = new pg.Pool({ connectionString, max: workers + 2 });
  // graphile-worker asks for an error listener on the pool and on each client.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  let completed = 0;
  return {
    name: "graphile-worker",
    async fill() {
      await pool.query(
        "SELECT graphile_worker.add_jobs(array_agg(json_populate_record(null::graphile_worker.job_spec, json_build_object('identifier', 'convert', 'payload', $2::json)))) FROM generate_series(1, $1::int)",
        [jobs, JSON.stringify(PLAN)],
      );
    },
    async drain() {
      const wanted = completed + jobs;
      let done = () => {};
      const finished = new Promise<void>((resolve) => {
        done = resolve;
      });
      const runner = await run({
        preset: {
          worker: {
            pgPool: pool,
            concurrentJobs: workers,
            localQueue: { size: batch * workers },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
            pollInterval: 50,
            logger,
          },
        },
        pgPool: pool,
        noHandleSignals: true,
        logger,
        taskList: {
          convert: async () => {
            if (++completed === wanted) done();
          },
        },
      });
      await finished;
      // The last completions may still be in flight.
      await runner.stop();
    },
    completed: async () => completed,
    close: () => pool.end(),
  };
}

const systems: System[] = [];
try {
  for (const start of [startService, startPgBoss, startPgBossWithRecord, startGraphileWorker])
    systems.push(await start());
  const rates = new Map(systems.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    // The system that is first in one round is last in the next.
    systems.push(systems.shift()!);
    for (const system of systems) {
      await system.fill();
      const startedAt = performance.now();
      await system.drain();
      const perSecond = jobs / ((performance.now() - startedAt) / 1_000);
      if (round > 0) rates.get(system.name)!.push(perSecond);
      if ((await system.completed()) !== jobs * (round + 1)) throw new Error(`${system.name} lost jobs`);
      if (!values.json) {
        const note = round === 0 ? " (not counted)" : "";
        console.log(`round ${round}: ${system.name.padEnd(18)}${Math.round(perSecond)} jobs/s${note}`);
      }
    }
  }
  const median = (numbers: readonly number[]) =>
    [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
  const results = [...rates].map(([name, found]) => ({
    name,
    jobsPerSecond: Math.round(median(found)),
    lowest: Math.round(Math.min(...found)),
    highest: Math.round(Math.max(...found)),
  }));
  const summary = {
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    date: new Date().toISOString(),
    jobs,
    workers,
    batch,
    rounds,
    results,
  };
  if (values.json) console.log(JSON.stringify(summary));
  else {
    console.log(`\nmedian of ${rounds} rounds of ${jobs} jobs, ${workers} workers, ${batch} a call:`);
    for (const { name, jobsPerSecond, lowest, highest } of results)
      console.log(
        `  ${name.padEnd(18)}${String(jobsPerSecond).padStart(6)} jobs/s   (${lowest} to ${highest})`,
      );
  }
} finally {
  for (const system of systems) await system.close().catch(console.error);
  await admin.end();
  await postgres.stop();
}
