import type { GraphQLResolveInfo } from "graphql";
import { notFound } from "../errors.ts";
import { EVERYTHING } from "../loaders.ts";
import { TO_EVERYTHING } from "../repositories/access.ts";
import type {
  ConversionJobFilter,
  ConversionJobOrder,
  ConversionJobRow,
  ConversionJobStatistics,
} from "../repositories/conversionJob.ts";
import type { PageArguments } from "../repositories/page.ts";
import type { ProjectRow } from "../repositories/project.ts";
import { builder } from "./builder.ts";
import { Connection, connectionType, pageArguments } from "./connection.ts";
import type { Context } from "./context.ts";
import { ConversionPlanType, TaskResultType } from "./conversionPlan.ts";
import { Node, nodeIdOf } from "./node.ts";
import { parseIdOf } from "./nodeId.ts";
import { leadsTo, type RowFieldExtensions, reads } from "./pageColumns.ts";
import { Project, SortDirection } from "./project.ts";

export const ConversionJobStatus = builder.enumType("ConversionJobStatus", {
  description: "How far a conversion job has come.",
  values: {
    PENDING: { description: "It waits for a worker; after `availableAt` one may claim it." },
    RUNNING: { description: "A worker holds its lease and is at it." },
    PAUSED: { description: "It was begun and waits to be resumed, with its worker or without." },
    COMPLETED: { description: "It succeeded." },
    FAILED: { description: "It failed; `errorMessage` says why." },
    CANCELLED: { description: "Somebody called it off." },
  } as const,
});

export const ConversionJob = builder.prismaObject("ConversionJob", {
  description: "One conversion of a project to its target stack.",
  interfaces: [Node],
  fields: (t) => ({
    id: t.id({
      description: "`ConversionJob:<uuid>`.",
      ...nodeIdOf("ConversionJob"),
    }),
    project: t.field({
      type: Project,
      description: "What it converts.",
      extensions: leadsTo<ConversionJobRow>("Project", "projectId"),
      resolve: async ({ projectId }, _, { loaders }) => {
        const project = await loaders.projectById.load(projectId);
        // A job's row cannot outlive its project's; but a worker that has given the job up has no part in it any more.
        if (!project) throw notFound("Project", projectId);
        return project;
      },
    }),
    plan: t.field({
      authScopes: { jobReader: true },
      type: ConversionPlanType,
      description: "How it is to be done.",
      extensions: reads<ConversionJobRow>("id"),
      resolve: async ({ id }, _, context) => (await loadDocuments(id, context)).plan,
    }),
    results: t.field({
      authScopes: { jobReader: true },
      type: [TaskResultType],
      description: "What came of its tasks so far.",
      extensions: reads<ConversionJobRow>("id"),
      resolve: async ({ id }, _, context) => (await loadDocuments(id, context)).results,
    }),
    status: t.expose("status", { type: ConversionJobStatus, description: "How far it has come." }),
    progress: t.exposeInt("progress", { description: "Percent, 0 to 100." }),
    currentTask: t.exposeString("currentTask", { nullable: true, description: "What the worker is doing." }),
    errorMessage: t.exposeString("errorMessage", { nullable: true, description: "Why it failed." }),
    priority: t.exposeInt("priority", { description: "−1,000 to 1,000; higher is claimed first." }),
    agentTypes: t.exposeStringList("agentTypes", {
      description:
        "What the plan's tasks ask for, each once: a worker that covers them all may claim the job.",
    }),
    attempt: t.exposeInt("attempt", {
      description:
        "From 1 on. A lease that expires, a failure that is tried again and a retry each begin the next.",
    }),
    maxAttempts: t.exposeInt("maxAttempts", { description: "When this one fails too, the job has FAILED." }),
    availableAt: t.expose("availableAt", {
      type: "DateTime",
      description: "Not claimed before: failures are followed by a pause.",
    }),
    workerId: t.exposeString("workerId", { nullable: true, description: "Who holds its lease." }),
    leaseExpiresAt: t.expose("leaseExpiresAt", {
      type: "DateTime",
      nullable: true,
      description: "When its worker loses it, unless the worker is heard of before.",
    }),
    startedAt: t.expose("startedAt", {
      type: "DateTime",
      nullable: true,
      description: "When the first worker began.",
    }),
    completedAt: t.expose("completedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it ended, in whatever way.",
    }),
    version: t.exposeInt("version", { description: "Goes up with every change; for `expectedVersion`." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was asked for." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When it last changed." }),
  }),
});

async function loadDocuments(id: string, { loaders }: Context) {
  const documents = await loaders.conversionJobDocumentsById.load(id);
  // The job was deleted between the reading of its row and of its documents.
  if (!documents) throw notFound("ConversionJob", id);
  return documents;
}

const ConversionJobConnection = connectionType<ConversionJobRow>(
  "ConversionJob",
  ConversionJob,
  "conversion jobs",
);

const ConversionJobSortKey = builder.enumType("ConversionJobSortKey", {
  description: "What conversion jobs can be sorted by.",
  values: { CREATED_AT: { value: "createdAt", description: "When they were asked for." } } as const,
});

