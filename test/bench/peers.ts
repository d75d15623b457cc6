import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { launchPostgres } from "../support/postgresServer.ts";
import { launchRedis } from "../support/redisServer.ts";
import { createBench } from "./comparison/bench.ts";
import { chartOf } from "./comparison/chart.ts";
import { createCounters } from "./comparison/counters.ts";
import { createDatabases } from "./comparison/data.ts";
import { measureGrowth } from "./comparison/growth.ts";
import { IN_QUICK, PLAN, type Row, STATES, type State, tableOf } from "./comparison/results.ts";
import { pinEverythingElse } from "./comparison/servers.ts";
import { targetLine, targetsOf } from "./comparison/targets.ts";
import type { WorkName } from "./comparison/work.ts";
import { machine, short } from "./machine.ts";

const HELP = `Compares this service with its alternatives, on the same rows and the same machine.

  npm --prefix test/bench/peers ci && npm run bench -- [options]

  --quick             end within three minutes: one round of a second, one mix, and only the faster cache of each peer
  --only <a,b,…>      measure only these works (Q1, Q2, Q3, M1), states (${Object.keys(STATES).join(", ")})
                      and \`start\`
  --seconds <n>       seconds in a round (3)
  --rounds <n>        rounds, in each of which every server has its turn (5)
  --connections <n>   connections of the load (48; at most 12 where nothing is cached)
  --projects <n>      projects, with a tenth as many users and five times as many jobs (10000)
  --distinct <n>      how many different requests there are where they differ (1000; 100 with --quick)
  --own               measure only this service and the floors
  --growth            compare --projects with 1,000,000 projects: this service alone; takes long
  --chart <file>      write an SVG chart of the results
  --json              print all results as JSON in the last line

Needs wrk (Debian's package of that name), PostgreSQL with pg_stat_statements, Redis, and Linux for the processor
time in /proc. Peers that are not installed are left out. Before they are timed, answers are compared with those
of hand-written SQL statements. Where there is taskset, the servers have core 1 for themselves.

Peers have a database without this service's triggers. SQL is counted by pg_stat_statements (BEGIN and COMMIT are
statements), Redis commands by INFO; a script counts as one command. "After a write" is an answer that is not in the
cache while the rows in it are: each request has a variable that the document does not declare, so no two requests
are the same. All servers keep cached data for an hour, so nothing expires during the run.

BENCH_LOG=<file> gets the servers' output. BENCH_NODE_OPTIONS="--cpu-prof --cpu-prof-dir=<folder>" profiles them.`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    seconds: { type: "string" },
    rounds: { type: "string" },
    connections: { type: "string", default: "48" },
    projects: { type: "string", default: "10000" },
    distinct: { type: "string" },
    own: { type: "boolean", default: false },
    growth: { type: "boolean", default: false },
    chart: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const isQuick = values.quick;
const number = (text: string | undefined, otherwise: number) =>
  text === undefined ? otherwise : Number(text);
const settings = {
  isQuick,
  seconds: number(values.seconds, isQuick ? 1 : 3),
  rounds: number(values.rounds, isQuick ? 1 : 5),
  connections: Number(values.connections),
  projects: Number(values.projects),
  distinct: number(values.distinct, isQuick ? 100 : 1_000),
};
const only = values.only.split(",").filter((word) => word !== "");
const works: WorkName[] = ["Q1", "Q2", "Q3", "M1"];
// Safe: these are the type's members.
const states = Object.keys(STATES) as State[];
const unknown = only.filter((word) => ![...works, ...states, "start"].includes(word));
if (unknown.length > 0) throw new Error(`--only does not know ${unknown.join(", ")}.`);
const wants = (all: readonly string[], name: string) =>
  !only.some((word) => all.includes(word))
    ? only.length === 0 || only.some((word) => word !== "start")
    : only.includes(name);

