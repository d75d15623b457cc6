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

/** What workers can do with conversion jobs: the rules of the inputs, then the inputs, then the mutations. */

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

/** The same jobs by the keys of their rows, and as whose they must be held. */
function withKeys<Job extends { id: string }>(jobs: readonly Job[], access: Access) {
  return jobs.map((job, index) => ({
    ...job,
    workerUserId: holderWithin(access),
    id: parseIdOf("ConversionJob", job.id, ["input", "jobs", index, "id"]),
  }));
}

const WORKER_ID = "The worker's own name, up to 200 characters: the one that it claims with.";
const JOBS = `1 to ${MAX_JOBS_PER_CALL} jobs, each once. One that cannot be changed does not keep the others.`;

const ClaimConversionJobsInput = builder.inputType("ClaimConversionJobsInput", {
  description: "Who asks for work, and for which.",
  fields: (t) => ({
    workerId: t.string({ required: true, description: "The worker's own name, up to 200 characters." }),
    agentTypes: t.stringList({
      required: true,
      description: "What the worker can do. It gets jobs whose plans ask for nothing else.",
    }),
    leaseSeconds: t.int({
      required: true,
      defaultValue: 60,
      description: "1 to 3,600: after so long without a report of progress the jobs are lost.",
    }),
    count: t.int({
      required: true,
      defaultValue: 1,
      description: `How many jobs at most: 1 to ${MAX_JOBS_PER_CALL}.`,
    }),
    waitSeconds: t.float({
      required: true,
      defaultValue: 0,
      description: `When there is nothing to do, wait for it so long: 0 to ${MAX_WAIT_SECONDS}.`,
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const HeldConversionJobInput = builder.inputType("HeldConversionJobInput", {
  description: "A job that the worker holds.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    fencingToken: t.field({ type: "SafeInt", required: true, description: "As its claim gave it." }),
  }),
});

const ConversionJobProgressInput = builder.inputType("ConversionJobProgressInput", {
  description: "How far a job has come. Without either field it is a heartbeat.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    fencingToken: t.field({ type: "SafeInt", required: true, description: "As its claim gave it." }),
    progress: t.int({
      description: "Percent, 0 to 100. Less than before within an attempt leaves it as it is.",
    }),
    currentTask: t.string({ description: "What the worker is doing; null for nothing in particular." }),
  }),
});

const ConversionJobFailureInput = builder.inputType("ConversionJobFailureInput", {
  description: "Why a job failed.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    fencingToken: t.field({ type: "SafeInt", required: true, description: "As its claim gave it." }),
    errorMessage: t.string({ required: true, description: "For people: 1 to 10,000 characters." }),
    isRetryable: t.boolean({
      required: true,
      defaultValue: true,
      description: "Whether another attempt could succeed.",
    }),
  }),
});

const ReportProgressInput = builder.inputType("ReportProgressInput", {
  description: "Progress of jobs that the worker holds. Renews their leases.",
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
  description: "Jobs that the worker gives back.",
  fields: (t) => ({
    workerId: t.string({ required: true, description: WORKER_ID }),
    jobs: t.field({ type: [HeldConversionJobInput], required: true, description: JOBS }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ReportTaskResultInput = builder.inputType("ReportTaskResultInput", {
  description: "What came of one task of a job's plan. Renews the job's lease.",
  fields: (t) => ({
    workerId: t.string({ required: true, description: WORKER_ID }),
    id: t.id({ required: true, description: "The job's id." }),
    fencingToken: t.field({ type: "SafeInt", required: true, description: "As its claim gave it." }),
    taskId: t.string({ required: true, description: "The task's id in the plan." }),
    status: t.field({ type: TaskStatus, required: true, description: "COMPLETED, FAILED or SKIPPED." }),
    output: t.string({ description: "What there is to report, up to 100,000 characters." }),
    error: t.string({ description: "Why it failed, up to 10,000 characters." }),
    fileChanges: t.field({
      type: [FileChangeInput],
      required: true,
      defaultValue: [],
      description: "Which files it changed, up to 5,000.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

builder.mutationFields((t) => ({
  claimConversionJobs: t.field({
    authScopes: { worker: true },
    type: ClaimConversionJobsPayload,
    description: "Gives a worker jobs to do, under a lease.",
    args: { input: t.arg({ type: ClaimConversionJobsInput, required: true, description: "Who asks." }) },
    resolve: async (_, { input }, { jobs, loaders, signal, viewer }) => {
      const { waitSeconds, ...claim } = validInput(claimSchema, input);
      // Safe: nobody but those who are known gets here.
      const workerUserId = viewer!.userId;
      const claims = await jobs.workers.claim({ ...claim, workerUserId }, { waitSeconds, signal: signal() });
      for (const { id, documents } of claims) loaders.conversionJobDocumentsById.prime(id, documents);
      return { claims };
    },
  }),
  reportProgress: t.field({
    authScopes: { worker: true },
    type: ConversionJobResultsPayload,
    description: "Says how far jobs have come, and that their worker is alive: renews their leases.",
    args: { input: t.arg({ type: ReportProgressInput, required: true, description: "The jobs." }) },
    resolve: async (_, { input }, context) => {
      const { workerId, jobs } = validInput(progressSchema, input);
      return { results: await context.jobs.workers.report(workerId, withKeys(jobs, context.access)) };
    },
  }),
  reportTaskResult: t.field({
    authScopes: { worker: true },
    type: ReportTaskResultPayload,
    description:
      "Stores what came of one task, once for each attempt: the same again changes nothing and gives the same answer.",
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
    description: "Ends jobs as COMPLETED.",
    args: { input: t.arg({ type: CompleteConversionJobsInput, required: true, description: "The jobs." }) },
    resolve: async (_, { input }, context) => {
      const { workerId, jobs } = validInput(heldSchema, input);
      return { results: await context.jobs.workers.complete(workerId, withKeys(jobs, context.access)) };
    },
  }),
  failConversionJobs: t.field({
    authScopes: { worker: true },
    type: ConversionJobResultsPayload,
    description: "Ends attempts: the next one follows after a pause, or the jobs have FAILED.",
    args: { input: t.arg({ type: FailConversionJobsInput, required: true, description: "The jobs." }) },
    resolve: async (_, { input }, context) => {
      const { workerId, jobs } = validInput(failureSchema, input);
      return { results: await context.jobs.workers.fail(workerId, withKeys(jobs, context.access)) };
    },
  }),
  releaseConversionJobs: t.field({
    authScopes: { worker: true },
    type: ConversionJobResultsPayload,
    description: "Gives jobs back unfinished, for another worker to go on with. It counts as no failure.",
    args: { input: t.arg({ type: ReleaseConversionJobsInput, required: true, description: "The jobs." }) },
    resolve: async (_, { input }, context) => {
      const { workerId, jobs } = validInput(heldSchema, input);
      return { results: await context.jobs.workers.release(workerId, withKeys(jobs, context.access)) };
    },
  }),
}));
