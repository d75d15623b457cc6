import type { StackConverterError } from "./error.ts";
import type { HeldJob } from "./heldJob.ts";
import { backoffMs, isTransient, sleep } from "./retry.ts";
import type { WorkerCalls } from "./workerCalls.ts";

/** Clients that watch a job are not told more often either. */
const REPORT_EVERY_MS = 100;
const MAX_JOBS_PER_CALL = 100;

/**
 * Sends the reports of all jobs of a worker. A new report is sent at once, or 100 ms after the last one. When
 * a heartbeat is due, all jobs are reported. There is one call at a time, for up to 100 jobs.
 */
export function createReporter({
  held,
  report,
  heartbeatMs,
  onError,
}: {
  readonly held: () => readonly HeldJob[];
  readonly report: WorkerCalls["report"];
  readonly heartbeatMs: number;
  /** @param inMs the time until the next try */
  readonly onError: (error: StackConverterError, inMs: number) => void;
}) {
  const stopping = new AbortController();
  let wake = new AbortController();

  async function run(): Promise<void> {
    let beatAt = performance.now();
    let failures = 0;
    while (!stopping.signal.aborted) {
      const untilBeatMs = beatAt + heartbeatMs - performance.now();
      if (untilBeatMs > 0 && !held().some((job) => job.hasUnsent())) await sleep(untilBeatMs, wake.signal);
      wake = new AbortController();
      if (stopping.signal.aborted) return;

      const isBeat = performance.now() - beatAt >= heartbeatMs;
      if (isBeat) beatAt = performance.now();
      const due = held().filter((job) => !job.isOver() && (isBeat || job.hasUnsent()));
      const error = await send(due);
      if (error === undefined) failures = 0;
      else {
        failures++;
        // A heartbeat that did not arrive stays due.
        if (isBeat) beatAt -= heartbeatMs;
      }
      const pauseMs = error === undefined ? REPORT_EVERY_MS : Math.min(backoffMs(failures), heartbeatMs);
      if (error !== undefined) onError(error, pauseMs);
      if (due.length > 0) await sleep(pauseMs, stopping.signal);
    }
  }

  /** @returns the transient error that kept the reports from arriving. @throws any other error */
  async function send(due: readonly HeldJob[]): Promise<StackConverterError | undefined> {
    for (let start = 0; start < due.length; start += MAX_JOBS_PER_CALL) {
      const reports = due.slice(start, start + MAX_JOBS_PER_CALL).map((job) => job.takeReport());
      try {
        const outcomes = await report(reports.map(({ item }) => item));
        // Safe: the service answers for each job.
        for (const [index, { apply }] of reports.entries()) apply(outcomes[index]!);
      } catch (error) {
        for (const { failed } of reports) failed();
        if (!isTransient(error)) throw error;
        return error;
      }
    }
    return undefined;
  }

  return {
    run,
    /** To be called when there is something to report. */
    wake: () => wake.abort(),
    stop(): void {
      stopping.abort();
      wake.abort();
    },
  };
}
