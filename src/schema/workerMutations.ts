import { z } from "zod";
import { AppError } from "../errors.ts";
import { type Access, holderWithin } from "../repositories/access.ts";
import { taskResultSchema } from "../repositories/conversionPlan.ts";
import { builder } from "./builder.ts";
import { FileChangeInput, TaskStatus } from "./conversionPlan.ts";
import { idempotencyKeyField } from "./idempotency.ts";
import { validInput } from "./input.ts";
import { withoutJob } from "./leaseRefusal.ts";
import { parseIdOf } from "./nodeId.ts";
import {
  ClaimConversionJobsPayload,
  ConversionJobResultsPayload,
  ReportTaskResultPayload,
} from "./workerAnswers.ts";

/**
 * The workers' mutations of conversion jobs: first the rules of the inputs, then the inputs, then the
 * mutations.
 */

const MAX_JOBS_PER_CALL = 100;
const MAX_WAIT_SECONDS = 30;

const workerId = z.string().trim().min(1).max(200);
const heldJob = { id: z.string(), fencingToken: z.int().min(0) };

const heldJobs = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.object({
    workerId,
    jobs: z
      .array(z.object({ ...heldJob, ...shape }))
      .min(1)
      .max(MAX_JOBS_PER_CALL)
      .superRefine((jobs, context) => {
        const seen = new Set<string>();
        // Safe: every one has the shape of a held job.
        (jobs as { id: string }[]).forEach(({ id }, index) => {
          if (seen.has(id.toLowerCase()))
            context.addIssue({
              code: "custom",
              path: [index, "id"],
              message: `expected each job once, got "${id}" again`,
            });
          seen.add(id.toLowerCase());
        });
      }),
  });

const claimSchema = z.object({
  workerId,
  agentTypes: z.array(z.string().trim().min(1).max(100)).max(100),
  leaseSeconds: z.int().min(1).max(3_600),
  count: z.int().min(1).max(MAX_JOBS_PER_CALL),
  waitSeconds: z.number().min(0).max(MAX_WAIT_SECONDS),
});
const heldSchema = heldJobs({});
const progressSchema = heldJobs({
  progress: z
    .int()
    .min(0)
    .max(100)
    .nullish()
    .transform((progress) => progress ?? undefined),
  currentTask: z.string().trim().min(1).max(1_000).nullish(),
});
const taskReportSchema = z.object({ workerId, fencingToken: heldJob.fencingToken });
const failureSchema = heldJobs({
  errorMessage: z.string().trim().min(1).max(10_000),
  isRetryable: z.boolean(),
});

/** The same jobs, with their rows' keys as ids, and with the user whose worker must hold them. */
function withKeys<Job extends { id: string }>(jobs: readonly Job[], access: Access) {
  return jobs.map((job, index) => ({
    ...job,
    workerUserId: holderWithin(access),
    id: parseIdOf("ConversionJob", job.id, ["input", "jobs", index, "id"]),
  }));
}

const WORKER_ID = "The name that the worker claims jobs with: 1 to 200 characters.";
const JOBS = `The jobs: 1 to ${MAX_JOBS_PER_CALL}, each once. A job that cannot be changed does not affect the others.`;

