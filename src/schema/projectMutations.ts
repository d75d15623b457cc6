import { z } from "zod";
import { forbidden } from "../errors.ts";
import type { ProjectRow } from "../repositories/project.ts";
import { techStackSchema } from "../repositories/techStack.ts";
import { builder } from "./builder.ts";
import type { Context } from "./context.ts";
import { answered, idempotencyKeyField } from "./idempotency.ts";
import { validInput } from "./input.ts";
import { parseIdOf, toNodeId } from "./nodeId.ts";
import { Project, ProjectStatus } from "./project.ts";
import { TechStackInput } from "./techStack.ts";

/** What can be changed of projects: the rules of the inputs, then the inputs, then the mutations. */

const MAX_FILES_PER_CALL = 5_000;
const MAX_PROJECTS_PER_CALL = 1_000;

const text = (maxLength: number) => z.string().trim().min(1).max(maxLength);
const sourceUrl = z
  .string()
  .trim()
  .max(2_048)
  .refine(
    (value) => URL.canParse(value) && /^(https?|ssh|git|file):$/.test(new URL(value).protocol),
    "expected an https, http, ssh, git or file URL",
  )
  .refine((value) => !URL.canParse(value) || !new URL(value).password, "expected a URL without a password");

/** Null and left out mean the same where null has no meaning of its own. */
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);

const filesSchema = z
  .array(
    z.object({
      // Not trimmed: a path may begin or end with a space.
      path: z
        .string()
        .min(1)
        .max(1_024)
        .refine(
          (path) => !/(^\/|(^|\/)\.\.?(\/|$))/.test(path),
          "expected a path from the root without . and ..",
        ),
      sizeBytes: z.int().min(0),
      language: text(100)
        .nullish()
        .transform((language) => language ?? null),
    }),
  )
  .max(MAX_FILES_PER_CALL)
  .superRefine((files, context) => {
    const seen = new Set<string>();
    files.forEach(({ path }, index) => {
      if (seen.has(path))
        context.addIssue({
          code: "custom",
          path: [index, "path"],
          message: `expected each path once, got "${path}" again`,
        });
      seen.add(path);
    });
  });
const newProject = {
  name: text(200),
  description: z.string().trim().max(5_000).nullish(),
  githubUrl: sourceUrl,
  originalTechStack: optional(techStackSchema),
  targetTechStack: techStackSchema.nullish(),
};
const importProjectSchema = z.object(newProject);
const importProjectsSchema = z.object({
  projects: z.array(importProjectSchema).min(1).max(MAX_PROJECTS_PER_CALL),
});
const updateProjectSchema = z.object({
  ...newProject,
  name: optional(newProject.name),
  githubUrl: optional(sourceUrl),
  status: optional(z.enum(["IMPORTED", "ANALYZING", "READY", "FAILED"])),
  expectedVersion: optional(z.int().min(1)),
});
const setTargetTechStackSchema = z.object({
  targetTechStack: techStackSchema,
  expectedVersion: optional(z.int().min(1)),
});
const deleteSchema = z.object({ expectedVersion: optional(z.int().min(1)) });
const addProjectFilesSchema = z.object({ files: filesSchema, isLast: z.boolean() });

const ProjectPayload = builder.objectRef<{ project: ProjectRow }>("ProjectPayload").implement({
  description: "A project after a change.",
  fields: (t) => ({
    project: t.field({
      type: Project,
      description: "The project as it is now.",
      resolve: (payload, _, context) => answered(payload, payload.project, "Project", context),
    }),
  }),
});

const ImportProjectsPayload = builder
  .objectRef<{ projects: readonly ProjectRow[] }>("ImportProjectsPayload")
  .implement({
    description: "The imported projects.",
    fields: (t) => ({
      projects: t.field({
        type: [Project],
        description: "In the order of the input.",
        resolve: (payload, _, context) =>
          Promise.all(payload.projects.map((project) => answered(payload, project, "Project", context))),
      }),
    }),
  });

const DeleteProjectPayload = builder.objectRef<{ id: string }>("DeleteProjectPayload").implement({
  description: "What was deleted.",
  fields: (t) => ({
    deletedId: t.id({
      description: "The deleted project's id.",
      resolve: ({ id }) => toNodeId("Project", id),
    }),
  }),
});

const expectedVersion = "Only if the project still has this version; otherwise `VERSION_CONFLICT`.";

