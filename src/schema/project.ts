import { z } from "zod";
import { validationFailed } from "../errors.ts";
import { EVERYTHING } from "../loaders.ts";
import type { ProjectFilter, ProjectOrder, ProjectRow, ProjectStatistics } from "../repositories/project.ts";
import type { ProjectFileRow } from "../repositories/projectFile.ts";
import { type TechStack, techStackSchema } from "../repositories/techStack.ts";
import { builder } from "./builder.ts";
import { Connection, connectionType, pageArguments } from "./connection.ts";
import type { Context } from "./context.ts";
import { isStorable, validInput } from "./input.ts";
import { Node, nodeIdOf } from "./node.ts";
import { parseIdOf, toNodeId } from "./nodeId.ts";
import { TechStackInput, TechStackType } from "./techStack.ts";
import { User } from "./user.ts";

/** A file entry is a tenth of a row of anything else: a page of them may be larger. */
const MAX_FILES_PER_PAGE = 1_000;
const MAX_FILES_PER_CALL = 5_000;
const MAX_PROJECTS_PER_CALL = 1_000;

export const ProjectStatus = builder.enumType("ProjectStatus", {
  description: "How far a project has come.",
  values: {
    IMPORTED: { description: "It is known; its files are not." },
    ANALYZING: { description: "Its files are being listed and looked at." },
    READY: { description: "It can be converted." },
    CONVERTING: { description: "A conversion job is at work on it." },
    COMPLETED: { description: "It was converted." },
    FAILED: { description: "Its import or its last conversion failed." },
  } as const,
});

const ProjectFile = builder.objectRef<ProjectFileRow>("ProjectFile").implement({
  description: "One file of a project.",
  fields: (t) => ({
    path: t.exposeString("path", { description: "Its path from the project's root, with forward slashes." }),
    sizeBytes: t.expose("sizeBytes", { type: "SafeInt", description: "Its size in bytes." }),
    language: t.exposeString("language", {
      nullable: true,
      description: "The language it is written in; null when that is not known.",
    }),
  }),
});

const ProjectFileConnection = connectionType<ProjectFileRow>("ProjectFile", ProjectFile, "files");

export const Project = builder.prismaObject("Project", {
  description: "A source project that someone imported.",
  interfaces: [Node],
  fields: (t) => ({
    id: t.id({ description: "`Project:<uuid>`.", resolve: nodeIdOf("Project") }),
    owner: t.field({
      type: User,
      description: "Who imported it.",
      // Safe: a project's row cannot outlive its owner's; the read is of one moment or a later one.
      resolve: async ({ userId }, _, { loaders }) => (await loaders.userById.load(userId))!,
    }),
    name: t.exposeString("name", { description: "Its name." }),
    description: t.exposeString("description", { nullable: true, description: "What it is." }),
    githubUrl: t.exposeString("githubUrl", { description: "Where its source is." }),
    originalTechStack: t.field({
      type: TechStackType,
      description: "What it is built with.",
      // Safe: checked by techStackSchema on its way in.
      resolve: ({ originalTechStack }) => originalTechStack as TechStack,
    }),
    targetTechStack: t.field({
      type: TechStackType,
      nullable: true,
      description: "What it shall be built with; null until somebody has chosen.",
      resolve: ({ targetTechStack }) => targetTechStack as TechStack | null,
    }),
    status: t.expose("status", { type: ProjectStatus, description: "How far it has come." }),
    fileStructure: t.field({
      type: ProjectFileConnection,
      description: "Its files, by path.",
      args: {
        under: t.arg.string({ description: "Only files below this directory." }),
        ...pageArguments(MAX_FILES_PER_PAGE),
      },
      resolve: ({ id }, { under, ...page }, { loaders, repositories: { projectFiles } }) =>
        new Connection({
          loader: loaders.projectFiles,
          list: projectFiles.list(id, validText(under, "under", 1_024)),
          page,
          cursorOf: projectFiles.cursorOf,
          maxPageSize: MAX_FILES_PER_PAGE,
        }),
    }),
    version: t.exposeInt("version", { description: "Goes up with every change; for `expectedVersion`." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was imported." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When it last changed." }),
  }),
});

export const ProjectConnection = connectionType<ProjectRow>("Project", Project, "projects");

const ProjectSortKey = builder.enumType("ProjectSortKey", {
  description: "What projects can be sorted by.",
  values: {
    CREATED_AT: { value: "createdAt", description: "When they were imported." },
    UPDATED_AT: { value: "updatedAt", description: "When they last changed." },
  } as const,
});

