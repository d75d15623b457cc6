import type { Lookups } from "./lookups.ts";
import type { Violation } from "./session.ts";

export interface Report {
  readonly seconds: number;
  readonly instances: number;
  readonly seed: number;
  readonly reads: number;
  readonly hits: number;
  readonly lookups: Lookups;
  readonly writes: number;
  readonly outsideWrites: number;
  /** How often each fault has happened; 0 for a chosen fault that did not happen. */
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: number;
  readonly maxOutOfBandLagMs: number;
  readonly p99OutOfBandLagMs: number;
  readonly p50OutOfBandLagMs: number;
  readonly outOfBandSamples: number;
  /** Writes that were not answered, or with an error, so that their outcome is unknown. */
  readonly unknownWrites: number;
  readonly failedRequests: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Requests that failed while only Redis, a replica or the links to them were broken. Expected: 0. */
  readonly failedWhileOnlyRedisFaulty: number;
  readonly failedWhileNothingFaulty: number;
  /** Instances that ended without being killed by the check. */
  readonly crashes: number;
  /** Reads per second in the 2 s after a fault began, as a share of the median, for each fault. */
  readonly throughputAfter: Readonly<Record<string, number>>;
}

export interface Evidence {
  readonly violations: readonly Violation[];
  /** How and when instances ended without being killed by the check, with their last output. */
  readonly unexpectedEnds: readonly string[];
  readonly unexpectedFailures: readonly string[];
  /** The service's internal errors, with the lines of its log. */
  readonly internalErrors: readonly string[];
}

export function describeViolation(violation: Violation): string {
  const { at, read, instance, problem, isHit, tookMs, request, answer, headers, faults } = violation;
  return [
    `VIOLATION at ${at.toFixed(3)} s: ${problem}`,
    `  read      ${read}, instance ${instance}, ${isHit ? "a hit" : "not known to be a hit"}, took ${tookMs.toFixed(1)} ms`,
    `  request   ${request}`,
    `  answer    ${answer}`,
    `  headers   ${JSON.stringify(headers)}`,
    `  faults    ${faults.length === 0 ? "none in the last 10 s" : faults.join("; ")}`,
  ].join("\n");
}

export function describeReport(
  report: Report,
  { violations, unexpectedEnds, unexpectedFailures, internalErrors }: Evidence,
): string {
  const { reads, hits, seconds, lookups } = report;
  const lookedUp = lookups.hits + lookups.misses + lookups.bypasses;
  const share = (part: number, whole: number) =>
    whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`;
  const lines = [
    `Coherence check: ${report.instances} instance(s), ${seconds.toFixed(0)} s, seed ${report.seed}`,
    "",
    `reads checked        ${reads.toLocaleString("en")} (${Math.round(reads / seconds).toLocaleString("en")}/s)`,
    `hits among them      ${hits.toLocaleString("en")} (${share(hits, reads)})`,
    `look-ups below it    ${lookedUp.toLocaleString("en")}: ${share(lookups.hits, lookedUp)} hits, ${share(lookups.bypasses, lookedUp)} while the cache was off`,
    `read from replicas   ${lookups.fromReplicas.toLocaleString("en")} (${share(lookups.fromReplicas, lookups.misses + lookups.bypasses)} of what was not kept)`,
    `writes acknowledged  ${report.writes} by the service, ${report.outsideWrites} by SQL`,
    `outcome unknown      ${report.unknownWrites} writes`,
    `out-of-band lag      p50 ${ms(report.p50OutOfBandLagMs)}, p99 ${ms(report.p99OutOfBandLagMs)}, longest ${ms(report.maxOutOfBandLagMs)} (${report.outOfBandSamples} samples)`,
    `failed requests      ${report.failedRequests}`,
    ...Object.entries(report.failures)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 12)
      .map(([cause, count]) => `  ${String(count).padStart(6)}  ${cause}`),
    `  while only Redis or a replica was faulty ${report.failedWhileOnlyRedisFaulty} (expected: 0), while nothing was ${report.failedWhileNothingFaulty}`,
    ...unexpectedFailures.slice(0, 10).map((text) => `    ${text}`),
    ...internalErrors.map((text) => `  INTERNAL_SERVER_ERROR: ${text}`),
    `crashes              ${report.crashes}`,
    ...unexpectedEnds.map((text) => `  ${text}`),
    "",
    `${"fault".padEnd(20)} ${"times".padStart(5)}   reads/s in the 2 s after it began, as a share of the median`,
    ...Object.entries(report.faults).map(
      ([name, count]) =>
        `${name.padEnd(20)} ${String(count).padStart(5)}   ${report.throughputAfter[name] === undefined ? "–" : share(report.throughputAfter[name], 1)}`,
    ),
    "",
    `VIOLATIONS           ${report.violations}`,
    ...violations.map(describeViolation),
  ];
  return lines.join("\n");
}

const ms = (value: number) => `${value.toFixed(1)} ms`;

/** A percentile of numbers in any order; 0 if there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
