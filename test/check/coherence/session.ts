import { setTimeout as sleep } from "node:timers/promises";
import { describeFault, type FaultLog, type FaultRecord } from "./faultLog.ts";
import { type HttpAnswer, isCacheHit } from "./httpClient.ts";
import type { Instance } from "./instance.ts";
import type { Judge } from "./ledger.ts";
import { percentile } from "./report.ts";
import type { Read, Write } from "./subjects.ts";

export interface Violation {
  /** The time since the start, in s. */
  readonly at: number;
  readonly read: string;
  readonly instance: number;
  readonly problem: string;
  readonly isHit: boolean;
  readonly tookMs: number;
  readonly request: string;
  readonly answer: string;
  readonly headers: HttpAnswer["headers"];
  /** The faults of the last ten seconds. */
  readonly faults: readonly string[];
}

/** One request. */
export interface Sample {
  /** On this process's monotonic clock, in ms. */
  readonly begun: number;
  readonly tookMs: number;
  readonly isRead: boolean;
  readonly isHit: boolean;
  readonly hasFailed: boolean;
}

interface Failure {
  readonly cause: string;
  /** The error's reference, by which it is found in the instance's log. */
  readonly reference?: string | undefined;
}

export type Session = ReturnType<typeof createSession>;

/** Reads are counted for each of this many parts of a second. */
const PARTS = 10;
const KEPT_VIOLATIONS = 20;
const KEPT_INTERNAL_ERRORS = 5;
const LOG_ARRIVES_AFTER_MS = 1_000;
const REST_AFTER_FAILURE_MS = 25;