export const SortDirection = builder.enumType("SortDirection", {
  description: "Which end comes first.",
  values: {
    ASC: { description: "The smallest or oldest first." },
    DESC: { description: "The largest or newest first." },
  } as const,
});

const ProjectOrderInput = builder.inputType("ProjectOrder", {
  description: "The order of a list of projects. Those that are equal in it are sorted by id.",
  fields: (t) => ({
    by: t.field({ type: ProjectSortKey, required: true, description: "What to sort by." }),
    direction: t.field({ type: SortDirection, required: true, description: "Which end comes first." }),
  }),
});

const projectArguments = builder.args((t) => ({
  status: t.field({ type: ProjectStatus, description: "Only projects with this status." }),
  orderBy: t.field({ type: ProjectOrderInput, description: "Newest first, unless told otherwise." }),
}));

function projectConnection(
  { loaders, repositories: { projects } }: Context,
  filter: ProjectFilter,
  {
    orderBy,
    ...page
  }: { orderBy?: ProjectOrder | null | undefined } & ConstructorParameters<typeof Connection>[0]["page"],
) {
  const list = projects.list(filter, orderBy ?? undefined);
  return new Connection({ loader: loaders.projects, list, page, cursorOf: projects.cursorOf });
}

const StatusCount = builder.objectRef<ProjectStatistics["byStatus"][number]>("ProjectStatusCount").implement({
  description: "How many projects have a status.",
  fields: (t) => ({
    status: t.expose("status", { type: ProjectStatus, description: "The status." }),
    count: t.exposeInt("count", { description: "How many have it." }),
  }),
});

const ProjectStatisticsType = builder.objectRef<ProjectStatistics>("ProjectStatistics").implement({
  description: "Figures over projects.",
  fields: (t) => ({
    total: t.exposeInt("total", { description: "How many there are." }),
    byStatus: t.expose("byStatus", {
      type: [StatusCount],
      description: "How many have each status; those that none has are left out.",
    }),
  }),
});

builder.prismaObjectFields("User", (t) => ({
  projects: t.field({
    type: ProjectConnection,
    description: "The user's projects.",
    args: { ...projectArguments, ...pageArguments() },
    resolve: ({ id }, { status, ...args }, context) =>
      projectConnection(context, { userId: id, status: status ?? undefined }, args),
  }),
}));

builder.queryFields((t) => ({
  project: t.field({
    type: Project,
    nullable: true,
    description: "A project by its id; null when there is none.",
    args: { id: t.arg.id({ required: true, description: "The project's id." }) },
    resolve: (_, { id }, { loaders }) => loaders.projectById.load(parseIdOf("Project", id, ["id"])),
  }),
  projects: t.field({
    type: ProjectConnection,
    description: "Projects, of everybody or of one owner.",
    args: {
      ownerId: t.arg.id({ description: "Only this user's projects." }),
      ...projectArguments,
      ...pageArguments(),
    },
    resolve: (_, { ownerId, status, ...args }, context) =>
      projectConnection(
        context,
        {
          userId: ownerId == null ? undefined : parseIdOf("User", ownerId, ["ownerId"]),
          status: status ?? undefined,
        },
        args,
      ),
  }),
  searchProjects: t.field({
    type: ProjectConnection,
    description:
      "Projects with the text in their name or address, without regard to case, the last changed first. One or two characters match the beginning of names.",
    args: {
      query: t.arg.string({ required: true, description: "1 to 200 characters." }),
      ...pageArguments(),
    },
    resolve: (_, { query, ...page }, context) => {
      const search = validText(query.trim(), "query", 200);
      if (!search)
        throw validationFailed([{ path: ["query"], message: "expected 1 to 200 characters, got none" }]);
      return projectConnection(
        context,
        { search },
        { orderBy: { by: "updatedAt", direction: "DESC" }, ...page },
      );
    },
  }),
  projectStatistics: t.field({
    type: ProjectStatisticsType,
    description: "Figures over all projects, or over one owner's.",
    args: { ownerId: t.arg.id({ description: "Only this user's projects." }) },
    resolve: (_, { ownerId }, { loaders }) =>
      loaders.projectStatistics.load(ownerId == null ? EVERYTHING : parseIdOf("User", ownerId, ["ownerId"])),
  }),
}));

