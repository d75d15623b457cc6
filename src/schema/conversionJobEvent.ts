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
  description: "The kinds of events in a conversion job's log.",
  values: {
    CREATED: { description: "The job was created." },
    PLAN_CHANGED: { description: "The job's plan was replaced." },
    REPRIORITIZED: { description: "The job got another priority." },
    CLAIMED: { description: "A worker claimed the job." },
    PROGRESS: { description: "The worker reported more progress or another current task." },
    TASK_RESULT: { description: "The worker reported the result of one of the plan's tasks." },
    PAUSED: { description: "The job's owner paused it." },
    RESUMED: { description: "The job's owner resumed it." },
    RELEASED: { description: "The worker gave the job back unfinished." },
    EXPIRED: { description: "The lease expired before the worker reported, so the worker lost the job." },
    ATTEMPT_FAILED: { description: "The worker reported a failure, and another attempt follows." },
    COMPLETED: { description: "The job succeeded." },
    FAILED: { description: "The worker reported a failure, and the job failed for good." },
    CANCELLED: { description: "The job's owner cancelled it." },
    RETRIED: { description: "The job's owner gave the failed job more attempts." },
  } as const satisfies Record<(typeof JOB_EVENT_TYPES)[number], object>,
});

export const ConversionJobEvent = builder.objectRef<JobEventRow>("ConversionJobEvent").implement({
  description: "An entry of a conversion job's log: what happened, and the job's state right after it.",
  fields: (t) => ({
    jobId: t.id({
      description: "The id of the job that the event is about.",
      resolve: ({ jobId }) => toNodeId("ConversionJob", jobId),
    }),
    sequence: t.exposeInt("sequence", {
      description:
        "The event's number in the job's log. Numbers start at 1 and have no gaps, except where clean-up has thinned out progress events.",
    }),
    type: t.expose("type", { type: ConversionJobEventType, description: "What happened." }),
    status: t.field({
      type: ConversionJobStatus,
      description: "The job's status after the event.",
      resolve: ({ data }) => data.status,
    }),
    attempt: t.int({
      description: "The job's attempt after the event.",
      resolve: ({ data }) => data.attempt,
    }),
    progress: t.int({
      description: "The job's progress after the event, in percent: 0 to 100.",
      resolve: ({ data }) => data.progress,
    }),
    currentTask: t.string({
      nullable: true,
      description:
        "For `PROGRESS`: what the worker is doing. Null if the worker did not say, and for other events.",
      resolve: ({ data }) => data.currentTask ?? null,
    }),
    priority: t.int({
      nullable: true,
      description: "For `CREATED` and `REPRIORITIZED`: the job's priority. Null for other events.",
      resolve: ({ data }) => data.priority ?? null,
    }),
    workerId: t.string({
      nullable: true,
      description: "For what a worker did, and for `EXPIRED`: the name of the worker. Null for other events.",
      resolve: ({ data }) => data.workerId ?? null,
    }),
    taskId: t.string({
      nullable: true,
      description: "For `TASK_RESULT`: the id of the task in the plan. Null for other events.",
      resolve: ({ data }) => data.taskId ?? null,
    }),
    taskStatus: t.field({
      type: TaskStatus,
      nullable: true,
      description: "For `TASK_RESULT`: how the task ended. Null for other events.",
      resolve: ({ data }) => data.taskStatus ?? null,
    }),
    message: t.string({
      nullable: true,
      description:
        "Why a task, an attempt or the job failed, or the lease expired. Null if no reason is known, and for other events.",
      resolve: ({ data }) => data.message ?? null,
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the event happened." }),
  }),
});

const ConversionJobEventConnection = connectionType<JobEventRow>(
  "ConversionJobEvent",
  ConversionJobEvent,
  "conversion job events",
);

builder.prismaObjectFields("ConversionJob", (t) => ({
  events: t.field({
    authScopes: { jobReader: true },
    type: ConversionJobEventConnection,
    description: "The job's events, oldest first.",
    args: {
      since: t.arg.int({ description: "Returns only events after the one with this sequence number." }),
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
    description: "The sequence number of the job's last event; 0 if there is none.",
  }),
}));
