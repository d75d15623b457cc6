import { AppError } from "../errors.ts";
import type { JobResult } from "../jobs/worker.ts";
import { type Access, holdsJob } from "../repositories/access.ts";

/**
 * What a worker learns about a job that it names but does not hold. A worker is given the ids of jobs only by
 * its claims. So it cannot tell another worker's job from a job that does not exist: for both it is told that
 * it holds no lease.
 */

/**
 * Whether the worker was the last to hold a job that nobody holds now: then its fencing token is still the
 * job's. Such a worker may know how the job went on.
 */
function isLastHolder({ code, details }: AppError): boolean {
  return (
    code === "LEASE_LOST" &&
    details.fencingToken === details.currentFencingToken &&
    details.status !== "RUNNING" &&
    details.status !== "PAUSED"
  );
}

/** The refusal as shown to a worker that does not hold the job. */
export function withoutJob(error: AppError): AppError {
  if (isLastHolder(error)) return error;
  return new AppError("LEASE_LOST", "You hold no lease on this job.");
}

/**
 * The result as shown to the caller. It includes a job that the call itself changed, even if that ended the
 * caller's lease.
 */
export function seenResult(result: JobResult, access: Access): JobResult {
  const { job, error } = result;
  if (access.to === "everything" || error === null || (job !== null && holdsJob(access, job))) return result;
  return { ...result, job: null, error: withoutJob(error) };
}