function validText(text: string | null | undefined, argument: string, maxLength: number): string | undefined {
  if (text == null) return undefined;
  if (text.length > maxLength || !isStorable(text)) {
    throw validationFailed([
      {
        path: [argument],
        message: `expected up to ${maxLength} characters, no U+0000 and no half of a surrogate pair`,
      },
    ]);
  }
  return text;
}

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
        .refine((path) => !path.includes("\0"), "expected no U+0000")
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
    project: t.expose("project", { type: Project, description: "The project as it is now." }),
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
        resolve: ({ projects }) => projects,
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
    ownerId: t.id({ description: "Whose it is. Left out: the viewer's." }),
    name: t.string({ required: true, description: "Its name, up to 200 characters." }),
    description: t.string({ description: "What it is, up to 5,000 characters." }),
    githubUrl: t.string({
      required: true,
      description: "Where its source is: an https, http, ssh, git or file URL.",
    }),
    originalTechStack: t.field({ type: TechStackInput, description: "What it is built with." }),
    targetTechStack: t.field({ type: TechStackInput, description: "What it shall be built with." }),
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
  }),
});

const DeleteProjectInput = builder.inputType("DeleteProjectInput", {
  description: "Which project to delete.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The project's id." }),
    expectedVersion: t.int({ description: expectedVersion }),
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
  }),
});

/** The owner that an import names, or else the viewer. */
function ownerOf(
  ownerId: string | null | undefined,
  viewer: Context["viewer"],
  path: readonly (string | number)[],
): string {
  if (ownerId != null) return parseIdOf("User", ownerId, path);
  if (viewer) return viewer.userId;
  throw validationFailed([
    { path, message: "expected an owner: the request names no viewer who could be it" },
  ]);
}

builder.mutationFields((t) => ({
  importProject: t.field({
    type: ProjectPayload,
    description: "Adds a project.",
    args: { input: t.arg({ type: ImportProjectInput, required: true, description: "The project." }) },
    resolve: async (_, { input }, { repositories, viewer }) => {
      const userId = ownerOf(input.ownerId, viewer, ["input", "ownerId"]);
      return {
        project: await repositories.projects.create({ userId, ...validInput(importProjectSchema, input) }),
      };
    },
  }),
  importProjects: t.field({
    type: ImportProjectsPayload,
    description: "Adds many projects in one transaction.",
    args: { input: t.arg({ type: ImportProjectsInput, required: true, description: "The projects." }) },
    resolve: async (_, { input }, { repositories, viewer }) => {
      const { projects } = validInput(importProjectsSchema, input);
      const owned = projects.map((project, index) => ({
        userId: ownerOf(input.projects[index]?.ownerId, viewer, ["input", "projects", index, "ownerId"]),
        ...project,
      }));
      return { projects: await repositories.projects.createMany(owned) };
    },
  }),
  addProjectFiles: t.field({
    type: ProjectPayload,
    description: "Adds files to a project's structure.",
    args: { input: t.arg({ type: AddProjectFilesInput, required: true, description: "The files." }) },
    resolve: async (_, { input }, { repositories }) => {
      const id = parseIdOf("Project", input.projectId, ["input", "projectId"]);
      const { files, isLast } = validInput(addProjectFilesSchema, input);
      return { project: await repositories.projectFiles.add(id, files, isLast) };
    },
  }),
  updateProject: t.field({
    type: ProjectPayload,
    description: "Changes a project.",
    args: { input: t.arg({ type: UpdateProjectInput, required: true, description: "What to change." }) },
    resolve: async (_, { input }, { repositories }) => {
      const id = parseIdOf("Project", input.id, ["input", "id"]);
      const { expectedVersion: version, ...changes } = validInput(updateProjectSchema, input);
      return { project: await repositories.projects.update(id, changes, version) };
    },
  }),
  setTargetTechStack: t.field({
    type: ProjectPayload,
    description: "Chooses what a project shall be converted to.",
    args: { input: t.arg({ type: SetTargetTechStackInput, required: true, description: "The target." }) },
    resolve: async (_, { input }, { repositories }) => {
      const id = parseIdOf("Project", input.id, ["input", "id"]);
      const { targetTechStack, expectedVersion: version } = validInput(setTargetTechStackSchema, input);
      return { project: await repositories.projects.update(id, { targetTechStack }, version) };
    },
  }),
  deleteProject: t.field({
    type: DeleteProjectPayload,
    description: "Deletes a project with its files and jobs.",
    args: { input: t.arg({ type: DeleteProjectInput, required: true, description: "Which one." }) },
    resolve: async (_, { input }, { repositories }) => {
      const id = parseIdOf("Project", input.id, ["input", "id"]);
      await repositories.projects.delete(id, validInput(deleteSchema, input).expectedVersion);
      return { id };
    },
  }),
}));
