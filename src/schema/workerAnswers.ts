import type { AppError } from "../errors.ts";
import type { JobResult } from "../jobs/worker.ts";
import type { ConversionJobRow } from "../repositories/conversionJobRow.ts";
import { builder } from "./builder.ts";
import { ConversionJob, ConversionJobStatus } from "./conversionJob.ts";
import { answered, isRepeated, isStillSeen } from "./idempotency.ts";
import { seenResult } from "./leaseRefusal.ts";
import { toNodeId } from "./nodeId.ts";

/** The payloads of the workers' mutations. */

const ConversionJobClaim = builder.objectRef<ConversionJobRow>("ConversionJobClaim").implement({
  description: "A conversion job that a worker has claimed, and the lease on it.",
  fields: (t) => ({
    conversionJob: t.field({ type: ConversionJob, description: "The claimed job.", resolve: (job) => job }),
    fencingToken: t.expose("fencingToken", {
      type: "SafeInt",
      description:
        "The token that the worker passes in every call about the job. It proves that no other worker has claimed the job since.",
    }),
    leaseExpiresAt: t.field({
      type: "DateTime",
      description: "When the lease expires and the worker loses the job, unless it reports progress before.",
      // Safe: a claimed job has a lease.
      resolve: ({ leaseExpiresAt }) => leaseExpiresAt!,
    }),
  }),
});

export const ClaimConversionJobsPayload = builder
  .objectRef<{ claims: readonly ConversionJobRow[] }>("ClaimConversionJobsPayload")
  .implement({
    description: "The result of a claim.",
    fields: (t) => ({
      claims: t.field({
        type: [ConversionJobClaim],
        description:
          "The claimed jobs: those of the highest priority first, then the oldest. Empty if there was no job to claim. A repeated answer leaves out jobs whose leases have ended since.",
        resolve: async (payload, _, context) => {
          const { claims } = payload;
          if (!isRepeated(payload)) return claims;
          // When an earlier answer is repeated, the worker may have lost some of its jobs since.
          const held = await context.jobs.workers.stillHeld(claims);
          const areSeen = await Promise.all(held.map((job) => isStillSeen(job, "ConversionJob", context)));
          return held.filter((_job, index) => areSeen[index]);
        },
      }),
    }),
  });

const WorkerDirective = builder.enumType("WorkerDirective", {
  description: "What a worker must do with a job after a call about it.",
  values: {
    CONTINUE: { description: "Continue to work on the job." },
    PAUSE: {
      description:
        "Stop working, because the owner has paused the job. Keep reporting progress to keep the lease, or release the job.",
    },
    STOP: { description: "Abandon the job: the worker no longer holds it." },
  } as const,
});

const ConversionJobError = builder
  .objectRef<Pick<AppError, "code" | "message" | "details">>("ConversionJobError")
  .implement({
    description:
      "Why a call did not change one of its jobs. The other jobs were changed, unless they have an error too.",
    fields: (t) => ({
      code: t.exposeString("code", {
        description: "The code of the error: `LEASE_LOST`, `INVALID_TRANSITION` or `NOT_FOUND`.",
      }),
      message: t.exposeString("message", { description: "The error in words." }),
      from: t.field({
        type: ConversionJobStatus,
        nullable: true,
        description:
          "For `INVALID_TRANSITION`, and for a lease that ended with the job: the job's status. Null otherwise.",
        // Safe: jobs/lifecycle.ts and jobs/worker.ts put it there.
        resolve: ({ details: { from, status } }) => {
          const isOver = status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";
          return ((from ?? (isOver ? status : undefined)) as ConversionJobRow["status"] | undefined) ?? null;
        },
      }),
      allowed: t.stringList({
        nullable: true,
        description: "For `INVALID_TRANSITION`: the actions that the job's status allows. Null otherwise.",
        // Safe: as above.
        resolve: ({ details }) => (details.allowed as string[] | undefined) ?? null,
      }),
    }),
  });

const ConversionJobResult = builder.objectRef<JobResult>("ConversionJobResult").implement({
  description: "The result of a call for one of its jobs.",
  fields: (t) => ({
    id: t.id({ description: "The job's id.", resolve: ({ id }) => toNodeId("ConversionJob", id) }),
    conversionJob: t.expose("job", {
      type: ConversionJob,
      nullable: true,
      description:
        "The job as it is now. Null if it does not exist (any more), and for a worker that does not hold it.",
    }),
    error: t.field({
      type: ConversionJobError,
      nullable: true,
      description: "Why the job was not changed; null if it was changed.",
      // A copy, because an Error that a resolver returns counts as thrown.
      resolve: ({ error }) => error && { code: error.code, message: error.message, details: error.details },
    }),
    directive: t.expose("directive", {
      type: WorkerDirective,
      description: "What the worker must do with the job now.",
    }),
  }),
});

export const ConversionJobResultsPayload = builder
  .objectRef<{ results: readonly JobResult[] }>("ConversionJobResultsPayload")
  .implement({
    description: "The results of a call about one or more jobs.",
    fields: (t) => ({
      results: t.field({
        type: [ConversionJobResult],
        description: "One result for each job, in the order of the input.",
        resolve: async (payload, _, context) => {
          const results = payload.results.map((result) => seenResult(result, context.access));
          if (!isRepeated(payload)) return results;
          return Promise.all(
            results.map(async (result) => {
              const isSeen = result.job && (await isStillSeen(result.job, "ConversionJob", context));
              return isSeen ? result : { ...result, job: null };
            }),
          );
        },
      }),
    }),
  });

export const ReportTaskResultPayload = builder.objectRef<JobResult>("ReportTaskResultPayload").implement({
  description: "A job after the result of one of its tasks was reported.",
  fields: (t) => ({
    conversionJob: t.field({
      type: ConversionJob,
      description: "The job as it is now.",
      // Safe: without a job the report is refused.
      resolve: (payload, _, context) => answered(payload, payload.job!, "ConversionJob", context),
    }),
    directive: t.expose("directive", {
      type: WorkerDirective,
      description: "What the worker must do with the job now.",
    }),
  }),
});
