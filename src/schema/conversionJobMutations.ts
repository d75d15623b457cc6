import { z } from "zod";
import type { ConversionJobRow } from "../repositories/conversionJobRow.ts";
import { conversionPlanSchema } from "../repositories/conversionPlan.ts";
import { builder } from "./builder.ts";
import { ConversionJob } from "./conversionJob.ts";
import { ConversionPlanInput } from "./conversionPlan.ts";
import { answered, idempotencyKeyField } from "./idempotency.ts";
import { validInput } from "./input.ts";
import { parseIdOf, toNodeId } from "./nodeId.ts";

/** What owners can do with conversion jobs. */

const expectedVersionSchema = z
  .int()
  .min(1)
  .nullish()
  .transform((version) => version ?? undefined);
const createConversionJobSchema = z.object({
  plan: conversionPlanSchema,
  priority: z.int().min(-1_000).max(1_000),
  maxAttempts: z.int().min(1).max(100),
});
const updateConversionJobSchema = z.object({
  plan: conversionPlanSchema,
  expectedVersion: expectedVersionSchema,
});
const versionSchema = z.object({ expectedVersion: expectedVersionSchema });
const retrySchema = z.object({
  attempts: z.int().min(1).max(100),
  expectedVersion: expectedVersionSchema,
});
const reprioritizeSchema = z.object({
  priority: createConversionJobSchema.shape.priority,
  expectedVersion: expectedVersionSchema,
});
const days = z.int().min(1).max(36_500);
const cleanUpSchema = z.object({ olderThanDays: days, thinProgressOlderThanDays: days });

const ConversionJobPayload = builder
  .objectRef<{ conversionJob: ConversionJobRow }>("ConversionJobPayload")
  .implement({
    description: "A conversion job after a mutation.",
    fields: (t) => ({
      conversionJob: t.field({
        type: ConversionJob,
        description: "The job as it is now.",
        resolve: (payload, _, context) => answered(payload, payload.conversionJob, "ConversionJob", context),
      }),
    }),
  });

const DeleteConversionJobPayload = builder.objectRef<{ id: string }>("DeleteConversionJobPayload").implement({
  description: "The conversion job that was deleted.",
  fields: (t) => ({
    deletedId: t.id({
      description: "The id of the deleted job.",
      resolve: ({ id }) => toNodeId("ConversionJob", id),
    }),
  }),
});

const CleanUpConversionJobsPayload = builder
  .objectRef<{ deletedCount: number; thinnedEventCount: number }>("CleanUpConversionJobsPayload")
  .implement({
    description: "The result of a clean-up.",
    fields: (t) => ({
      deletedCount: t.exposeInt("deletedCount", { description: "The number of jobs that were deleted." }),
      thinnedEventCount: t.exposeInt("thinnedEventCount", {
        description: "The number of progress events of other jobs that were deleted.",
      }),
    }),
  });

