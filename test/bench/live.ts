import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createSubscribers } from "./live/subscribers.ts";
import { createEmptyWorld } from "./live/world.ts";

const HELP = `Usage: npm run bench:live -- [options]

Measures how long it takes until subscribers see what a worker reports, and how much memory an idle
subscriber costs. Starts PostgreSQL and one instance of the service, subscribes to conversion jobs over
sockets, and reports their progress over HTTP. Two times are measured: "delivery" is the time from the event's
own time in the database (just before its COMMIT) until a subscriber has it. The other is the whole time, from
before the report was sent.

  --subscribers N   subscribers in all (2000)
  --jobs N          jobs that they follow, in equal shares (100)
  --reports N       reports a second, evenly over the jobs (100)
  --seconds N       seconds of reports in each round (10)
  --rounds N        rounds after the first, which does not count (5)
  --redis           the instance uses a Redis
  --json            print the result as JSON in the last line
  --help

The targets, for the defaults: delivery p99 under 250 ms, and under 60 kB for an idle subscriber.
`;

const { values } = parseArgs({
  options: {
    subscribers: { type: "string", default: "2000" },
    jobs: { type: "string", default: "100" },
    reports: { type: "string", default: "100" },
    seconds: { type: "string", default: "10" },
    rounds: { type: "string", default: "5" },
    redis: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

interface Round {
  readonly deliveryP50Ms: number;
  readonly deliveryP99Ms: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The median time until a report is answered, in ms. */
  readonly reportMs: number;
  readonly messages: number;
  readonly serverCpuPercent: number;
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  const [subscriberCount, jobCount, reportsPerSecond, seconds, roundCount] = [
    values.subscribers,
    values.jobs,
    values.reports,
    values.seconds,
    values.rounds,
  ].map(positive) as [number, number, number, number, number];
  const say = (line: string) => void process.stderr.write(`${line}\n`);

  const world = await createEmptyWorld({
    jobs: jobCount,
    wantsRedis: values.redis,
    maxSubscriptions: subscriberCount + 10,
  });
  const subscribers = createSubscribers(world.url);
  try {
    // Code that the first subscribers load and compile must not count as a subscriber's memory.
    const warm = createSubscribers(world.url);
    await warm.open(world.jobIds.slice(0, 10), 100);
    await world.report(0);
    await sleep(1_000);
    warm.close();
    await sleep(1_000);
    const before = await world.memory();
    await subscribers.open(world.jobIds, subscriberCount);
    await sleep(2_000);
    const after = await world.memory();
    const rssKb = (after.rss - before.rss) / subscriberCount / 1_000;
    const heapKb = (after.heapUsed - before.heapUsed) / subscriberCount / 1_000;
    say(`idle: ${rssKb.toFixed(1)} kB of RSS a subscriber, ${heapKb.toFixed(1)} kB of heap`);

    const rounds: Round[] = [];
    for (let round = 0; round <= roundCount; round++) {
      subscribers.reset();
      const cpuBefore = await world.cpuSeconds();
      const startedAt = performance.now();
      for (let report = 0; report < reportsPerSecond * seconds; report++) {
        const dueAt = startedAt + (report * 1_000) / reportsPerSecond;
        await sleep(Math.max(0, dueAt - performance.now()));
        void world.report(report % jobCount);
      }
      const reportMs = await world.reported();
      await sleep(500);
      const elapsed = (performance.now() - startedAt) / 1_000;
      const latencies = subscribers.latencies().sort((a, b) => a - b);
      const deliveries = subscribers.deliveries().sort((a, b) => a - b);
      const at = (share: number, sorted = latencies) =>
        sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
      const result = {
        deliveryP50Ms: at(0.5, deliveries),
        deliveryP99Ms: at(0.99, deliveries),
        p50Ms: at(0.5),
        p99Ms: at(0.99),
        maxMs: at(1),
        reportMs,
        messages: subscribers.messages(),
        serverCpuPercent: (((await world.cpuSeconds()) - cpuBefore) / elapsed) * 100,
      };
      say(
        `${round === 0 ? "warm-up" : `round ${round}`}: delivery p50 ${result.deliveryP50Ms.toFixed(1)} ms, p99 ${result.deliveryP99Ms.toFixed(1)} ms; from the report on p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms, max ${result.maxMs.toFixed(1)} ms, reports answered in ${reportMs.toFixed(1)} ms, ${latencies.length} events in ${result.messages} messages, server ${result.serverCpuPercent.toFixed(0)} % of a core`,
      );
      subscribers.assertComplete(reportsPerSecond * seconds, jobCount);
      if (round > 0) rounds.push(result);
    }
    const report = {
      date: new Date().toISOString(),
      machine: `${cpus().length} × ${cpus()[0]?.model}`,
      node: process.version,
      subscribers: subscriberCount,
      jobs: jobCount,
      reportsPerSecond,
      seconds,
      rounds: roundCount,
      redis: values.redis,
      deliveryP50Ms: spread(rounds.map(({ deliveryP50Ms }) => deliveryP50Ms)),
      deliveryP99Ms: spread(rounds.map(({ deliveryP99Ms }) => deliveryP99Ms)),
      p50Ms: spread(rounds.map(({ p50Ms }) => p50Ms)),
      p99Ms: spread(rounds.map(({ p99Ms }) => p99Ms)),
      maxMs: spread(rounds.map(({ maxMs }) => maxMs)),
      reportMs: spread(rounds.map(({ reportMs }) => reportMs)),
      serverCpuPercent: spread(rounds.map(({ serverCpuPercent }) => serverCpuPercent)),
      idleRssKbPerSubscriber: rounded(rssKb),
      idleHeapKbPerSubscriber: rounded(heapKb),
    };
    process.stdout.write(`${report.date}, ${report.machine}, Node ${report.node}
${report.subscribers} subscribers of ${report.jobs} jobs, ${report.reportsPerSecond} reports a second, ${report.rounds} rounds of ${report.seconds} s: median (lowest to highest)
  delivery: p50 ${show(report.deliveryP50Ms)} ms, p99 ${show(report.deliveryP99Ms)} ms
  from before the report was sent: p50 ${show(report.p50Ms)} ms, p99 ${show(report.p99Ms)} ms, max ${show(report.maxMs)} ms
  a report is answered in ${show(report.reportMs)} ms
  server ${show(report.serverCpuPercent)} % of a core
  idle subscriber: ${report.idleRssKbPerSubscriber} kB of RSS, of that ${report.idleHeapKbPerSubscriber} kB of heap
`);
    if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  } finally {
    subscribers.close();
    await world.stop();
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`Expected a whole number from 1 on, got "${text}".`);
}

function spread(figures: readonly number[]) {
  const sorted = [...figures].sort((a, b) => a - b);
  return {
    median: rounded(sorted[Math.floor(sorted.length / 2)]!),
    lowest: rounded(sorted[0]!),
    highest: rounded(sorted.at(-1)!),
  };
}

const rounded = (value: number) => Math.round(value * 10) / 10;
const show = ({ median, lowest, highest }: ReturnType<typeof spread>) =>
  `${median} (${lowest} to ${highest})`;

await main();
