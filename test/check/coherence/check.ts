import { setMaxListeners } from "node:events";
import { runChaos } from "./chaos.ts";
import { pause } from "./fault.ts";
import { type Lookups, sumLookups } from "./lookups.ts";
import type { CheckOptions } from "./options.ts";
import { exaggerate, needsReplica } from "./replicaFaults.ts";
import { type Evidence, percentile, type Report } from "./report.ts";
import { setStage } from "./stage.ts";
import { createEndWatch } from "./unexpectedEnds.ts";
import { swallowMarks } from "./unmark.ts";

const PROGRESS_EVERY_MS = 5_000;
/** Faults that have not happened when the time is over get this much longer. */
const EXTENSION_MS = 120_000;

/**
 * The whole check: starts a world, reads, writes and causes faults in it, and stops it again.
 *
 * @param progress gets a line every few seconds, and violations as they are found
 * @param signal ends it early, with a report of the results so far
 */
export async function runCheck(
  options: CheckOptions,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<{ report: Report; evidence: Evidence }> {
  const { seconds, faults, seed } = options;
  const { world, log, session, outsideWriters, workload, random } = await setStage(
    { ...options, hasReplica: needsReplica(faults) },
    progress,
  );
  const stopping = new AbortController();
  try {
    const { instances } = world;
    if (options.isBroken) instances[0]!.redisLink.watch(swallowMarks);
    if (options.isReplicaBroken) instances[0]!.replicaLink?.watch(exaggerate);

    const lookups: Lookups = { hits: 0, misses: 0, bypasses: 0, fromReplicas: 0 };
    const begun = performance.now();
    const running = AbortSignal.any([signal, stopping.signal]);
    // Every sleep of the check listens to this signal.
    setMaxListeners(0, running);
    const isDue = () => {
      const elapsedMs = performance.now() - begun;
      const happened = log.counts();
      const haveAllHappened = faults.every(({ name }) => happened[name] !== undefined);
      return elapsedMs >= seconds * 1_000 && (haveAllHappened || elapsedMs > seconds * 1_000 + EXTENSION_MS);
    };
    const ends = createEndWatch(instances, log);
    const watchTheClock = async () => {
      let nextProgressMs = PROGRESS_EVERY_MS;
      while (!running.aborted && !isDue()) {
        await pause(100, running);
        for (const text of ends.takeNew()) progress(text);
        const elapsedMs = performance.now() - begun;
        if (elapsedMs < nextProgressMs) continue;
        nextProgressMs += PROGRESS_EVERY_MS;
        const { reads, hits, writes, violations } = session.counts;
        progress(
          `${(elapsedMs / 1_000).toFixed(0).padStart(4)} s  ${reads} reads, ${hits} hits, ${writes} writes, ` +
            `${log.records.length} faults, ${violations} violations`,
        );
      }
      stopping.abort();
    };
    await Promise.all([
      watchTheClock(),
      workload.run(running),
      outsideWriters.run(running),
      outsideWriters.resolveDoubts(running),
      sumLookups(instances, lookups, running),
      runChaos(
        {
          world,
          faults,
          log,
          random,
          gapSeconds: options.gapSeconds,
          calmSeconds: options.calmSeconds,
          provokeWrite: workload.provokeWrite,
          onError: (text) => progress(`a fault went wrong: ${text}`),
        },
        running,
      ),
    ]);
    for (const text of ends.takeNew()) progress(text);
    const measuredSeconds = (performance.now() - begun) / 1_000;

    const { counts, violations, failures, whileOnlyRedisFaulty, whileNothingFaulty } = session;
    const { lagsMs } = outsideWriters;
    const happened = log.counts();
    const report: Report = {
      seconds: measuredSeconds,
      instances: instances.length,
      seed,
      reads: counts.reads,
      hits: counts.hits,
      lookups,
      writes: counts.writes,
      outsideWrites: outsideWriters.counts.writes,
      faults: Object.fromEntries(faults.map(({ name }) => [name, happened[name] ?? 0])),
      violations: counts.violations,
      maxOutOfBandLagMs: percentile(lagsMs, 1),
      p99OutOfBandLagMs: percentile(lagsMs, 0.99),
      p50OutOfBandLagMs: percentile(lagsMs, 0.5),
      outOfBandSamples: lagsMs.length,
      unknownWrites: counts.unknownWrites,
      failedRequests: counts.failedReads + counts.unknownWrites,
      failures: Object.fromEntries(failures),
      failedWhileOnlyRedisFaulty: whileOnlyRedisFaulty.length,
      failedWhileNothingFaulty: whileNothingFaulty.length,
      crashes: ends.told.length,
      throughputAfter: session.throughputAfter(log.records),
    };
    return {
      report,
      evidence: {
        violations,
        unexpectedEnds: ends.told,
        unexpectedFailures: [...whileOnlyRedisFaulty, ...whileNothingFaulty],
        internalErrors: session.internalErrors,
      },
    };
  } finally {
    stopping.abort();
    await world.stop();
  }
}
