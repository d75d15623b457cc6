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
    description: "A conversion job after a change.",
    fields: (t) => ({
      conversionJob: t.field({
        type: ConversionJob,
        description: "The job as it is now.",
        resolve: (payload, _, context) => answered(payload, payload.conversionJob, "ConversionJob", context),
      }),
    }),
  });

const DeleteConversionJobPayload = builder.objectRef<{ id: string }>("DeleteConversionJobPayload").implement({
  description: "What was deleted.",
  fields: (t) => ({
    deletedId: t.id({
      description: "The deleted job's id.",
      resolve: ({ id }) => toNodeId("ConversionJob", id),
    }),
  }),
});

const CleanUpConversionJobsPayload = builder
  .objectRef<{ deletedCount: number; thinnedEventCount: number }>("CleanUpConversionJobsPayload")
  .implement({
    description: "What was cleaned up.",
    fields: (t) => ({
      deletedCount: t.exposeInt("deletedCount", { description: "How many jobs were deleted." }),
      thinnedEventCount: t.exposeInt("thinnedEventCount", {
        description: "How many progress events of other jobs were deleted.",
      }),
    }),
  });

const CreateConversionJobInput = builder.inputType("CreateConversionJobInput", {
  description: "A conversion to carry out.",
  fields: (t) => ({
    projectId: t.id({ required: true, description: "What to convert." }),
    plan: t.field({ type: ConversionPlanInput, required: true, description: "How." }),
    priority: t.int({
      required: true,
      defaultValue: 0,
      description: "−1,000 to 1,000; higher is claimed first.",
    }),
    maxAttempts: t.int({
      required: true,
      defaultValue: 3,
      description: "1 to 100: after so many failures or lost leases the job has FAILED.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const UpdateConversionJobInput = builder.inputType("UpdateConversionJobInput", {
  description: "Another plan for a job that is still PENDING.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    plan: t.field({ type: ConversionPlanInput, required: true, description: "The new plan, as a whole." }),
    expectedVersion: t.int({
      description: "Only if the job still has this version; otherwise `VERSION_CONFLICT`.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const DeleteConversionJobInput = builder.inputType("DeleteConversionJobInput", {
  description: "Which job to delete.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    expectedVersion: t.int({
      description: "Only if the job still has this version; otherwise `VERSION_CONFLICT`.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const EXPECTED_VERSION = "Only if the job still has this version; otherwise `VERSION_CONFLICT`.";

const PauseConversionJobInput = builder.inputType("PauseConversionJobInput", {
  description: "Which job to pause.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    expectedVersion: t.int({ description: EXPECTED_VERSION }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ResumeConversionJobInput = builder.inputType("ResumeConversionJobInput", {
  description: "Which job to let go on.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    expectedVersion: t.int({ description: EXPECTED_VERSION }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const CancelConversionJobInput = builder.inputType("CancelConversionJobInput", {
  description: "Which job to call off.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    expectedVersion: t.int({ description: EXPECTED_VERSION }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const RetryConversionJobInput = builder.inputType("RetryConversionJobInput", {
  description: "Which failed job to try again.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    attempts: t.int({
      required: true,
      defaultValue: 3,
      description: "How many more attempts it may have: 1 to 100.",
    }),
    expectedVersion: t.int({ description: EXPECTED_VERSION }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ReprioritizeConversionJobInput = builder.inputType("ReprioritizeConversionJobInput", {
  description: "When a job's turn comes.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    priority: t.int({ required: true, description: "−1,000 to 1,000; higher is claimed first." }),
    expectedVersion: t.int({ description: EXPECTED_VERSION }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const CleanUpConversionJobsInput = builder.inputType("CleanUpConversionJobsInput", {
  description: "Which finished jobs to delete.",
  fields: (t) => ({
    olderThanDays: t.int({
      required: true,
      description: "Those that ended more than this many days ago: 1 to 36,500.",
    }),
    thinProgressOlderThanDays: t.int({
      required: true,
      defaultValue: 7,
      description:
        "Of progress events that are older than this many days, only the last of each minute is kept; other events all are.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const DAY_MS = 86_400_000;

builder.mutationFields((t) => ({
  createConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Asks for a conversion.",
    args: {
      input: t.arg({ type: CreateConversionJobInput, required: true, description: "The conversion." }),
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
    description: "Replaces the plan of a job that is PENDING.",
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
    description: "Stops a job that is RUNNING; its worker is told with its next report.",
    args: { input: t.arg({ type: PauseConversionJobInput, required: true, description: "Which one." }) },
    resolve: async (_, { input }, { access, jobs }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { expectedVersion } = validInput(versionSchema, input);
      return { conversionJob: await jobs.owners.pause(id, { version: expectedVersion, access }) };
    },
  }),
  resumeConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Lets a paused job go on: with the worker that still holds it, or else with the next.",
    args: { input: t.arg({ type: ResumeConversionJobInput, required: true, description: "Which one." }) },
    resolve: async (_, { input }, { access, jobs }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { expectedVersion } = validInput(versionSchema, input);
      return { conversionJob: await jobs.owners.resume(id, { version: expectedVersion, access }) };
    },
  }),
  cancelConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Calls off a job that has not ended. Its worker holds it no longer.",
    args: { input: t.arg({ type: CancelConversionJobInput, required: true, description: "Which one." }) },
    resolve: async (_, { input }, { access, jobs }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { expectedVersion } = validInput(versionSchema, input);
      return { conversionJob: await jobs.owners.cancel(id, { version: expectedVersion, access }) };
    },
  }),
  retryConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Gives a job that has FAILED more attempts.",
    args: { input: t.arg({ type: RetryConversionJobInput, required: true, description: "Which one." }) },
    resolve: async (_, { input }, { access, jobs }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { attempts, expectedVersion } = validInput(retrySchema, input);
      return { conversionJob: await jobs.owners.retry(id, attempts, { version: expectedVersion, access }) };
    },
  }),
  reprioritizeConversionJob: t.field({
    authScopes: { editor: true },
    type: ConversionJobPayload,
    description: "Gives a job that has not ended another priority.",
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
    description: "Deletes a job.",
    args: { input: t.arg({ type: DeleteConversionJobInput, required: true, description: "Which one." }) },
    resolve: async (_, { input }, { access, repositories }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      await repositories.conversionJobs.delete(id, validInput(versionSchema, input).expectedVersion, access);
      return { id };
    },
  }),
  cleanUpConversionJobs: t.field({
    authScopes: { administrator: true },
    type: CleanUpConversionJobsPayload,
    description: "Deletes jobs that ended long ago, and thins out the progress events of the others.",
    args: { input: t.arg({ type: CleanUpConversionJobsInput, required: true, description: "Which ones." }) },
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
