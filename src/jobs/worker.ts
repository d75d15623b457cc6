import { AppError, notFound } from "../errors.ts";
import type { ConversionJobRow } from "../repositories/conversionJobRow.ts";
import type { Repositories } from "../repositories/index.ts";
import type {
  Claim,
  FailureReport,
  HeldJob,
  LeaseOutcome,
  ProgressReport,
} from "../repositories/jobLease.ts";
import { invalidTransition, type JobAction } from "./lifecycle.ts";

/** What a worker shall do with a job after a call about it. */
export type Directive = "CONTINUE" | "PAUSE" | "STOP";

/** What came of one job of a call. One that failed does not keep the others from succeeding. */
export interface JobResult {
  readonly id: string;
  /** As it is now; null: there is no such job. */
  readonly job: ConversionJobRow | null;
  readonly error: AppError | null;
  readonly directive: Directive;
}

export type JobWorkers = ReturnType<typeof createJobWorkers>;

/** The workers' side of conversion jobs. */
export function createJobWorkers({ jobLeases }: Pick<Repositories, "jobLeases">) {
  return {
    claim: (claim: Claim): Promise<readonly ConversionJobRow[]> => jobLeases.claim(claim),

    /** Progress, and the heartbeat. A paused job may still report; its worker is told to pause. */
    report: async (workerId: string, jobs: readonly ProgressReport[]) =>
      resultsOf("report", jobs, await jobLeases.report(workerId, jobs)),

    complete: async (workerId: string, jobs: readonly HeldJob[]) =>
      resultsOf("complete", jobs, await jobLeases.complete(workerId, jobs)),

    fail: async (workerId: string, jobs: readonly FailureReport[]) =>
      resultsOf("fail", jobs, await jobLeases.fail(workerId, jobs)),

    release: async (workerId: string, jobs: readonly HeldJob[]) =>
      resultsOf("release", jobs, await jobLeases.release(workerId, jobs)),
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

/** The lease first: who has lost it learns that, whatever the job's status is by now. */
function errorOf(
  action: JobAction | "report",
  { id, fencingToken }: HeldJob,
  outcome: LeaseOutcome | null,
): AppError | null {
  if (outcome === null) return notFound("ConversionJob", id);
  if (outcome.isDone) return null;
  // A lease is held in the statuses alone in which reports are allowed.
  if (outcome.isHeld && action !== "report") return invalidTransition(id, outcome.job.status, action);
  return leaseLost(outcome.job, fencingToken);
}

/** @param fencingToken what the worker held when it had the lease */
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

/** Whoever has given a job up, or lost it, has nothing more to do with it. */
function directiveOf(action: JobAction | "report", outcome: LeaseOutcome | null): Directive {
  if (!outcome?.isHeld || (outcome.isDone && action !== "report")) return "STOP";
  return outcome.job.status === "PAUSED" ? "PAUSE" : "CONTINUE";
}
