import type { AppError } from "../errors.ts";
import type { JobResult } from "../jobs/worker.ts";
import type { ConversionJobRow } from "../repositories/conversionJobRow.ts";
import { builder } from "./builder.ts";
import { ConversionJob, ConversionJobStatus } from "./conversionJob.ts";
import { answered, isRepeated, isStillSeen } from "./idempotency.ts";
import { seenResult } from "./leaseRefusal.ts";
import { toNodeId } from "./nodeId.ts";

/** What the mutations of workers answer. */

const ConversionJobClaim = builder.objectRef<ConversionJobRow>("ConversionJobClaim").implement({
  description: "A conversion job that a worker holds from now on.",
  fields: (t) => ({
    conversionJob: t.field({ type: ConversionJob, description: "The job.", resolve: (job) => job }),
    fencingToken: t.expose("fencingToken", {
      type: "SafeInt",
      description:
        "Every call about the job carries it: the proof that no other worker has claimed it since.",
    }),
    leaseExpiresAt: t.field({
      type: "DateTime",
      description: "When the job is lost, unless its progress is reported before.",
      // Safe: a claimed job has a lease.
      resolve: ({ leaseExpiresAt }) => leaseExpiresAt!,
    }),
  }),
});

export const ClaimConversionJobsPayload = builder
  .objectRef<{ claims: readonly ConversionJobRow[] }>("ClaimConversionJobsPayload")
  .implement({
    description: "What a worker got.",
    fields: (t) => ({
      claims: t.field({
        type: [ConversionJobClaim],
        description: "The highest priority first, then the oldest; none when there was nothing to do.",
        resolve: async (payload, _, context) => {
          const { claims } = payload;
          if (!isRepeated(payload)) return claims;
          // A claim that is answered again may be over by now.
          const areSeen = await Promise.all(claims.map((job) => isStillSeen(job, "ConversionJob", context)));
          return claims.filter((_job, index) => areSeen[index]);
        },
      }),
    }),
  });

const WorkerDirective = builder.enumType("WorkerDirective", {
  description: "What a worker shall do with a job.",
  values: {
    CONTINUE: { description: "Go on." },
    PAUSE: { description: "Stop working, and keep reporting or release it: its owner has paused it." },
    STOP: { description: "Let go of it: the worker holds it no longer." },
  } as const,
});

const ConversionJobError = builder
  .objectRef<Pick<AppError, "code" | "message" | "details">>("ConversionJobError")
  .implement({
    description: "Why one job of a call was not changed. The others were, unless they have an error too.",
    fields: (t) => ({
      code: t.exposeString("code", { description: "`LEASE_LOST`, `INVALID_TRANSITION` or `NOT_FOUND`." }),
      message: t.exposeString("message", { description: "The same in words." }),
      from: t.field({
        type: ConversionJobStatus,
        nullable: true,
        description: "Of `INVALID_TRANSITION`, and of a lease that ended with the job: the job's status.",
        // Safe: jobs/lifecycle.ts and jobs/worker.ts put it there.
        resolve: ({ details: { from, status } }) => {
          const isOver = status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";
          return ((from ?? (isOver ? status : undefined)) as ConversionJobRow["status"] | undefined) ?? null;
        },
      }),
      allowed: t.stringList({
        nullable: true,
        description: "Of `INVALID_TRANSITION`: what that status allows.",
        // Safe: as above.
        resolve: ({ details }) => (details.allowed as string[] | undefined) ?? null,
      }),
    }),
  });

const ConversionJobResult = builder.objectRef<JobResult>("ConversionJobResult").implement({
  description: "What came of one job of a call.",
  fields: (t) => ({
    id: t.id({ description: "The job's id.", resolve: ({ id }) => toNodeId("ConversionJob", id) }),
    conversionJob: t.expose("job", {
      type: ConversionJob,
      nullable: true,
      description:
        "The job as it is now; null when it does not exist (any more), and for a worker that does not hold it.",
    }),
    error: t.field({
      type: ConversionJobError,
      nullable: true,
      description: "Why it was not changed; null when it was.",
      // A copy: an Error itself would count as thrown.
      resolve: ({ error }) => error && { code: error.code, message: error.message, details: error.details },
    }),
    directive: t.expose("directive", { type: WorkerDirective, description: "What to do with it now." }),
  }),
});

export const ConversionJobResultsPayload = builder
  .objectRef<{ results: readonly JobResult[] }>("ConversionJobResultsPayload")
  .implement({
    description: "What came of each job of a call.",
    fields: (t) => ({
      results: t.field({
        type: [ConversionJobResult],
        description: "In the order of the input.",
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
  description: "A job after one of its tasks.",
  fields: (t) => ({
    conversionJob: t.field({
      type: ConversionJob,
      description: "The job as it is now.",
      // Safe: without a job the report is refused.
      resolve: (payload, _, context) => answered(payload, payload.job!, "ConversionJob", context),
    }),
    directive: t.expose("directive", { type: WorkerDirective, description: "What to do with the job now." }),
  }),
});