const CreateConversionJobInput = builder.inputType("CreateConversionJobInput", {
  description: "The conversion job to create.",
  fields: (t) => ({
    projectId: t.id({ required: true, description: "The id of the project to convert." }),
    plan: t.field({ type: ConversionPlanInput, required: true, description: "How to convert the project." }),
    priority: t.int({
      required: true,
      defaultValue: 0,
      description: "The job's priority: −1,000 to 1,000. Jobs with a higher priority are claimed first.",
    }),
    maxAttempts: t.int({
      required: true,
      defaultValue: 3,
      description:
        "The number of attempts: 1 to 100. After so many failures or lost leases the job is `FAILED`.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const UpdateConversionJobInput = builder.inputType("UpdateConversionJobInput", {
  description: "A new plan for a job that is still `PENDING`.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    plan: t.field({
      type: ConversionPlanInput,
      required: true,
      description: "The new plan. It replaces the previous one as a whole.",
    }),
    expectedVersion: t.int({
      description:
        "The version that the mutation is based on. If the job has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const DeleteConversionJobInput = builder.inputType("DeleteConversionJobInput", {
  description: "The job to delete.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    expectedVersion: t.int({
      description:
        "The version that the mutation is based on. If the job has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const EXPECTED_VERSION =
  "The version that the mutation is based on. If the job has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked.";

const PauseConversionJobInput = builder.inputType("PauseConversionJobInput", {
  description: "The job to pause.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    expectedVersion: t.int({ description: EXPECTED_VERSION }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ResumeConversionJobInput = builder.inputType("ResumeConversionJobInput", {
  description: "The job to resume.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    expectedVersion: t.int({ description: EXPECTED_VERSION }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const CancelConversionJobInput = builder.inputType("CancelConversionJobInput", {
  description: "The job to cancel.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    expectedVersion: t.int({ description: EXPECTED_VERSION }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const RetryConversionJobInput = builder.inputType("RetryConversionJobInput", {
  description: "The failed job to retry.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    attempts: t.int({
      required: true,
      defaultValue: 3,
      description: "The number of further attempts: 1 to 100.",
    }),
    expectedVersion: t.int({ description: EXPECTED_VERSION }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ReprioritizeConversionJobInput = builder.inputType("ReprioritizeConversionJobInput", {
  description: "A new priority for a job.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    priority: t.int({
      required: true,
      description: "The job's priority: −1,000 to 1,000. Jobs with a higher priority are claimed first.",
    }),
    expectedVersion: t.int({ description: EXPECTED_VERSION }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const CleanUpConversionJobsInput = builder.inputType("CleanUpConversionJobsInput", {
  description: "Which finished jobs and which progress events to delete.",
  fields: (t) => ({
    olderThanDays: t.int({
      required: true,
      description: "Deletes jobs that ended more than this many days ago: 1 to 36,500.",
    }),
    thinProgressOlderThanDays: t.int({
      required: true,
      defaultValue: 7,
      description:
        "Of a job's progress events older than this many days (1 to 36,500), only the last of each minute is kept. All other events are kept.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const DAY_MS = 86_400_000;

builder.mutationFields((t) => ({
  createConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Creates a conversion job for a project.",
    args: {
      input: t.arg({ type: CreateConversionJobInput, required: true, description: "The job to create." }),
    },
    resolve: async (_, { input }, { access, jobs }) => {
      const projectId = parseIdOf("Project", input.projectId, ["input", "projectId"]);
      const job = validInput(createConversionJobSchema, input);
      return { conversionJob: await jobs.owners.create({ projectId, ...job }, access) };
    },
  }),
  updateConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Replaces the plan of a job that is `PENDING`. For any other job it fails with `CONFLICT`.",
    args: { input: t.arg({ type: UpdateConversionJobInput, required: true, description: "The new plan." }) },
    resolve: async (_, { input }, { access, repositories }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { plan, expectedVersion } = validInput(updateConversionJobSchema, input);
      return {
        conversionJob: await repositories.conversionJobs.update(id, { plan }, expectedVersion, access),
      };
    },
  }),
  pauseConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Pauses a job that is `RUNNING`. Its worker is told so in the answer to its next report.",
    args: {
      input: t.arg({ type: PauseConversionJobInput, required: true, description: "The job to pause." }),
    },
    resolve: async (_, { input }, { access, jobs }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { expectedVersion } = validInput(versionSchema, input);
      return { conversionJob: await jobs.owners.pause(id, { version: expectedVersion, access }) };
    },
  }),
  resumeConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description:
      "Resumes a paused job: with the worker that still holds it, or else with the next worker that claims it.",
    args: {
      input: t.arg({ type: ResumeConversionJobInput, required: true, description: "The job to resume." }),
    },
    resolve: async (_, { input }, { access, jobs }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { expectedVersion } = validInput(versionSchema, input);
      return { conversionJob: await jobs.owners.resume(id, { version: expectedVersion, access }) };
    },
  }),
  cancelConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Cancels a job that has not ended. Its worker loses the lease at once.",
    args: {
      input: t.arg({ type: CancelConversionJobInput, required: true, description: "The job to cancel." }),
    },
    resolve: async (_, { input }, { access, jobs }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { expectedVersion } = validInput(versionSchema, input);
      return { conversionJob: await jobs.owners.cancel(id, { version: expectedVersion, access }) };
    },
  }),
  retryConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Gives a job that is `FAILED` more attempts. It becomes `PENDING`.",
    args: {
      input: t.arg({ type: RetryConversionJobInput, required: true, description: "The job to retry." }),
    },
    resolve: async (_, { input }, { access, jobs }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { attempts, expectedVersion } = validInput(retrySchema, input);
      return { conversionJob: await jobs.owners.retry(id, attempts, { version: expectedVersion, access }) };
    },
  }),
  reprioritizeConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Changes the priority of a job that has not ended.",
    args: {
      input: t.arg({ type: ReprioritizeConversionJobInput, required: true, description: "The priority." }),
    },
    resolve: async (_, { input }, { access, jobs }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { priority, expectedVersion } = validInput(reprioritizeSchema, input);
      return {
        conversionJob: await jobs.owners.reprioritize(id, priority, { version: expectedVersion, access }),
      };
    },
  }),
  deleteConversionJob: t.field({
    authScopes: { editor: true },
    type: DeleteConversionJobPayload,
    description: "Deletes a conversion job with its events.",
    args: {
      input: t.arg({ type: DeleteConversionJobInput, required: true, description: "The job to delete." }),
    },
    resolve: async (_, { input }, { access, repositories }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      await repositories.conversionJobs.delete(id, validInput(versionSchema, input).expectedVersion, access);
      return { id };
    },
  }),
  cleanUpConversionJobs: t.field({
    authScopes: { administrator: true },
    type: CleanUpConversionJobsPayload,
    description:
      "Deletes jobs that ended long ago, and thins out the old progress events of the others. Administrators only.",
    args: {
      input: t.arg({ type: CleanUpConversionJobsInput, required: true, description: "What to delete." }),
    },
    resolve: async (_, { input }, { repositories }) => {
      const { olderThanDays, thinProgressOlderThanDays } = validInput(cleanUpSchema, input);
      const daysAgo = (count: number) => new Date(Date.now() - count * DAY_MS);
      return {
        deletedCount: await repositories.conversionJobs.deleteFinished(daysAgo(olderThanDays)),
        thinnedEventCount: await repositories.jobEvents.thinProgress(daysAgo(thinProgressOlderThanDays)),
      };
    },
  }),
}));