const ConversionJobOrderInput = builder.inputType("ConversionJobOrder", {
  description: "The order of a list of conversion jobs. Those that are equal in it are sorted by id.",
  fields: (t) => ({
    by: t.field({ type: ConversionJobSortKey, required: true, description: "What to sort by." }),
    direction: t.field({ type: SortDirection, required: true, description: "Which end comes first." }),
  }),
});

const conversionJobArguments = builder.args((t) => ({
  status: t.field({ type: ConversionJobStatus, description: "Only jobs with this status." }),
  orderBy: t.field({ type: ConversionJobOrderInput, description: "Newest first, unless told otherwise." }),
}));

function conversionJobConnection(
  { access, loaders, repositories: { conversionJobs } }: Context,
  filter: ConversionJobFilter,
  args: { orderBy?: ConversionJobOrder | null | undefined } & PageArguments,
  info: GraphQLResolveInfo,
  within = access,
) {
  const list = conversionJobs.list(filter, args.orderBy ?? undefined, within);
  return new Connection({
    loader: loaders.conversionJobs,
    list,
    page: args,
    cursorOf: conversionJobs.cursorOf,
    info,
  });
}

const StatusCount = builder
  .objectRef<ConversionJobStatistics["byStatus"][number]>("ConversionJobStatusCount")
  .implement({
    description: "How many conversion jobs have a status.",
    fields: (t) => ({
      status: t.expose("status", { type: ConversionJobStatus, description: "The status." }),
      count: t.exposeInt("count", { description: "How many have it." }),
    }),
  });

const ConversionJobStatisticsType = builder
  .objectRef<ConversionJobStatistics>("ConversionJobStatistics")
  .implement({
    description: "Figures over conversion jobs.",
    fields: (t) => ({
      total: t.exposeInt("total", { description: "How many there are." }),
      byStatus: t.expose("byStatus", {
        type: [StatusCount],
        description: "How many have each status; those that none has are left out.",
      }),
      successRate: t.exposeFloat("successRate", {
        nullable: true,
        description: "Completed among completed and failed, 0 to 1; null while there are neither.",
      }),
      averageDurationSeconds: t.exposeFloat("averageDurationSeconds", {
        nullable: true,
        description: "Mean seconds from start to end of the completed ones; null while there are none.",
      }),
    }),
  });

builder.prismaObjectFields("Project", (t) => ({
  conversionJobs: t.field({
    authScopes: { reader: true },
    type: ConversionJobConnection,
    description: "The project's conversion jobs.",
    args: { ...conversionJobArguments, ...pageArguments() },
    extensions: reads<ProjectRow>("id"),
    resolve: ({ id }, args, context, info) =>
      conversionJobConnection(
        context,
        { projectId: id, status: args.status ?? undefined },
        args,
        info,
        // Whoever owns the project sees them all, as administrators do: it is the same list.
        context.access.to === "held" ? context.access : TO_EVERYTHING,
      ),
  }),
}));

builder.queryFields((t) => ({
  conversionJob: t.field({
    authScopes: { reader: true },
    type: ConversionJob,
    nullable: true,
    description: "A conversion job by its id; null when there is none.",
    args: { id: t.arg.id({ required: true, description: "The job's id." }) },
    extensions: { byId: "ConversionJob" } satisfies RowFieldExtensions,
    resolve: (_, { id }, { loaders }) =>
      loaders.conversionJobById.load(parseIdOf("ConversionJob", id, ["id"])),
  }),
  conversionJobs: t.field({
    authScopes: { reader: true },
    type: ConversionJobConnection,
    description:
      "Conversion jobs, of all projects or of one. For everybody but administrators there are those of their own projects; for workers, those whose lease they hold.",
    args: {
      projectId: t.arg.id({ description: "Only this project's jobs." }),
      ...conversionJobArguments,
      ...pageArguments(),
    },
    resolve: (_, args, context, info) =>
      conversionJobConnection(
        context,
        {
          projectId: args.projectId == null ? undefined : parseIdOf("Project", args.projectId, ["projectId"]),
          status: args.status ?? undefined,
        },
        args,
        info,
      ),
  }),
  activeConversionJobs: t.field({
    authScopes: { reader: true },
    type: ConversionJobConnection,
    description: "Conversion jobs that are pending, running or paused, the oldest first.",
    args: pageArguments(),
    resolve: (_, page, context, info) =>
      conversionJobConnection(
        context,
        { isActive: true },
        { orderBy: { by: "createdAt", direction: "ASC" }, ...page },
        info,
      ),
  }),
  conversionJobStatistics: t.field({
    authScopes: { owner: true },
    type: ConversionJobStatisticsType,
    description: "Figures over all conversion jobs that there are for whoever asks, or over one project's.",
    args: { projectId: t.arg.id({ description: "Only this project's jobs." }) },
    resolve: (_, { projectId }, { loaders }) =>
      loaders.conversionJobStatistics.load(
        projectId == null ? EVERYTHING : parseIdOf("Project", projectId, ["projectId"]),
      ),
  }),
}));
