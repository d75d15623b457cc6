import { z } from "zod";
import type { ConversionJobRow } from "../repositories/conversionJobRow.ts";
import { conversionPlanSchema } from "../repositories/conversionPlan.ts";
import { builder } from "./builder.ts";
import { ConversionJob } from "./conversionJob.ts";
import { ConversionPlanInput } from "./conversionPlan.ts";
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
const deleteConversionJobSchema = z.object({ expectedVersion: expectedVersionSchema });
const cleanUpSchema = z.object({ olderThanDays: z.int().min(1).max(36_500) });

const ConversionJobPayload = builder
  .objectRef<{ conversionJob: ConversionJobRow }>("ConversionJobPayload")
  .implement({
    description: "A conversion job after a change.",
    fields: (t) => ({
      conversionJob: t.expose("conversionJob", { type: ConversionJob, description: "The job as it is now." }),
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
  .objectRef<{ deletedCount: number }>("CleanUpConversionJobsPayload")
  .implement({
    description: "What was cleaned up.",
    fields: (t) => ({
      deletedCount: t.exposeInt("deletedCount", { description: "How many jobs were deleted." }),
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
  }),
});

const DeleteConversionJobInput = builder.inputType("DeleteConversionJobInput", {
  description: "Which job to delete.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    expectedVersion: t.int({
      description: "Only if the job still has this version; otherwise `VERSION_CONFLICT`.",
    }),
  }),
});

const CleanUpConversionJobsInput = builder.inputType("CleanUpConversionJobsInput", {
  description: "Which finished jobs to delete.",
  fields: (t) => ({
    olderThanDays: t.int({
      required: true,
      description: "Those that ended more than this many days ago: 1 to 36,500.",
    }),
  }),
});

const DAY_MS = 86_400_000;

builder.mutationFields((t) => ({
  createConversionJob: t.field({
    type: ConversionJobPayload,
    description: "Asks for a conversion.",
    args: {
      input: t.arg({ type: CreateConversionJobInput, required: true, description: "The conversion." }),
    },
    resolve: async (_, { input }, { repositories }) => {
      const projectId = parseIdOf("Project", input.projectId, ["input", "projectId"]);
      const job = validInput(createConversionJobSchema, input);
      return { conversionJob: await repositories.conversionJobs.create({ projectId, ...job }) };
    },
  }),
  updateConversionJob: t.field({
    type: ConversionJobPayload,
    description: "Replaces the plan of a job that is PENDING.",
    args: { input: t.arg({ type: UpdateConversionJobInput, required: true, description: "The new plan." }) },
    resolve: async (_, { input }, { repositories }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      const { plan, expectedVersion } = validInput(updateConversionJobSchema, input);
      return { conversionJob: await repositories.conversionJobs.update(id, { plan }, expectedVersion) };
    },
  }),
  deleteConversionJob: t.field({
    type: DeleteConversionJobPayload,
    description: "Deletes a job.",
    args: { input: t.arg({ type: DeleteConversionJobInput, required: true, description: "Which one." }) },
    resolve: async (_, { input }, { repositories }) => {
      const id = parseIdOf("ConversionJob", input.id, ["input", "id"]);
      await repositories.conversionJobs.delete(
        id,
        validInput(deleteConversionJobSchema, input).expectedVersion,
      );
      return { id };
    },
  }),
  cleanUpConversionJobs: t.field({
    type: CleanUpConversionJobsPayload,
    description: "Deletes jobs that ended long ago.",
    args: { input: t.arg({ type: CleanUpConversionJobsInput, required: true, description: "Which ones." }) },
    resolve: async (_, { input }, { repositories }) => {
      const { olderThanDays } = validInput(cleanUpSchema, input);
      const olderThan = new Date(Date.now() - olderThanDays * DAY_MS);
      return { deletedCount: await repositories.conversionJobs.deleteFinished(olderThan) };
    },
  }),
}));
