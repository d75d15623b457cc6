import type { GraphQLResolveInfo } from "graphql";
import { notFound, validationFailed } from "../errors.ts";
import { EVERYTHING } from "../loaders.ts";
import type { PageArguments } from "../repositories/page.ts";
import type { ProjectFilter, ProjectOrder, ProjectRow, ProjectStatistics } from "../repositories/project.ts";
import type { ProjectFileRow } from "../repositories/projectFile.ts";
import type { TechStack } from "../repositories/techStack.ts";
import type { UserRow } from "../repositories/user.ts";
import { builder } from "./builder.ts";
import { Connection, connectionType, pageArguments } from "./connection.ts";
import type { Context } from "./context.ts";
import { isStorable } from "./input.ts";
import { Node, nodeIdOf } from "./node.ts";
import { parseIdOf } from "./nodeId.ts";
import { documentIn, leadsTo, type RowFieldExtensions, reads } from "./pageColumns.ts";
import { TechStackType } from "./techStack.ts";
import { User } from "./user.ts";

/** A file's row is a tenth as large as any other, so a page of files may have more rows. */
const MAX_FILES_PER_PAGE = 1_000;

export const ProjectStatus = builder.enumType("ProjectStatus", {
  description: "The status of a project.",
  values: {
    IMPORTED: { description: "The project is registered, but its files are not known yet." },
    ANALYZING: { description: "The project's files are being listed and analyzed." },
    READY: { description: "The project can be converted." },
    CONVERTING: {
      description: "A conversion job of the project has started, and not all of its jobs have ended.",
    },
    COMPLETED: { description: "The last conversion of the project succeeded." },
    FAILED: { description: "The import or the last conversion of the project failed." },
  } as const,
});

const ProjectFile = builder.objectRef<ProjectFileRow>("ProjectFile").implement({
  description: "A file of a project.",
  fields: (t) => ({
    path: t.exposeString("path", {
      description: "The file's path from the project's root, with forward slashes.",
    }),
    sizeBytes: t.expose("sizeBytes", { type: "SafeInt", description: "The file's size in bytes." }),
    language: t.exposeString("language", {
      nullable: true,
      description: "The language that the file is written in; null if it is not known.",
    }),
  }),
});

const ProjectFileConnection = connectionType<ProjectFileRow>("ProjectFile", ProjectFile, "files");

