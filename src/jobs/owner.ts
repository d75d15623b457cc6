import { notFound } from "../errors.ts";
import type { NewConversionJob } from "../repositories/conversionJob.ts";
import type { ConversionJobRow } from "../repositories/conversionJobRow.ts";
import type { Repositories } from "../repositories/index.ts";
import type { ControlOutcome } from "../repositories/jobControl.ts";
import { missedUpdate } from "../repositories/writing.ts";
import { invalidTransition, type JobAction } from "./lifecycle.ts";

export type JobOwners = ReturnType<typeof createJobOwners>;

/**
 * The owners' side of conversion jobs. Every change throws `NOT_FOUND`, `VERSION_CONFLICT` when the job
 * has another version than expected, or `INVALID_TRANSITION` when its status does not allow it.
 *
 * @param announce is called when there may be a job to claim
 */
export function createJobOwners(
  { conversionJobs, jobControl }: Pick<Repositories, "conversionJobs" | "jobControl">,
  announce: () => void,
) {
  async function control(
    action: JobAction,
    id: string,
    expectedVersion: number | undefined,
    change: Promise<ControlOutcome | null>,
  ): Promise<ConversionJobRow> {
    const outcome = await change;
    if (outcome === null) throw notFound("ConversionJob", id);
    const { job, isDone } = outcome;
    if (!isDone) {
      // The version tells more than the status: whoever sends an old one has not seen the change.
      if (expectedVersion !== undefined && expectedVersion !== job.version)
        throw missedUpdate("ConversionJob", id, expectedVersion, job.version);
      throw invalidTransition(id, job.status, action);
    }
    if (job.status === "PENDING") announce();
    return job;
  }

  return {
    /** @throws AppError `CONFLICT` without the project, `VALIDATION_FAILED` for files that it does not have */
    async create(job: NewConversionJob): Promise<ConversionJobRow> {
      const created = await conversionJobs.create(job);
      announce();
      return created;
    },

    pause: (id: string, version?: number) => control("pause", id, version, jobControl.pause(id, version)),
    resume: (id: string, version?: number) => control("resume", id, version, jobControl.resume(id, version)),
    cancel: (id: string, version?: number) => control("cancel", id, version, jobControl.cancel(id, version)),
    retry: (id: string, attempts: number, version?: number) =>
      control("retry", id, version, jobControl.retry(id, attempts, version)),
    reprioritize: (id: string, priority: number, version?: number) =>
      control("reprioritize", id, version, jobControl.reprioritize(id, priority, version)),
  };
}