const ClaimConversionJobsInput = builder.inputType("ClaimConversionJobsInput", {
  description: "A worker's request for jobs.",
  fields: (t) => ({
    workerId: t.string({
      required: true,
      description:
        "A name that the worker chooses for itself: 1 to 200 characters. Later calls about the jobs must use it.",
    }),
    agentTypes: t.stringList({
      required: true,
      description:
        "The kinds of work that the worker can do, up to 100. It gets only jobs whose plans need no other kinds.",
    }),
    leaseSeconds: t.int({
      required: true,
      defaultValue: 60,
      description:
        "The length of the lease in seconds: 1 to 3,600. The worker loses the jobs after so long without a report.",
    }),
    count: t.int({
      required: true,
      defaultValue: 1,
      description: `The maximum number of jobs to claim: 1 to ${MAX_JOBS_PER_CALL}.`,
    }),
    waitSeconds: t.float({
      required: true,
      defaultValue: 0,
      description: `How long to wait if there is no job to claim, in seconds: 0 to ${MAX_WAIT_SECONDS}.`,
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const HeldConversionJobInput = builder.inputType("HeldConversionJobInput", {
  description: "A job that the worker holds.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    fencingToken: t.field({
      type: "SafeInt",
      required: true,
      description: "The fencing token from the claim of the job.",
    }),
  }),
});

const ConversionJobProgressInput = builder.inputType("ConversionJobProgressInput", {
  description:
    "The progress of a job. Without `progress` and `currentTask` it is a heartbeat, which only renews the lease.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    fencingToken: t.field({
      type: "SafeInt",
      required: true,
      description: "The fencing token from the claim of the job.",
    }),
    progress: t.int({
      description:
        "The progress in percent: 0 to 100. A value below the one that the job has already in this attempt is ignored.",
    }),
    currentTask: t.string({
      description:
        "What the worker is doing: 1 to 1,000 characters. Null for nothing in particular. If left out, it stays as it is.",
    }),
  }),
});

const ConversionJobFailureInput = builder.inputType("ConversionJobFailureInput", {
  description: "A job that failed, and why.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    fencingToken: t.field({
      type: "SafeInt",
      required: true,
      description: "The fencing token from the claim of the job.",
    }),
    errorMessage: t.string({
      required: true,
      description: "Why the job failed, for people to read: 1 to 10,000 characters.",
    }),
    isRetryable: t.boolean({
      required: true,
      defaultValue: true,
      description:
        "Whether another attempt could succeed. If not, the job is `FAILED` whatever attempts are left.",
    }),
  }),
});