export const Project = builder.prismaObject("Project", {
  description: "A source project that a user imported.",
  interfaces: [Node],
  fields: (t) => ({
    id: t.id({
      description: "The project's id: `Project:<uuid>`.",
      ...nodeIdOf("Project"),
    }),
    owner: t.field({
      authScopes: { owner: true },
      type: User,
      description: "The user who owns the project. Workers may not read this field.",
      extensions: leadsTo<ProjectRow>("User", "userId"),
      resolve: async ({ userId }, _, { loaders }) => {
        const owner = await loaders.userById.load(userId);
        // A project cannot outlive its owner, but it may have been given to another owner since it was read.
        if (!owner) throw notFound("User", userId);
        return owner;
      },
    }),
    name: t.exposeString("name", { description: "The project's name." }),
    description: t.exposeString("description", {
      nullable: true,
      description: "What the project is; null if nobody has described it.",
    }),
    githubUrl: t.exposeString("githubUrl", { description: "The URL of the project's source." }),
    originalTechStack: t.field({
      type: TechStackType,
      description: "The tech stack that the project is built with.",
      extensions: documentIn<ProjectRow>("originalTechStack"),
      // Safe: checked by techStackSchema on its way in.
      resolve: ({ originalTechStack }) => originalTechStack as TechStack,
    }),
    targetTechStack: t.field({
      type: TechStackType,
      nullable: true,
      description: "The tech stack that the project is to be converted to; null until it is chosen.",
      extensions: documentIn<ProjectRow>("targetTechStack"),
      resolve: ({ targetTechStack }) => targetTechStack as TechStack | null,
    }),
    status: t.expose("status", { type: ProjectStatus, description: "The project's status." }),
    fileStructure: t.field({
      authScopes: { jobReader: true },
      type: ProjectFileConnection,
      description: "The project's files, ordered by path.",
      args: {
        under: t.arg.string({ description: "Returns only files below this directory, at any depth." }),
        ...pageArguments(MAX_FILES_PER_PAGE),
      },
      extensions: reads<ProjectRow>("id"),
      resolve: ({ id }, { under, ...page }, { loaders, repositories: { projectFiles } }, info) =>
        new Connection({
          loader: loaders.projectFiles,
          list: projectFiles.list(id, validText(under, "under", 1_024)),
          page,
          cursorOf: projectFiles.cursorOf,
          maxPageSize: MAX_FILES_PER_PAGE,
          info,
        }),
    }),
    version: t.exposeInt("version", {
      description:
        "The project's version, which grows with every change. Mutations take it as `expectedVersion`.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the project was imported." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When the project was last changed." }),
  }),
});

export const ProjectConnection = connectionType<ProjectRow>("Project", Project, "projects");

const ProjectSortKey = builder.enumType("ProjectSortKey", {
  description: "The properties that projects can be sorted by.",
  values: {
    CREATED_AT: { value: "createdAt", description: "The time when the project was imported." },
    UPDATED_AT: { value: "updatedAt", description: "The time when the project was last changed." },
  } as const,
});

export const SortDirection = builder.enumType("SortDirection", {
  description: "The direction in which a list is sorted.",
  values: {
    ASC: { description: "Ascending: the smallest or oldest first." },
    DESC: { description: "Descending: the largest or newest first." },
  } as const,
});

const ProjectOrderInput = builder.inputType("ProjectOrder", {
  description: "The order of a list of projects. Projects that are equal in it are sorted by id.",
  fields: (t) => ({
    by: t.field({ type: ProjectSortKey, required: true, description: "The property to sort by." }),
    direction: t.field({ type: SortDirection, required: true, description: "The direction to sort in." }),
  }),
});

const projectArguments = builder.args((t) => ({
  status: t.field({ type: ProjectStatus, description: "Returns only projects with this status." }),
  orderBy: t.field({
    type: ProjectOrderInput,
    description: "The order of the list. The default is newest first.",
  }),
}));

function projectConnection(
  { access, loaders, repositories: { projects } }: Context,
  filter: ProjectFilter,
  args: { orderBy?: ProjectOrder | null | undefined } & PageArguments,
  info: GraphQLResolveInfo,
) {
  const list = projects.list(filter, args.orderBy ?? undefined, access);
  return new Connection({ loader: loaders.projects, list, page: args, cursorOf: projects.cursorOf, info });
}

const StatusCount = builder.objectRef<ProjectStatistics["byStatus"][number]>("ProjectStatusCount").implement({
  description: "The number of projects with one status.",
  fields: (t) => ({
    status: t.expose("status", { type: ProjectStatus, description: "The status." }),
    count: t.exposeInt("count", { description: "The number of projects with this status." }),
  }),
});

const ProjectStatisticsType = builder.objectRef<ProjectStatistics>("ProjectStatistics").implement({
  description: "Statistics about projects.",
  fields: (t) => ({
    total: t.exposeInt("total", { description: "The number of projects." }),
    byStatus: t.expose("byStatus", {
      type: [StatusCount],
      description: "The number of projects by status. A status that no project has is left out.",
    }),
  }),
});

builder.prismaObjectFields("User", (t) => ({
  projects: t.field({
    authScopes: { reader: true },
    type: ProjectConnection,
    description: "The user's projects.",
    args: { ...projectArguments, ...pageArguments() },
    extensions: reads<UserRow>("id"),
    resolve: ({ id }, args, context, info) =>
      projectConnection(context, { userId: id, status: args.status ?? undefined }, args, info),
  }),
}));

builder.queryFields((t) => ({
  project: t.field({
    authScopes: { reader: true },
    type: Project,
    nullable: true,
    description: "The project with this id. Null if it does not exist or the viewer cannot see it.",
    args: { id: t.arg.id({ required: true, description: "The project's id." }) },
    extensions: { byId: "Project" } satisfies RowFieldExtensions,
    resolve: (_, { id }, { loaders }) => loaders.projectById.load(parseIdOf("Project", id, ["id"])),
  }),
  projects: t.field({
    authScopes: { reader: true },
    type: ProjectConnection,
    description:
      "All projects that the viewer can see, or those of one owner. Administrators see all projects, users their own, and workers those of the jobs that they hold.",
    args: {
      ownerId: t.arg.id({ description: "Returns only this user's projects." }),
      ...projectArguments,
      ...pageArguments(),
    },
    resolve: (_, args, context, info) =>
      projectConnection(
        context,
        {
          userId: args.ownerId == null ? undefined : parseIdOf("User", args.ownerId, ["ownerId"]),
          status: args.status ?? undefined,
        },
        args,
        info,
      ),
  }),
  searchProjects: t.field({
    authScopes: { reader: true },
    type: ProjectConnection,
    description:
      "Projects whose name or source URL contains the text, regardless of case, most recently changed first. A text of one or two characters matches only the beginning of names.",
    args: {
      query: t.arg.string({ required: true, description: "The text to search for: 1 to 200 characters." }),
      ...pageArguments(),
    },
    resolve: (_, { query, ...page }, context, info) => {
      const search = validText(query.trim(), "query", 200);
      if (!search)
        throw validationFailed([{ path: ["query"], message: "expected 1 to 200 characters, got none" }]);
      return projectConnection(
        context,
        { search },
        { orderBy: { by: "updatedAt", direction: "DESC" }, ...page },
        info,
      );
    },
  }),
  projectStatistics: t.field({
    authScopes: { owner: true },
    type: ProjectStatisticsType,
    description: "Statistics about all projects that the viewer can see, or about those of one owner.",
    args: { ownerId: t.arg.id({ description: "Counts only this user's projects." }) },
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