const ImportProjectInput = builder.inputType("ImportProjectInput", {
  description: "A project to import. Its files follow with `addProjectFiles`.",
  fields: (t) => ({
    ownerId: t.id({
      description: "Whose it is. Left out: the viewer's. Only administrators name somebody else.",
    }),
    name: t.string({ required: true, description: "Its name, up to 200 characters." }),
    description: t.string({ description: "What it is, up to 5,000 characters." }),
    githubUrl: t.string({
      required: true,
      description: "Where its source is: an https, http, ssh, git or file URL.",
    }),
    originalTechStack: t.field({ type: TechStackInput, description: "What it is built with." }),
    targetTechStack: t.field({ type: TechStackInput, description: "What it shall be built with." }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ImportProjectsInput = builder.inputType("ImportProjectsInput", {
  description: "Projects to import at once: all or, when one is not valid, none.",
  fields: (t) => ({
    projects: t.field({
      type: [ImportProjectInput],
      required: true,
      description: `1 to ${MAX_PROJECTS_PER_CALL} projects.`,
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const UpdateProjectInput = builder.inputType("UpdateProjectInput", {
  description: "What to change of a project. What is left out stays as it is.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The project's id." }),
    name: t.string({ description: "Its name, up to 200 characters." }),
    description: t.string({ description: "What it is; null for nothing." }),
    githubUrl: t.string({ description: "Where its source is." }),
    originalTechStack: t.field({ type: TechStackInput, description: "What it is built with, as a whole." }),
    targetTechStack: t.field({
      type: TechStackInput,
      description: "What it shall be built with, as a whole; null for undecided.",
    }),
    status: t.field({
      type: ProjectStatus,
      description: "IMPORTED, ANALYZING, READY or FAILED: the others follow from the project's jobs.",
    }),
    expectedVersion: t.int({ description: expectedVersion }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const SetTargetTechStackInput = builder.inputType("SetTargetTechStackInput", {
  description: "What a project shall be converted to.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The project's id." }),
    targetTechStack: t.field({
      type: TechStackInput,
      required: true,
      description: "The target, as a whole.",
    }),
    expectedVersion: t.int({ description: expectedVersion }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const DeleteProjectInput = builder.inputType("DeleteProjectInput", {
  description: "Which project to delete.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The project's id." }),
    expectedVersion: t.int({ description: expectedVersion }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ProjectFileInput = builder.inputType("ProjectFileInput", {
  description: "One file of a project.",
  fields: (t) => ({
    path: t.string({
      required: true,
      description: "Its path from the project's root, with forward slashes.",
    }),
    sizeBytes: t.field({ type: "SafeInt", required: true, description: "Its size in bytes." }),
    language: t.string({ description: "The language it is written in." }),
  }),
});

const AddProjectFilesInput = builder.inputType("AddProjectFilesInput", {
  description: "Some of a project's files. Files that are known already are overwritten.",
  fields: (t) => ({
    projectId: t.id({ required: true, description: "The project's id." }),
    files: t.field({
      type: [ProjectFileInput],
      required: true,
      description: `Up to ${MAX_FILES_PER_CALL} files.`,
    }),
    isLast: t.boolean({
      required: true,
      description: "Whether these are the last: the project is READY then, and ANALYZING until then.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

/**
 * The owner that an import names, or else the viewer.
 *
 * @throws AppError `FORBIDDEN` for anybody else, whether they are there or not
 */
function ownerOf(
  ownerId: string | null | undefined,
  { access, viewer }: Context,
  path: readonly (string | number)[],
): string {
  // Safe: nobody but those who are known gets here.
  const { userId } = viewer!;
  const owner = ownerId == null ? userId : parseIdOf("User", ownerId, path);
  if (access.to !== "everything" && owner !== userId)
    throw forbidden("Only administrators import projects for somebody else.");
  return owner;
}

builder.mutationFields((t) => ({
  importProject: t.field({
    authScopes: { editor: true },
    type: ProjectPayload,
    description: "Adds a project.",
    args: { input: t.arg({ type: ImportProjectInput, required: true, description: "The project." }) },
    resolve: async (_, { input }, context) => {
      const userId = ownerOf(input.ownerId, context, ["input", "ownerId"]);
      return {
        project: await context.repositories.projects.create({
          userId,
          ...validInput(importProjectSchema, input),
        }),
      };
    },
  }),
  importProjects: t.field({
    authScopes: { editor: true },
    type: ImportProjectsPayload,
    description: "Adds many projects in one transaction.",
    args: { input: t.arg({ type: ImportProjectsInput, required: true, description: "The projects." }) },
    resolve: async (_, { input }, context) => {
      const { projects } = validInput(importProjectsSchema, input);
      const owned = projects.map((project, index) => ({
        userId: ownerOf(input.projects[index]?.ownerId, context, ["input", "projects", index, "ownerId"]),
        ...project,
      }));
      return { projects: await context.repositories.projects.createMany(owned) };
    },
  }),
  addProjectFiles: t.field({
    authScopes: { editor: true },
    type: ProjectPayload,
    description: "Adds files to a project's structure.",
    args: { input: t.arg({ type: AddProjectFilesInput, required: true, description: "The files." }) },
    resolve: async (_, { input }, { access, repositories }) => {
      const id = parseIdOf("Project", input.projectId, ["input", "projectId"]);
      const { files, isLast } = validInput(addProjectFilesSchema, input);
      return { project: await repositories.projectFiles.add(id, files, isLast, access) };
    },
  }),
  updateProject: t.field({
    authScopes: { editor: true },
    type: ProjectPayload,
    description: "Changes a project.",
    args: { input: t.arg({ type: UpdateProjectInput, required: true, description: "What to change." }) },
    resolve: async (_, { input }, { access, repositories }) => {
      const id = parseIdOf("Project", input.id, ["input", "id"]);
      const { expectedVersion: version, ...changes } = validInput(updateProjectSchema, input);
      return { project: await repositories.projects.update(id, changes, version, access) };
    },
  }),
  setTargetTechStack: t.field({
    authScopes: { editor: true },
    type: ProjectPayload,
    description: "Chooses what a project shall be converted to.",
    args: { input: t.arg({ type: SetTargetTechStackInput, required: true, description: "The target." }) },
    resolve: async (_, { input }, { access, repositories }) => {
      const id = parseIdOf("Project", input.id, ["input", "id"]);
      const { targetTechStack, expectedVersion: version } = validInput(setTargetTechStackSchema, input);
      return { project: await repositories.projects.update(id, { targetTechStack }, version, access) };
    },
  }),
  deleteProject: t.field({
    authScopes: { editor: true },
    type: DeleteProjectPayload,
    description: "Deletes a project with its files and jobs.",
    args: { input: t.arg({ type: DeleteProjectInput, required: true, description: "Which one." }) },
    resolve: async (_, { input }, { access, repositories }) => {
      const id = parseIdOf("Project", input.id, ["input", "id"]);
      await repositories.projects.delete(id, validInput(deleteSchema, input).expectedVersion, access);
      return { id };
    },
  }),
}));