const ReportProgressInput = builder.inputType("ReportProgressInput", {
  description: "The progress of jobs that the worker holds. Reporting it renews their leases.",
  fields: (t) => ({
    workerId: t.string({ required: true, description: WORKER_ID }),
    jobs: t.field({ type: [ConversionJobProgressInput], required: true, description: JOBS }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const CompleteConversionJobsInput = builder.inputType("CompleteConversionJobsInput", {
  description: "Jobs that the worker has finished.",
  fields: (t) => ({
    workerId: t.string({ required: true, description: WORKER_ID }),
    jobs: t.field({ type: [HeldConversionJobInput], required: true, description: JOBS }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const FailConversionJobsInput = builder.inputType("FailConversionJobsInput", {
  description: "Jobs that the worker cannot finish.",
  fields: (t) => ({
    workerId: t.string({ required: true, description: WORKER_ID }),
    jobs: t.field({ type: [ConversionJobFailureInput], required: true, description: JOBS }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ReleaseConversionJobsInput = builder.inputType("ReleaseConversionJobsInput", {
  description: "Jobs that the worker gives back unfinished.",
  fields: (t) => ({
    workerId: t.string({ required: true, description: WORKER_ID }),
    jobs: t.field({ type: [HeldConversionJobInput], required: true, description: JOBS }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ReportTaskResultInput = builder.inputType("ReportTaskResultInput", {
  description: "The result of one task of a job's plan. Reporting it renews the job's lease.",
  fields: (t) => ({
    workerId: t.string({ required: true, description: WORKER_ID }),
    id: t.id({ required: true, description: "The job's id." }),
    fencingToken: t.field({
      type: "SafeInt",
      required: true,
      description: "The fencing token from the claim of the job.",
    }),
    taskId: t.string({ required: true, description: "The id of the task in the plan." }),
    status: t.field({
      type: TaskStatus,
      required: true,
      description: "How the task ended: `COMPLETED`, `FAILED` or `SKIPPED`.",
    }),
    output: t.string({ description: "The worker's report, up to 100,000 characters." }),
    error: t.string({ description: "Why the task failed, up to 10,000 characters." }),
    fileChanges: t.field({
      type: [FileChangeInput],
      required: true,
      defaultValue: [],
      description: "The changes that the task made to files, up to 5,000.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

builder.mutationFields((t) => ({
  claimConversionJobs: t.field({
    authScopes: { worker: true },
    type: ClaimConversionJobsPayload,
    description: "Claims jobs for a worker, each under a lease.",
    args: {
      input: t.arg({
        type: ClaimConversionJobsInput,
        required: true,
        description: "Who claims, and which jobs.",
      }),
    },
    resolve: async (_, { input }, { jobs, loaders, signal, viewer }) => {
      const { waitSeconds, ...claim } = validInput(claimSchema, input);
      // Safe: the field's rule refuses requests without a viewer.
      const workerUserId = viewer!.userId;
      const claims = await jobs.workers.claim({ ...claim, workerUserId }, { waitSeconds, signal: signal() });
      for (const { id, documents } of claims) loaders.conversionJobDocumentsById.prime(id, documents);
      return { claims };
    },
  }),
  reportProgress: t.field({
    authScopes: { worker: true },
    type: ConversionJobResultsPayload,
    description: "Reports how far jobs have come and that their worker is alive. This renews their leases.",
    args: {
      input: t.arg({
        type: ReportProgressInput,
        required: true,
        description: "The jobs and their progress.",
      }),
    },
    resolve: async (_, { input }, context) => {
      const { workerId, jobs } = validInput(progressSchema, input);
      return { results: await context.jobs.workers.report(workerId, withKeys(jobs, context.access)) };
    },
  }),
  reportTaskResult: t.field({
    authScopes: { worker: true },
    type: ReportTaskResultPayload,
    description:
      "Stores the result of one task. A task has one result in each attempt of the job: to report the same result again changes nothing and gives the same answer, and to report a different one fails with `CONFLICT`.",
    args: { input: t.arg({ type: ReportTaskResultInput, required: true, description: "The result." }) },
    resolve: async (_, { input }, { access, jobs }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { workerId, fencingToken } = validInput(taskReportSchema, input);
      const result = validInput(taskResultSchema, input);
      const held = { id, fencingToken, workerUserId: holderWithin(access) };
      try {
        return await jobs.workers.reportTask(workerId, { ...held, result });
      } catch (error) {
        const isAboutLease =
          error instanceof AppError && (error.code === "NOT_FOUND" || error.code === "LEASE_LOST");
        throw isAboutLease && access.to !== "everything" ? withoutJob(error) : error;
      }
    },
  }),
  completeConversionJobs: t.field({
    authScopes: { worker: true },
    type: ConversionJobResultsPayload,
    description: "Ends jobs as `COMPLETED`.",
    args: {
      input: t.arg({
        type: CompleteConversionJobsInput,
        required: true,
        description: "The jobs to complete.",
      }),
    },
    resolve: async (_, { input }, context) => {
      const { workerId, jobs } = validInput(heldSchema, input);
      return { results: await context.jobs.workers.complete(workerId, withKeys(jobs, context.access)) };
    },
  }),
  failConversionJobs: t.field({
    authScopes: { worker: true },
    type: ConversionJobResultsPayload,
    description:
      "Ends the current attempts of jobs as failures. Each job becomes `PENDING` for its next attempt, which follows after a pause, or `FAILED`.",
    args: {
      input: t.arg({ type: FailConversionJobsInput, required: true, description: "The jobs that failed." }),
    },
    resolve: async (_, { input }, context) => {
      const { workerId, jobs } = validInput(failureSchema, input);
      return { results: await context.jobs.workers.fail(workerId, withKeys(jobs, context.access)) };
    },
  }),
  releaseConversionJobs: t.field({
    authScopes: { worker: true },
    type: ConversionJobResultsPayload,
    description:
      "Gives jobs back unfinished, so that another worker can go on. This does not count as a failure.",
    args: {
      input: t.arg({
        type: ReleaseConversionJobsInput,
        required: true,
        description: "The jobs to give back.",
      }),
    },
    resolve: async (_, { input }, context) => {
      const { workerId, jobs } = validInput(heldSchema, input);
      return { results: await context.jobs.workers.release(workerId, withKeys(jobs, context.access)) };
    },
  }),
}));