/** Sends reads and writes, judges the answers, and counts. */
export function createSession(
  log: FaultLog,
  onViolation: (violation: Violation) => void,
  observe: (sample: Sample) => void = () => {},
) {
  const startedAt = performance.now();
  const counts = { reads: 0, hits: 0, writes: 0, unknownWrites: 0, failedReads: 0, violations: 0 };
  const violations: Violation[] = [];
  const failures = new Map<string, number>();
  const whileOnlyRedisFaulty: string[] = [];
  const whileNothingFaulty: string[] = [];
  const internalErrors: string[] = [];
  /** Reads in each part of a second. */
  const timeline: number[] = [];

  const now = () => performance.now() - startedAt;

  const readsFrom = (part: number, width: number) => {
    let sum = 0;
    for (let index = part; index < part + width; index++) sum += timeline[index] ?? 0;
    return sum;
  };

  const failed = (
    begun: number,
    operation: string,
    instance: Instance,
    { cause, reference }: Failure,
    isRead: boolean,
  ) => {
    failures.set(cause, (failures.get(cause) ?? 0) + 1);
    if (reference !== undefined) noteInternalError(operation, instance, reference);
    const tookMs = performance.now() - begun;
    observe({ begun, tookMs, isRead, isHit: false, hasFailed: true });
    const scope = log.scopeOf(begun, performance.now());
    if (scope === "other") return;
    const text = `${operation} on instance ${instance.index} at ${(now() / 1_000).toFixed(1)} s: ${cause}`;
    (scope === "redis" ? whileOnlyRedisFaulty : whileNothingFaulty).push(text);
  };

  /** Notes an internal error of the service. The service's log has it a moment later. */
  const noteInternalError = (operation: string, instance: Instance, reference: string) => {
    if (internalErrors.length >= KEPT_INTERNAL_ERRORS) return;
    setTimeout(() => {
      const line = instance
        .output()
        .split("\n")
        .find((text) => text.includes(reference));
      internalErrors.push(`${operation} on instance ${instance.index}: ${line ?? reference}`);
    }, LOG_ARRIVES_AFTER_MS).unref();
  };

  /** The data, or the reason why there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: answers have the shape that the operation asks for
  const outcomeOf = ({ status, text }: HttpAnswer): { data: any } | Failure => {
    try {
      const { data, errors } = JSON.parse(text);
      if (errors === undefined && status === 200) return { data };
      const code = errors?.[0]?.extensions?.code ?? "no code";
      return { cause: `HTTP ${status}, ${code}`, reference: errors?.[0]?.extensions?.reference };
    } catch {
      return { cause: `HTTP ${status}, not JSON` };
    }
  };

  return {
    counts,
    violations,
    failures,
    whileOnlyRedisFaulty,
    whileNothingFaulty,
    internalErrors,
    timeline,
    now,

    /** Reads in the two seconds after a fault began, as a share of the median: the mean for each fault. */
    throughputAfter(records: readonly FaultRecord[]): Record<string, number> {
      const width = 2 * PARTS;
      const windows = Array.from(timeline, (_, part) => readsFrom(part, width)).slice(0, -width);
      const median = percentile(windows, 0.5);
      const shares = new Map<string, number[]>();
      for (const { name, from } of records) {
        const part = Math.floor(((from - startedAt) * PARTS) / 1_000);
        if (part + width > timeline.length || median === 0) continue;
        shares.set(name, [...(shares.get(name) ?? []), readsFrom(part, width) / median]);
      }
      return Object.fromEntries(
        [...shares].map(([name, each]) => [name, each.reduce((sum, share) => sum + share, 0) / each.length]),
      );
    },

    /** @returns the answer's data; undefined if the read failed */
    // biome-ignore lint/suspicious/noExplicitAny: as above
    async read(instance: Instance, read: Read): Promise<{ data: any; begun: number } | undefined> {
      const judge = read.expect();
      const begun = performance.now();
      let answer: HttpAnswer;
      try {
        answer = await instance.client.post(read.body);
      } catch (error) {
        counts.failedReads++;
        failed(begun, read.name, instance, connectionFailure(error), true);
        await sleep(REST_AFTER_FAILURE_MS);
        return undefined;
      }
      const outcome = outcomeOf(answer);
      if ("cause" in outcome) {
        counts.failedReads++;
        failed(begun, read.name, instance, outcome, true);
        await sleep(REST_AFTER_FAILURE_MS);
        return undefined;
      }
      const problem = judged(judge, outcome.data);
      const isHit = isCacheHit(answer.headers);
      observe({ begun, tookMs: performance.now() - begun, isRead: true, isHit, hasFailed: false });
      counts.reads++;
      if (isHit) counts.hits++;
      const part = Math.floor((now() * PARTS) / 1_000);
      timeline[part] = (timeline[part] ?? 0) + 1;
      if (problem !== undefined) {
        counts.violations++;
        const violation: Violation = {
          at: now() / 1_000,
          read: read.name,
          instance: instance.index,
          problem,
          isHit,
          tookMs: performance.now() - begun,
          request: read.body,
          answer: answer.text.slice(0, 2_000),
          headers: answer.headers,
          faults: log.recent(begun, 10_000).map((fault) => describeFault(fault, performance.now())),
        };
        if (violations.length < KEPT_VIOLATIONS) violations.push(violation);
        onViolation(violation);
      }
      return { data: outcome.data, begun };
    },

    /** @returns whether the write was acknowledged */
    async write(instance: Instance, write: Write): Promise<boolean> {
      const begun = performance.now();
      let failure: Failure;
      try {
        const outcome = outcomeOf(await instance.client.post(write.body));
        if ("data" in outcome) {
          counts.writes++;
          observe({
            begun,
            tookMs: performance.now() - begun,
            isRead: false,
            isHit: false,
            hasFailed: false,
          });
          write.acknowledge(outcome.data);
          return true;
        }
        failure = outcome;
      } catch (error) {
        failure = connectionFailure(error);
      }
      counts.unknownWrites++;
      write.fail?.();
      failed(begun, write.name, instance, failure, false);
      return false;
    },
  };
}

/** An answer of another shape than was asked for is as wrong as a wrong value: a row is missing in it. */
function judged(judge: Judge<unknown>, data: unknown): string | undefined {
  try {
    return judge(data);
  } catch (error) {
    return `expected an answer of another shape (${String(error)})`;
  }
}

function connectionFailure(error: unknown): Failure {
  // Safe: only errors are thrown by the client.
  const { code, message } = error as Error & { code?: string };
  return { cause: `connection: ${code ?? message}` };
}
