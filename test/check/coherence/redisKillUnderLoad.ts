import { setMaxListeners } from "node:events";
import { pause } from "./fault.ts";
import type { CheckOptions } from "./options.ts";
import { percentile } from "./report.ts";
import type { Sample } from "./session.ts";
import { setStage } from "./stage.ts";

const WARM_UP_MS = 10_000;
const BEFORE_MS = 8_000;
const OUTAGE_MS = 5_000;
/** Longer than the longest pause between two epochs. */
const MAX_RECOVERY_MS = 90_000;
const AFTER_MS = 5_000;
const LOOK_EVERY_MS = 50;
/** Keeps the machine below its limit, to measure the service and not a queue before it. */
const REST_MS = 20;

export interface OutageReport {
  readonly seed: number;
  readonly instances: number;
  readonly failedRequests: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly violations: number;
  /** How long after Redis answered again the cache had hits, in ms; undefined: it had none. */
  readonly hitsAgainAfterMs: number | undefined;
  readonly phases: readonly Phase[];
}

export interface Phase {
  readonly name: string;
  readonly reads: Latency;
  /** The first writes of an outage wait for the end of the read leases, 1 s. Then no cache serves. */
  readonly writes: Latency;
}

export interface Latency {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Runs steady reads and writes. In the middle Redis is killed, and comes back empty after 5 s. */
export async function runRedisKillUnderLoad(
  options: CheckOptions,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<OutageReport> {
  const samples: Sample[] = [];
  const stage = await setStage(
    { ...options, restMs: REST_MS, observe: (sample) => void samples.push(sample) },
    progress,
  );
  const { world, log, session, outsideWriters, workload } = stage;
  const stopping = new AbortController();
  try {
    /** Hits in L1, as the instances count them, and hits of whole answers, as the answers' headers say. */
    const hits = async () => {
      let sum = session.counts.hits;
      for (const { client } of world.instances) {
        const { text } = await client.post(JSON.stringify({ query: "{ cacheStatistics { localHits } }" }));
        sum += Number(JSON.parse(text).data?.cacheStatistics?.localHits ?? 0);
      }
      return sum;
    };
    const running = AbortSignal.any([signal, stopping.signal]);
    // Every sleep of the check listens to this signal.
    setMaxListeners(0, running);
    const work = Promise.all([workload.run(running), outsideWriters.resolveDoubts(running)]);

    progress("warming up");
    await pause(WARM_UP_MS, running);
    const steadyAt = performance.now();
    progress("steady load");
    await pause(BEFORE_MS, running);
    const record = log.begin("redis-kill", true);
    const killedAt = performance.now();
    await world.redis.kill();
    progress("Redis is killed");
    await pause(OUTAGE_MS, running);
    await world.redis.restart();
    const backAt = performance.now();
    log.end(record);
    progress("Redis is back");

    const before = await hits();
    let hitsAgainAt: number | undefined;
    while (!running.aborted && performance.now() - backAt < MAX_RECOVERY_MS) {
      await pause(LOOK_EVERY_MS, running);
      if ((await hits()) === before) continue;
      hitsAgainAt = performance.now();
      break;
    }
    progress(hitsAgainAt === undefined ? "there were no hits any more" : "there are hits again");
    await pause(AFTER_MS, running);
    stopping.abort();
    await work;

    const recoveredAt = hitsAgainAt ?? performance.now();
    return {
      seed: options.seed,
      instances: world.instances.length,
      failedRequests: samples.filter(({ hasFailed, begun }) => hasFailed && begun >= steadyAt).length,
      failures: Object.fromEntries(session.failures),
      violations: session.counts.violations,
      hitsAgainAfterMs: hitsAgainAt === undefined ? undefined : hitsAgainAt - backAt,
      phases: [
        phase("before", samples, steadyAt, killedAt),
        phase("first second without Redis", samples, killedAt, killedAt + 1_000),
        phase("after the first second", samples, killedAt + 1_000, backAt),
        phase("Redis is back, no hits yet", samples, backAt, recoveredAt),
        phase("hits again", samples, recoveredAt, Number.POSITIVE_INFINITY),
      ],
    };
  } finally {
    stopping.abort();
    await world.stop();
  }
}

/** The figures of the requests that began in this phase. */
function phase(name: string, samples: readonly Sample[], from: number, to: number): Phase {
  const those = samples.filter(({ begun }) => begun >= from && begun < to);
  return {
    name,
    reads: latencyOf(those.filter(({ isRead }) => isRead)),
    writes: latencyOf(those.filter(({ isRead }) => !isRead)),
  };
}

function latencyOf(samples: readonly Sample[]): Latency {
  const tookMs = samples.map((sample) => sample.tookMs);
  return {
    requests: tookMs.length,
    p50Ms: percentile(tookMs, 0.5),
    p99Ms: percentile(tookMs, 0.99),
    maxMs: percentile(tookMs, 1),
  };
}

export function describeOutage(report: OutageReport): string {
  const { hitsAgainAfterMs, phases } = report;
  const row = (name: string, cells: readonly string[]) =>
    name.padEnd(28) + cells.map((cell) => cell.padStart(9)).join("");
  const cellsOf = ({ requests, p50Ms, p99Ms, maxMs }: Latency) => [
    String(requests),
    ...[p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(1)),
  ];
  return [
    `Redis killed under load: ${report.instances} instance(s), seed ${report.seed}`,
    "",
    row("requests that began", [
      "reads",
      "p50 ms",
      "p99 ms",
      "max ms",
      "writes",
      "p50 ms",
      "p99 ms",
      "max ms",
    ]),
    ...phases.map(({ name, reads, writes }) => row(name, [...cellsOf(reads), ...cellsOf(writes)])),
    "",
    `failed requests      ${report.failedRequests} (expected: 0)`,
    ...Object.entries(report.failures).map(([cause, count]) => `  ${String(count).padStart(6)}  ${cause}`),
    `violations           ${report.violations}`,
    `hits again           ${hitsAgainAfterMs === undefined ? "never" : `${Math.round(hitsAgainAfterMs)} ms after Redis was back`}`,
  ].join("\n");
}
