import { validationFailed } from "../errors.ts";
import type { ConversionJobRow } from "../repositories/conversionJob.ts";
import type { JOB_EVENT_TYPES, JobEventRow } from "../repositories/jobEvent.ts";
import { builder } from "./builder.ts";
import { Connection, connectionType, pageArguments } from "./connection.ts";
import { ConversionJobStatus } from "./conversionJob.ts";
import { TaskStatus } from "./conversionPlan.ts";
import { toNodeId } from "./nodeId.ts";
import { reads } from "./pageColumns.ts";

const MAX_EVENTS_PER_PAGE = 1_000;

const ConversionJobEventType = builder.enumType("ConversionJobEventType", {
  description: "What can happen to a conversion job.",
  values: {
    CREATED: { description: "It was asked for." },
    PLAN_CHANGED: { description: "Its plan was replaced." },
    REPRIORITIZED: { description: "It got another priority." },
    CLAIMED: { description: "A worker took it." },
    PROGRESS: { description: "Its worker has come further, or begun another task." },
    TASK_RESULT: { description: "Its worker has finished one of the plan's tasks." },
    PAUSED: { description: "Its owner stopped it." },
    RESUMED: { description: "Its owner let it go on." },
    RELEASED: { description: "Its worker gave it back unfinished." },
    EXPIRED: { description: "Its worker was not heard of in time, and has lost it." },
    ATTEMPT_FAILED: { description: "Its worker failed, and another attempt follows." },
    COMPLETED: { description: "It succeeded." },
    FAILED: { description: "It failed for good." },
    CANCELLED: { description: "Its owner called it off." },
    RETRIED: { description: "Its owner asked for more attempts." },
  } as const satisfies Record<(typeof JOB_EVENT_TYPES)[number], object>,
});

export const ConversionJobEvent = builder.objectRef<JobEventRow>("ConversionJobEvent").implement({
  description: "Something that happened to a conversion job, and the job as it was then.",
  fields: (t) => ({
    jobId: t.id({
      description: "Which job it happened to.",
      resolve: ({ jobId }) => toNodeId("ConversionJob", jobId),
    }),
    sequence: t.exposeInt("sequence", {
      description:
        "Its number among the job's events: from 1 on, without a gap but for progress that clean-up has thinned out.",
    }),
    type: t.expose("type", { type: ConversionJobEventType, description: "What happened." }),
    status: t.field({
      type: ConversionJobStatus,
      description: "The job's status after it.",
      resolve: ({ data }) => data.status,
    }),
    attempt: t.int({ description: "The job's attempt after it.", resolve: ({ data }) => data.attempt }),
    progress: t.int({ description: "The job's percentage after it.", resolve: ({ data }) => data.progress }),
    currentTask: t.string({
      nullable: true,
      description: "Of progress: what the worker is doing.",
      resolve: ({ data }) => data.currentTask ?? null,
    }),
    priority: t.int({
      nullable: true,
      description: "Of another priority: which one.",
      resolve: ({ data }) => data.priority ?? null,
    }),
    workerId: t.string({
      nullable: true,
      description: "Of what workers do: which one.",
      resolve: ({ data }) => data.workerId ?? null,
    }),
    taskId: t.string({
      nullable: true,
      description: "Of a task's result: the task's id in the plan.",
      resolve: ({ data }) => data.taskId ?? null,
    }),
    taskStatus: t.field({
      type: TaskStatus,
      nullable: true,
      description: "Of a task's result: how the task ended.",
      resolve: ({ data }) => data.taskStatus ?? null,
    }),
    message: t.string({
      nullable: true,
      description: "Of failures: why.",
      resolve: ({ data }) => data.message ?? null,
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it happened." }),
  }),
});

const ConversionJobEventConnection = connectionType<JobEventRow>(
  "ConversionJobEvent",
  ConversionJobEvent,
  "a conversion job's events",
);

builder.prismaObjectFields("ConversionJob", (t) => ({
  events: t.field({
    authScopes: { jobReader: true },
    type: ConversionJobEventConnection,
    description: "What has happened to it, the oldest first.",
    args: {
      since: t.arg.int({ description: "Only events after the one with this sequence number." }),
      ...pageArguments(MAX_EVENTS_PER_PAGE),
    },
    extensions: reads<ConversionJobRow>("id"),
    resolve: ({ id }, { since, ...page }, { loaders, repositories: { jobEvents } }, info) => {
      if (since != null && since < 0) {
        throw validationFailed([{ path: ["since"], message: `expected 0 or more, got ${since}` }]);
      }
      return new Connection({
        loader: loaders.jobEvents,
        list: jobEvents.list(id, since ?? undefined),
        page,
        cursorOf: jobEvents.cursorOf,
        maxPageSize: MAX_EVENTS_PER_PAGE,
        info,
      });
    },
  }),
  lastEventSequence: t.exposeInt("eventSequence", {
    description: "The number of its last event; 0 before the first.",
  }),
}));
