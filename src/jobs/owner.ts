import { notFound } from "../errors.ts";
import { type Access, TO_EVERYTHING } from "../repositories/access.ts";
import type { NewConversionJob } from "../repositories/conversionJob.ts";
import type { ConversionJobRow } from "../repositories/conversionJobRow.ts";
import type { Repositories } from "../repositories/index.ts";
import { ANY_JOB, type ControlOutcome, type ControlTarget } from "../repositories/jobControl.ts";
import { missedUpdate } from "../repositories/writing.ts";
import { invalidTransition, type JobAction } from "./lifecycle.ts";

export type JobOwners = ReturnType<typeof createJobOwners>;

/**
 * The owners' side of conversion jobs. Every change throws `NOT_FOUND`, `VERSION_CONFLICT` when the job's
 * version is not the expected one, or `INVALID_TRANSITION` when its status does not allow the change.
 *
 * @param announce called when there may be a job to claim
 */
export function createJobOwners(
  { conversionJobs, jobControl }: Pick<Repositories, "conversionJobs" | "jobControl">,
  announce: () => void,
) {
  async function control(
    action: JobAction,
    id: string,
    { version: expectedVersion }: ControlTarget,
    change: Promise<ControlOutcome | null>,
  ): Promise<ConversionJobRow> {
    const outcome = await change;
    if (outcome === null) throw notFound("ConversionJob", id);
    const { job, isDone } = outcome;
    if (!isDone) {
      // The version is more specific than the status: a caller that sends an old version has not seen the
      // latest change.
      if (expectedVersion !== undefined && expectedVersion !== job.version)
        throw missedUpdate("ConversionJob", id, expectedVersion, job.version);
      throw invalidTransition(id, job.status, action);
    }
    if (job.status === "PENDING") announce();
    return job;
  }

  return {
    /**
     * @throws AppError `CONFLICT` without such a project, `VALIDATION_FAILED` for files that it does not have
     */
    async create(job: NewConversionJob, access: Access = TO_EVERYTHING): Promise<ConversionJobRow> {
      const created = await conversionJobs.create(job, access);
      announce();
      return created;
    },

    pause: (id: string, target = ANY_JOB) => control("pause", id, target, jobControl.pause(id, target)),
    resume: (id: string, target = ANY_JOB) => control("resume", id, target, jobControl.resume(id, target)),
    cancel: (id: string, target = ANY_JOB) => control("cancel", id, target, jobControl.cancel(id, target)),
    retry: (id: string, attempts: number, target = ANY_JOB) =>
      control("retry", id, target, jobControl.retry(id, attempts, target)),
    reprioritize: (id: string, priority: number, target = ANY_JOB) =>
      control("reprioritize", id, target, jobControl.reprioritize(id, priority, target)),
  };
}
