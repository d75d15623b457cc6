import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import { pino } from "pino";
import { applyMigrations } from "../../src/database/migrations.ts";
import { ACCESS_ENV, addAdministrator } from "../support/access.ts";
import { type GuardedProgram, startGuarded } from "../support/guard.ts";
import { launchPostgres } from "../support/postgresServer.ts";
import { launchRedis } from "../support/redisServer.ts";
import { PLAN } from "../support/rows.ts";
import { findFreePort } from "../support/server.ts";
import { UNLIMITED } from "../support/unlimited.ts";
import { type JobFaults, judgeJobs } from "./judgeJobs.ts";

const HELP = `Whether every job is finished exactly once while workers are killed and stopped.

  npm run check:jobs -- [options]

  --jobs <n>       (10000)
  --workers <n>    in all (32)
  --processes <n>  that they are in (4)
  --seconds <n>    for which workers are killed and stopped (60); what is left then is finished in peace
  --json           nothing but the last line

Two instances of the service on one PostgreSQL and one Redis; the workers reach them over HTTP, with leases of a second.
What came of it is read from the jobs and their events in the database, not from what workers say. The last line is
JSON. Exit code 1: a job was lost, or finished twice, or by a worker that had lost its lease, or not in time.`;

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "10000" },
    workers: { type: "string", default: "32" },
    processes: { type: "string", default: "4" },
    seconds: { type: "string", default: "60" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [jobs, workers, processes, seconds] = [
  values.jobs,
  values.workers,
  values.processes,
  values.seconds,
].map((text) => {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error(`Expected a number from 1 on, got "${text}".`);
  return Number(text);
}) as [number, number, number, number];

/** Jobs per claim on average: jobWorker.ts asks for 1 to 5. */
const JOBS_PER_CLAIM = 3;
const PROJECTS = 500;
/** How long the jobs that are left after the disturbances may take. More jobs get more time. */
const PEACE_MS = 60_000 + 20 * jobs;

const say = (text: string) => values.json || console.log(text);
const chance = (share: number) => Math.random() < share;

function start(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): GuardedProgram {
  const program = startGuarded({
    command: process.execPath,
    args: ["--import", import.meta.resolve("tsx"), fileURLToPath(new URL(file, import.meta.url)), ...args],
    env: { ...process.env, ...env },
    signal: "TERM",
    output: "pipe",
  });
  program.child.stdout?.resume();
  program.child.stderr?.on("data", (chunk) => say(String(chunk).trimEnd()));
  return program;
}

const postgres = await launchPostgres({ settings: { autovacuum: "on" } });
const redis = await launchRedis();
const programs = new Set<GuardedProgram>();
const pool = new pg.Pool({ connectionString: postgres.url, max: 2 });
pool.on("error", () => {});
try {
  await applyMigrations({ connectionString: postgres.url, log: pino({ level: "silent" }) });
  await addAdministrator(postgres.url);
  await pool.query("INSERT INTO users (github_id, username) VALUES ('1', 'owner')");
  await pool.query(
    "INSERT INTO projects (user_id, name, github_url) SELECT id, n, 'u' FROM users, generate_series(1, $1::int) AS n WHERE username = 'owner'",
    [PROJECTS],
  );
  await pool.query(
    `INSERT INTO conversion_jobs (project_id, plan, max_attempts)
     SELECT project.id, $2, 1000 FROM generate_series(1, $1::int) AS n
       JOIN (SELECT id, row_number() OVER () AS n FROM projects) AS project ON project.n = 1 + n.n % $3::int`,
    [jobs, JSON.stringify(PLAN), PROJECTS],
  );

  const urls: string[] = [];
  for (let instance = 0; instance < 2; instance++) {
    const port = await findFreePort();
    programs.add(
      start("../../src/cli.ts", ["serve"], {
        ...UNLIMITED,
        ...ACCESS_ENV,
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
        HOST: "127.0.0.1",
        PORT: String(port),
        LOG_LEVEL: "error",
        NODE_ENV: "production",
      }),
    );
    urls.push(`http://127.0.0.1:${port}/graphql`);
  }
  for (const url of urls) {
    const deadline = Date.now() + 60_000;
    while (
      !(await fetch(new URL("/readyz", url)).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      if (Date.now() > deadline) throw new Error(`The service at ${url} does not begin to answer.`);
      await sleep(100);
    }
  }

  // So that the jobs last for about as long as the disturbances.
  const workMs = Math.round((seconds * 1_000 * workers * JOBS_PER_CLAIM) / jobs / 2);
  let started = 0;
  const startWorkers = () => {
    const perProcess = Math.ceil(workers / processes);
    const program = start("jobWorker.ts", [`p${++started}`, String(perProcess), String(workMs), ...urls]);
    programs.add(program);
    return program;
  };
  const running = Array.from({ length: processes }, startWorkers);
  const left = async () =>
    (await pool.query("SELECT count(*)::int FROM conversion_jobs WHERE completed_at IS NULL")).rows[0].count;

  const counts = { kills: 0, stops: 0 };
  const startedAt = Date.now();
  const stopped: Promise<void>[] = [];
  while (Date.now() - startedAt < seconds * 1_000 && (await left()) > 0) {
    await sleep(200 + Math.random() * 1_000);
    const index = Math.floor(Math.random() * processes);
    const victim = running[index]!;
    if (chance(0.5)) {
      counts.kills++;
      victim.killGroup();
      programs.delete(victim);
      running[index] = startWorkers();
    } else if (victim.signal("SIGSTOP")) {
      counts.stops++;
      // From a little less than the duration of a lease to three times that.
      stopped.push(sleep(800 + Math.random() * 2_500).then(() => void victim.signal("SIGCONT")));
    }
  }
  say(`${((Date.now() - startedAt) / 1_000).toFixed(1)} s: ${await left()} jobs are left`);
  await Promise.all(stopped);
  const peaceEnds = Date.now() + PEACE_MS;
  while ((await left()) > 0 && Date.now() < peaceEnds) await sleep(250);

  const verdict = await judgeJobs(pool);
  const report = { jobs, ...verdict, ...counts, seconds: Math.round((Date.now() - startedAt) / 1_000) };
  console.log(JSON.stringify(report));
  const faults: (keyof JobFaults)[] = ["lost", "doubled", "byLostLease", "gaps", "wrongProjects"];
  process.exitCode = faults.some((fault) => report[fault] > 0) || report.finished !== jobs ? 1 : 0;
} finally {
  for (const program of programs) program.killGroup();
  await Promise.all([...programs].map(({ exited }) => exited));
  await pool.end();
  await Promise.all([postgres.stop(), redis.stop()]);
}
