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

/** A file entry is a tenth of a row of anything else: a page of them may be larger. */
const MAX_FILES_PER_PAGE = 1_000;

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
    id: t.id({
      description: "`Project:<uuid>`.",
      ...nodeIdOf("Project"),
    }),
    owner: t.field({
      authScopes: { owner: true },
      type: User,
      description: "Who imported it. Not for workers.",
      extensions: leadsTo<ProjectRow>("User", "userId"),
      resolve: async ({ userId }, _, { loaders }) => {
        const owner = await loaders.userById.load(userId);
        // Its row cannot outlive its owner's; but the project may have been given away since it was read.
        if (!owner) throw notFound("User", userId);
        return owner;
      },
    }),
    name: t.exposeString("name", { description: "Its name." }),
    description: t.exposeString("description", { nullable: true, description: "What it is." }),
    githubUrl: t.exposeString("githubUrl", { description: "Where its source is." }),
    originalTechStack: t.field({
      type: TechStackType,
      description: "What it is built with.",
      extensions: documentIn<ProjectRow>("originalTechStack"),
      // Safe: checked by techStackSchema on its way in.
      resolve: ({ originalTechStack }) => originalTechStack as TechStack,
    }),
    targetTechStack: t.field({
      type: TechStackType,
      nullable: true,
      description: "What it shall be built with; null until somebody has chosen.",
      extensions: documentIn<ProjectRow>("targetTechStack"),
      resolve: ({ targetTechStack }) => targetTechStack as TechStack | null,
    }),
    status: t.expose("status", { type: ProjectStatus, description: "How far it has come." }),
    fileStructure: t.field({
      authScopes: { jobReader: true },
      type: ProjectFileConnection,
      description: "Its files, by path.",
      args: {
        under: t.arg.string({ description: "Only files below this directory." }),
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
  { access, loaders, repositories: { projects } }: Context,
  filter: ProjectFilter,
  args: { orderBy?: ProjectOrder | null | undefined } & PageArguments,
  info: GraphQLResolveInfo,
) {
  const list = projects.list(filter, args.orderBy ?? undefined, access);
  return new Connection({ loader: loaders.projects, list, page: args, cursorOf: projects.cursorOf, info });
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
    description: "A project by its id; null when there is none.",
    args: { id: t.arg.id({ required: true, description: "The project's id." }) },
    extensions: { byId: "Project" } satisfies RowFieldExtensions,
    resolve: (_, { id }, { loaders }) => loaders.projectById.load(parseIdOf("Project", id, ["id"])),
  }),
  projects: t.field({
    authScopes: { reader: true },
    type: ProjectConnection,
    description:
      "Projects, of everybody or of one owner. For everybody but administrators there are their own; for workers, those whose jobs they hold.",
    args: {
      ownerId: t.arg.id({ description: "Only this user's projects." }),
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
      "Projects with the text in their name or address, without regard to case, the last changed first. One or two characters match the beginning of names.",
    args: {
      query: t.arg.string({ required: true, description: "1 to 200 characters." }),
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
    description: "Figures over all projects that there are for whoever asks, or over one owner's.",
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
