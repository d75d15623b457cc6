import { AppError, notFound, validationFailed } from "../errors.ts";
import type { ConversionJobRow } from "../repositories/conversionJobRow.ts";
import type { Repositories } from "../repositories/index.ts";
import type {
  Claim,
  ClaimedJob,
  FailureReport,
  HeldJob,
  LeaseOutcome,
  ProgressReport,
} from "../repositories/jobLease.ts";
import type { TaskReport } from "../repositories/jobResult.ts";
import type { Availability } from "./availability.ts";
import { invalidTransition, type JobAction } from "./lifecycle.ts";

/** What a worker should do with a job after a call about it. */
export type Directive = "CONTINUE" | "PAUSE" | "STOP";

/** The result of a call for one of its jobs. A job that failed does not keep the others from succeeding. */
export interface JobResult {
  readonly id: string;
  /** The job as it is now; null: there is no such job. */
  readonly job: ConversionJobRow | null;
  readonly error: AppError | null;
  readonly directive: Directive;
}

export type JobWorkers = ReturnType<typeof createJobWorkers>;

export interface JobWorkersOptions {
  readonly repositories: Pick<Repositories, "jobLeases" | "jobResults">;
  readonly availability: Availability;
  /** Called when there may be a job to claim. */
  readonly announce: () => void;
  /** Ends expired leases; returns how many. */
  readonly expireLeases: () => Promise<number>;
  /** Once it is aborted, nobody waits for jobs any more. */
  readonly stopping: AbortSignal;
}

export interface ClaimOptions {
  /** How long to wait for jobs when there are none. */
  readonly waitSeconds?: number;
  /** The request's signal: a worker that has disconnected gets no jobs. */
  readonly signal?: AbortSignal | undefined;
}

/** How often, at most, a claim that finds nothing looks for expired leases. */
const EXPIRE_EVERY_MS = 1_000;

/** The workers' side of conversion jobs. */
export function createJobWorkers({
  repositories: { jobLeases, jobResults },
  availability,
  announce,
  expireLeases,
  stopping,
}: JobWorkersOptions) {
  let expiredAt = Number.NEGATIVE_INFINITY;

  async function expireFromTimeToTime(): Promise<void> {
    const now = performance.now();
    if (now - expiredAt < EXPIRE_EVERY_MS) return;
    expiredAt = now;
    await expireLeases();
  }

  /** Announces when some of the jobs can be claimed again. */
  function announced(results: JobResult[]): JobResult[] {
    if (results.some(({ job }) => job?.status === "PENDING")) announce();
    return results;
  }

  return {
    /** @throws the signal's reason when it is aborted: then nobody is left to get an answer */
    async claim(claim: Claim, { waitSeconds = 0, signal }: ClaimOptions = {}): Promise<ClaimedJob[]> {
      const deadline = performance.now() + waitSeconds * 1_000;
      // Not `AbortSignal.any`: a request's signal is the HTTP library's own, which newer versions of Node.js
      // do not accept there.
      const ends = signal === undefined ? [stopping] : [signal, stopping];
      for (;;) {
        // Listens before looking, so that it hears of a job that comes after the look.
        const news = availability.listen();
        try {
          const jobs = await jobLeases.claim(claim, signal);
          const leftMs = deadline - performance.now();
          if (jobs.length > 0 || ends.some(({ aborted }) => aborted)) return jobs;
          await expireFromTimeToTime();
          if (leftMs <= 0) return jobs;
          await news.within(leftMs, ends);
          signal?.throwIfAborted();
        } finally {
          news.cancel();
        }
      }
    },

    /** For a repeated answer: those of its jobs whose leases last, so that no two workers work on one job. */
    stillHeld: jobLeases.stillHeld,

    /**
     * Reports progress; it is the heartbeat too. A paused job may still report, and its worker is told to
     * pause.
     */
    report: async (workerId: string, jobs: readonly ProgressReport[]) =>
      resultsOf("report", jobs, await jobLeases.report(workerId, jobs)),

    /**
     * Reports the result of one task of the job's plan. The same report again changes nothing, and gets the
     * same answer.
     *
     * @throws AppError `NOT_FOUND`, `LEASE_LOST`, `VALIDATION_FAILED` for a task that is not in the plan,
     *   `CONFLICT` when another result was reported in this attempt
     */
    async reportTask(workerId: string, report: TaskReport): Promise<JobResult> {
      const { id, fencingToken, result } = report;
      const outcome = await jobResults.report(workerId, report);
      if (outcome === null) throw notFound("ConversionJob", id);
      const { job, isHeld, isPlanned, earlier } = outcome;
      if (!isHeld) throw leaseLost(job, fencingToken);
      if (!isPlanned) {
        throw validationFailed([
          {
            path: ["input", "taskId"],
            message: `expected the id of a task in the plan, got "${result.taskId}"`,
          },
        ]);
      }
      if (earlier === "different") {
        throw new AppError(
          "CONFLICT",
          `The task "${result.taskId}" has another result already in attempt ${job.attempt}.`,
          { details: { type: "ConversionJob", id, taskId: result.taskId, attempt: job.attempt } },
        );
      }
      return { id, job, error: null, directive: directiveOf("report", { job, isHeld, isDone: true }) };
    },

    complete: async (workerId: string, jobs: readonly HeldJob[]) =>
      resultsOf("complete", jobs, await jobLeases.complete(workerId, jobs)),

    fail: async (workerId: string, jobs: readonly FailureReport[]) =>
      announced(resultsOf("fail", jobs, await jobLeases.fail(workerId, jobs))),

    release: async (workerId: string, jobs: readonly HeldJob[]) =>
      announced(resultsOf("release", jobs, await jobLeases.release(workerId, jobs))),
  };
}

function resultsOf(
  action: JobAction | "report",
  jobs: readonly HeldJob[],
  outcomes: readonly (LeaseOutcome | null)[],
): JobResult[] {
  return jobs.map((job, index) => {
    const outcome = outcomes[index] ?? null;
    const error = errorOf(action, job, outcome);
    return { id: job.id, job: outcome?.job ?? null, error, directive: directiveOf(action, outcome) };
  });
}

/** Checks the lease first: a worker that has lost it is told so, whatever the job's status is by now. */
function errorOf(
  action: JobAction | "report",
  { id, fencingToken }: HeldJob,
  outcome: LeaseOutcome | null,
): AppError | null {
  if (outcome === null) return notFound("ConversionJob", id);
  if (outcome.isDone) return null;
  // A lease is held only in statuses in which reports are allowed.
  if (outcome.isHeld && action !== "report") return invalidTransition(id, outcome.job.status, action);
  return leaseLost(outcome.job, fencingToken);
}

/** @param fencingToken the token that the worker had with its lease */
export function leaseLost(job: ConversionJobRow, fencingToken: number): AppError {
  const reason =
    job.fencingToken === fencingToken
      ? "it expired, was given up or ended with the job"
      : "the job was claimed again since";
  return new AppError(
    "LEASE_LOST",
    `The lease with the fencing token ${fencingToken} does not hold any more: ${reason}. The job is ${job.status}.`,
    {
      details: {
        type: "ConversionJob",
        id: job.id,
        fencingToken,
        currentFencingToken: job.fencingToken,
        status: job.status,
      },
    },
  );
}

/** A worker that has given a job up, or lost it, has nothing more to do with it. */
function directiveOf(action: JobAction | "report", outcome: LeaseOutcome | null): Directive {
  if (!outcome?.isHeld || (outcome.isDone && action !== "report")) return "STOP";
  return outcome.job.status === "PAUSED" ? "PAUSE" : "CONTINUE";
}
