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
  description: "The status of a conversion job.",
  values: {
    PENDING: { description: "The job is waiting for a worker, which may claim it from `availableAt` on." },
    RUNNING: { description: "A worker holds the lease and is working on the job." },
    PAUSED: { description: "The job was started, and is waiting to be resumed. A worker may still hold it." },
    COMPLETED: { description: "The job succeeded." },
    FAILED: { description: "The job failed for good; `errorMessage` says why." },
    CANCELLED: { description: "The job was cancelled." },
  } as const,
});

export const ConversionJob = builder.prismaObject("ConversionJob", {
  description: "A job that converts a project to its target tech stack.",
  interfaces: [Node],
  fields: (t) => ({
    id: t.id({
      description: "The job's id: `ConversionJob:<uuid>`.",
      ...nodeIdOf("ConversionJob"),
    }),
    project: t.field({
      type: Project,
      description: "The project that the job converts.",
      extensions: leadsTo<ConversionJobRow>("Project", "projectId"),
      resolve: async ({ projectId }, _, { loaders }) => {
        const project = await loaders.projectById.load(projectId);
        // A job cannot outlive its project, but a worker that has given up the job can no longer see the
        // project.
        if (!project) throw notFound("Project", projectId);
        return project;
      },
    }),
    plan: t.field({
      authScopes: { jobReader: true },
      type: ConversionPlanType,
      description: "How the project is to be converted.",
      extensions: reads<ConversionJobRow>("id"),
      resolve: async ({ id }, _, context) => (await loadDocuments(id, context)).plan,
    }),
    results: t.field({
      authScopes: { jobReader: true },
      type: [TaskResultType],
      description: "The results of the plan's tasks that were reported so far.",
      extensions: reads<ConversionJobRow>("id"),
      resolve: async ({ id }, _, context) => (await loadDocuments(id, context)).results,
    }),
    status: t.expose("status", { type: ConversionJobStatus, description: "The job's status." }),
    progress: t.exposeInt("progress", { description: "The job's progress in percent: 0 to 100." }),
    currentTask: t.exposeString("currentTask", {
      nullable: true,
      description: "What the worker is doing; null if it has not said.",
    }),
    errorMessage: t.exposeString("errorMessage", {
      nullable: true,
      description:
        "Why the last failed attempt failed. Null if there is none, and once the job is retried or completed.",
    }),
    priority: t.exposeInt("priority", {
      description: "The job's priority: −1,000 to 1,000. Jobs with a higher priority are claimed first.",
    }),
    agentTypes: t.exposeStringList("agentTypes", {
      description:
        "The kinds of workers that the plan's tasks need, each once. A worker that covers them all may claim the job.",
    }),
    attempt: t.exposeInt("attempt", {
      description:
        "The number of the current attempt, from 1 on. The next one begins with an expired lease, a failure that is tried again, or a retry.",
    }),
    maxAttempts: t.exposeInt("maxAttempts", {
      description: "The number of the last attempt. If it fails too, the job is `FAILED`.",
    }),
    availableAt: t.expose("availableAt", {
      type: "DateTime",
      description: "The job cannot be claimed before this time. Failures are followed by a pause.",
    }),
    workerId: t.exposeString("workerId", {
      nullable: true,
      description: "The name of the worker that holds the job's lease; null if none does.",
    }),
    leaseExpiresAt: t.expose("leaseExpiresAt", {
      type: "DateTime",
      nullable: true,
      description:
        "When the lease expires, unless the worker reports before. Null if no worker holds the job.",
    }),
    startedAt: t.expose("startedAt", {
      type: "DateTime",
      nullable: true,
      description: "When a worker first claimed the job; null if none has.",
    }),
    completedAt: t.expose("completedAt", {
      type: "DateTime",
      nullable: true,
      description: "When the job was completed, failed or was cancelled; null if it has not ended.",
    }),
    version: t.exposeInt("version", {
      description:
        "The job's version, which grows with every change. Mutations take it as `expectedVersion`.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the job was created." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When the job was last changed." }),
  }),
});

async function loadDocuments(id: string, { loaders }: Context) {
  const documents = await loaders.conversionJobDocumentsById.load(id);
  // The job was deleted after its row was read, and before its documents were.
  if (!documents) throw notFound("ConversionJob", id);
  return documents;
}

const ConversionJobConnection = connectionType<ConversionJobRow>(
  "ConversionJob",
  ConversionJob,
  "conversion jobs",
);

const ConversionJobSortKey = builder.enumType("ConversionJobSortKey", {
  description: "The properties that conversion jobs can be sorted by.",
  values: { CREATED_AT: { value: "createdAt", description: "The time when the job was created." } } as const,
});

const ConversionJobOrderInput = builder.inputType("ConversionJobOrder", {
  description: "The order of a list of conversion jobs. Jobs that are equal in it are sorted by id.",
  fields: (t) => ({
    by: t.field({ type: ConversionJobSortKey, required: true, description: "The property to sort by." }),
    direction: t.field({ type: SortDirection, required: true, description: "The direction to sort in." }),
  }),
});

const conversionJobArguments = builder.args((t) => ({
  status: t.field({ type: ConversionJobStatus, description: "Returns only jobs with this status." }),
  orderBy: t.field({
    type: ConversionJobOrderInput,
    description: "The order of the list. The default is newest first.",
  }),
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
    description: "The number of conversion jobs with one status.",
    fields: (t) => ({
      status: t.expose("status", { type: ConversionJobStatus, description: "The status." }),
      count: t.exposeInt("count", { description: "The number of jobs with this status." }),
    }),
  });

const ConversionJobStatisticsType = builder
  .objectRef<ConversionJobStatistics>("ConversionJobStatistics")
  .implement({
    description: "Statistics about conversion jobs.",
    fields: (t) => ({
      total: t.exposeInt("total", { description: "The number of jobs." }),
      byStatus: t.expose("byStatus", {
        type: [StatusCount],
        description: "The number of jobs by status. A status that no job has is left out.",
      }),
      successRate: t.exposeFloat("successRate", {
        nullable: true,
        description:
          "The share of completed jobs among completed and failed ones: 0 to 1. Null while there are neither.",
      }),
      averageDurationSeconds: t.exposeFloat("averageDurationSeconds", {
        nullable: true,
        description:
          "The mean time from the start to the end of completed jobs, in seconds. Null while there are none.",
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
        // The project's owner sees all of its jobs, as administrators do, so both get the same list.
        context.access.to === "held" ? context.access : TO_EVERYTHING,
      ),
  }),
}));

builder.queryFields((t) => ({
  conversionJob: t.field({
    authScopes: { reader: true },
    type: ConversionJob,
    nullable: true,
    description: "The conversion job with this id. Null if it does not exist or the viewer cannot see it.",
    args: { id: t.arg.id({ required: true, description: "The job's id." }) },
    extensions: { byId: "ConversionJob" } satisfies RowFieldExtensions,
    resolve: (_, { id }, { loaders }) =>
      loaders.conversionJobById.load(parseIdOf("ConversionJob", id, ["id"])),
  }),
  conversionJobs: t.field({
    authScopes: { reader: true },
    type: ConversionJobConnection,
    description:
      "All conversion jobs that the viewer can see, or those of one project. Administrators see all jobs, users those of their own projects, and workers those whose lease they hold.",
    args: {
      projectId: t.arg.id({ description: "Returns only this project's jobs." }),
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
    description:
      "Conversion jobs that are `PENDING`, `RUNNING` or `PAUSED` and that the viewer can see, oldest first.",
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
    description:
      "Statistics about all conversion jobs that the viewer can see, or about those of one project.",
    args: { projectId: t.arg.id({ description: "Counts only this project's jobs." }) },
    resolve: (_, { projectId }, { loaders }) =>
      loaders.conversionJobStatistics.load(
        projectId == null ? EVERYTHING : parseIdOf("Project", projectId, ["projectId"]),
      ),
  }),
}));
