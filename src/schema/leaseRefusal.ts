import { AppError } from "../errors.ts";
import type { JobResult } from "../jobs/worker.ts";
import { type Access, holdsJob } from "../repositories/access.ts";

/**
 * What a worker learns of a job that it names and does not hold. It gets the ids of jobs by its claims alone, so
 * a job of another's and none at all are the same to it: there is no lease.
 */

/** Of a job that nobody holds, the last one who did may know how it went on: its fencing token is still the job's. */
function isLastHolder({ code, details }: AppError): boolean {
  return (
    code === "LEASE_LOST" &&
    details.fencingToken === details.currentFencingToken &&
    details.status !== "RUNNING" &&
    details.status !== "PAUSED"
  );
}

/** A refusal as a worker may see it that does not hold the job. */
export function withoutJob(error: AppError): AppError {
  if (isLastHolder(error)) return error;
  return new AppError("LEASE_LOST", "You hold no lease on this job.");
}

/** A result as whoever made the call may see it. What the call itself has changed is theirs to see, though it ended their lease. */
export function seenResult(result: JobResult, access: Access): JobResult {
  const { job, error } = result;
  if (access.to === "everything" || error === null || (job !== null && holdsJob(access, job))) return result;
  return { ...result, job: null, error: withoutJob(error) };
}