const say = (line: string) => {
  if (!values.json) console.log(line);
};
/** Tells people who wait how far the run has got. It is not part of the result. */
const progress = (line: string) => console.error(`  ${line}`);

const areInstalled = existsSync(fileURLToPath(new URL("peers/node_modules/", import.meta.url)));
if (!areInstalled && !values.own)
  say("The peers are not installed (npm --prefix test/bench/peers ci): only this service and the floors.");

const pinning = pinEverythingElse();
const folder = mkdtempSync(join(tmpdir(), "stack-converter-bench-"));
const releasers: (() => Promise<unknown> | unknown)[] = [
  () => rmSync(folder, { recursive: true, force: true }),
];
let isReleased = false;
async function release(): Promise<void> {
  if (isReleased) return;
  isReleased = true;
  for (const step of releasers.reverse()) await step();
}
// Started programs end with this process in any case (test/support/guard.ts). This handler removes the
// folder.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    // First, because the sender of the signal may not wait until all servers have ended.
    rmSync(folder, { recursive: true, force: true });
    void release().finally(() => process.exit(1));
  });

try {
  const postgres = await launchPostgres({
    settings: {
      shared_preload_libraries: "pg_stat_statements",
      shared_buffers: "512MB",
      fsync: "on",
      full_page_writes: "on",
      autovacuum: "on",
      max_wal_size: "4GB",
    },
  });
  releasers.push(postgres.stop);
  const redis = await launchRedis();
  releasers.push(redis.stop);
  const counters = await createCounters(postgres.url, redis.url);
  releasers.push(counters.close);
  const load = { folder, counters, seconds: settings.seconds, connections: settings.connections };

  if (values.growth) {
    const grown = await measureGrowth({
      ...settings,
      load,
      postgres: postgres.url,
      redis: redis.url,
      progress,
    });
    for (const { work, state, cpuMicroseconds, growth } of grown)
      say(
        `${work} ${state}: ${cpuMicroseconds.map(short).join(" → ")} µs CPU a request, ${short(growth * 100)} % more`,
      );
    if (values.json) console.log(JSON.stringify({ machine: machine(), pinning, settings, grown }));
  } else {
    progress(`${settings.projects} projects …`);
    const databases = await createDatabases(postgres.url, settings.projects);
    const bench = await createBench({
      ...settings,
      hasPeers: areInstalled && !values.own,
      databases,
      redis: redis.url,
      load,
      progress,
    });
    releasers.push(bench.close);
    const rows: Row[] = [];
    for (const { work, state } of PLAN) {
      if (isQuick && only.length === 0 && !IN_QUICK.includes(state)) continue;
      if (!wants(works, work) || !wants(states, state)) continue;
      const row = await bench.measure(work, state);
      rows.push(row);
      say(tableOf(row));
    }
    const starts = only.length === 0 || only.includes("start") ? await bench.measureStarts() : [];
    if (starts.length > 0)
      say("\nFrom the start of the process to its first answer, on an existing database");
    for (const { name, ms } of starts)
      say(`${name}: ${Math.round(ms.median)} ms (${Math.round(ms.min)}–${Math.round(ms.max)})`);
    const memory = bench.memory();
    say("\nMemory when all was done");
    for (const { name, bytes } of memory) say(`${name}: ${Math.round(bytes / 1e6)} MB`);

    const targets = targetsOf(rows, { startMs: starts[0]?.ms.median, residentBytes: memory[0]?.bytes });
    say("");
    for (const target of targets) say(targetLine(target));
    const note = `${machine()}; ${pinning}`;
    say(`\n${note}; ${settings.rounds} rounds of ${settings.seconds} s, ${settings.connections} connections`);
    if (values.chart !== undefined) writeFileSync(values.chart, chartOf(rows, machine()));
    if (values.json)
      console.log(JSON.stringify({ machine: machine(), pinning, settings, rows, starts, memory, targets }));
  }
} finally {
  await release();
}
// Ends the process at once: clients of stopped servers may still emit errors.
process.exit(0);
