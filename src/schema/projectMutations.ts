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

/** The mutations of projects: first the rules of the inputs, then the inputs, then the mutations. */

const MAX_FILES_PER_CALL = 5_000;
/** In UTF-8. PostgreSQL's index takes up to 2,676; longer ones it takes only if they can be compressed. */
const MAX_PATH_BYTES = 2_600;
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

/** For fields in which null has no meaning of its own: null counts as left out. */
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
          (path) => Buffer.byteLength(path) <= MAX_PATH_BYTES,
          `expected up to ${MAX_PATH_BYTES} bytes in UTF-8`,
        )
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
  description: "A project after a mutation.",
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
    description: "The projects that were imported.",
    fields: (t) => ({
      projects: t.field({
        type: [Project],
        description: "The projects, in the order of the input.",
        resolve: (payload, _, context) =>
          Promise.all(payload.projects.map((project) => answered(payload, project, "Project", context))),
      }),
    }),
  });

const DeleteProjectPayload = builder.objectRef<{ id: string }>("DeleteProjectPayload").implement({
  description: "The project that was deleted.",
  fields: (t) => ({
    deletedId: t.id({
      description: "The id of the deleted project.",
      resolve: ({ id }) => toNodeId("Project", id),
    }),
  }),
});

const expectedVersion =
  "The version that the mutation is based on. If the project has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked.";

const ImportProjectInput = builder.inputType("ImportProjectInput", {
  description: "A project to import. Its files follow with `addProjectFiles`.",
  fields: (t) => ({
    ownerId: t.id({
      description:
        "The user who will own the project: the viewer, if left out. Only administrators may name another user.",
    }),
    name: t.string({ required: true, description: "The project's name: 1 to 200 characters." }),
    description: t.string({ description: "What the project is, up to 5,000 characters." }),
    githubUrl: t.string({
      required: true,
      description:
        "The URL of the project's source: https, http, ssh, git or file, without a password and up to 2,048 characters.",
    }),
    originalTechStack: t.field({
      type: TechStackInput,
      description: "The tech stack that the project is built with.",
    }),
    targetTechStack: t.field({
      type: TechStackInput,
      description: "The tech stack that the project is to be converted to.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ImportProjectsInput = builder.inputType("ImportProjectsInput", {
  description: "Projects to import in one transaction: if one of them is not valid, none is imported.",
  fields: (t) => ({
    projects: t.field({
      type: [ImportProjectInput],
      required: true,
      description: `The projects: 1 to ${MAX_PROJECTS_PER_CALL}.`,
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const UpdateProjectInput = builder.inputType("UpdateProjectInput", {
  description: "Changes to a project. What is left out stays as it is.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The project's id." }),
    name: t.string({ description: "The project's name: 1 to 200 characters." }),
    description: t.string({
      description: "What the project is, up to 5,000 characters. Null removes the description.",
    }),
    githubUrl: t.string({
      description:
        "The URL of the project's source: https, http, ssh, git or file, without a password and up to 2,048 characters.",
    }),
    originalTechStack: t.field({
      type: TechStackInput,
      description: "The tech stack that the project is built with. It replaces the previous one as a whole.",
    }),
    targetTechStack: t.field({
      type: TechStackInput,
      description:
        "The tech stack that the project is to be converted to. It replaces the previous one as a whole. Null removes it.",
    }),
    status: t.field({
      type: ProjectStatus,
      description:
        "The project's status: `IMPORTED`, `ANALYZING`, `READY` or `FAILED`. The other statuses follow from the project's jobs.",
    }),
    expectedVersion: t.int({ description: expectedVersion }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const SetTargetTechStackInput = builder.inputType("SetTargetTechStackInput", {
  description: "The tech stack that a project is to be converted to.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The project's id." }),
    targetTechStack: t.field({
      type: TechStackInput,
      required: true,
      description: "The tech stack. It replaces the previous one as a whole.",
    }),
    expectedVersion: t.int({ description: expectedVersion }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const DeleteProjectInput = builder.inputType("DeleteProjectInput", {
  description: "The project to delete.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The project's id." }),
    expectedVersion: t.int({ description: expectedVersion }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const ProjectFileInput = builder.inputType("ProjectFileInput", {
  description: "A file of a project.",
  fields: (t) => ({
    path: t.string({
      required: true,
      description:
        "The file's path from the project's root, with forward slashes and without `.` or `..`: 1 to 1,024 characters, and up to 2,600 bytes in UTF-8.",
    }),
    sizeBytes: t.field({ type: "SafeInt", required: true, description: "The file's size in bytes." }),
    language: t.string({ description: "The language that the file is written in: 1 to 100 characters." }),
  }),
});

const AddProjectFilesInput = builder.inputType("AddProjectFilesInput", {
  description: "Some of a project's files. A file whose path is known already is overwritten.",
  fields: (t) => ({
    projectId: t.id({ required: true, description: "The project's id." }),
    files: t.field({
      type: [ProjectFileInput],
      required: true,
      description: `The files: up to ${MAX_FILES_PER_CALL}, each path once.`,
    }),
    isLast: t.boolean({
      required: true,
      description:
        "Whether these are the project's last files. With the last files the project becomes `READY`; until then it is `ANALYZING`.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

/**
 * The owner that an import names, or else the viewer.
 *
 * @throws AppError `FORBIDDEN` if another user is named and the viewer is no administrator, whether or not that
 *   user exists
 */
function ownerOf(
  ownerId: string | null | undefined,
  { access, viewer }: Context,
  path: readonly (string | number)[],
): string {
  // Safe: the rule of the field refuses requests without a viewer.
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
    description: "Imports a project. Its files follow with `addProjectFiles`.",
    args: {
      input: t.arg({ type: ImportProjectInput, required: true, description: "The project to import." }),
    },
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
    description: "Imports many projects in one transaction.",
    args: {
      input: t.arg({ type: ImportProjectsInput, required: true, description: "The projects to import." }),
    },
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
    description: "Adds files to a project's file structure.",
    args: { input: t.arg({ type: AddProjectFilesInput, required: true, description: "The files to add." }) },
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
    args: { input: t.arg({ type: UpdateProjectInput, required: true, description: "The changes." }) },
    resolve: async (_, { input }, { access, repositories }) => {
      const id = parseIdOf("Project", input.id, ["input", "id"]);
      const { expectedVersion: version, ...changes } = validInput(updateProjectSchema, input);
      return { project: await repositories.projects.update(id, changes, version, access) };
    },
  }),
  setTargetTechStack: t.field({
    authScopes: { editor: true },
    type: ProjectPayload,
    description: "Sets the tech stack that a project is to be converted to.",
    args: { input: t.arg({ type: SetTargetTechStackInput, required: true, description: "The tech stack." }) },
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
    args: {
      input: t.arg({ type: DeleteProjectInput, required: true, description: "The project to delete." }),
    },
    resolve: async (_, { input }, { access, repositories }) => {
      const id = parseIdOf("Project", input.id, ["input", "id"]);
      await repositories.projects.delete(id, validInput(deleteSchema, input).expectedVersion, access);
      return { id };
    },
  }),
}));
