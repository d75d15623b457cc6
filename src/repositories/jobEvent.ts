import { collectionTag } from "../coherence/tags.ts";
import type { DataAccess } from "../database/database.ts";
import type { ConversionJobStatus } from "../database/generated/client.ts";
import type { TASK_STATUSES } from "./conversionPlan.ts";
import type { List, PageArguments } from "./page.ts";
import { createListReader, selectList } from "./reader.ts";

/** What can happen to a job. */
export const JOB_EVENT_TYPES = [
  "CREATED",
  "PLAN_CHANGED",
  "REPRIORITIZED",
  "CLAIMED",
  "PROGRESS",
  "TASK_RESULT",
  "PAUSED",
  "RESUMED",
  "RELEASED",
  "EXPIRED",
  "ATTEMPT_FAILED",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
  "RETRIED",
] as const;

/** What an event says of the job as it was after it. */
export interface JobEventData {
  readonly status: ConversionJobStatus;
  readonly attempt: number;
  readonly progress: number;
  readonly currentTask?: string;
  readonly priority?: number;
  /** Whose call it was, or whose lease has expired. */
  readonly workerId?: string;
  readonly fencingToken?: number;
  readonly taskId?: string;
  readonly taskStatus?: (typeof TASK_STATUSES)[number];
  /** Why it failed. */
  readonly message?: string;
}

export interface JobEventRow {
  readonly jobId: string;
  /** From 1 on, without a gap but for progress reports that clean-up has thinned. */
  readonly sequence: number;
  readonly type: (typeof JOB_EVENT_TYPES)[number];
  readonly data: JobEventData;
  readonly createdAt: Date;
}

export type JobEventRepository = ReturnType<typeof createJobEventRepository>;

export function createJobEventRepository({ query }: DataAccess) {
  const reader = createListReader<JobEventRow>(query, {
    table: "conversion_job_events",
    columns: selectList({
      jobId: "job_id",
      sequence: "sequence",
      type: "type",
      data: "data",
      createdAt: "created_at",
    }),
    key: { column: "sequence", type: "int" },
  });

  /** Oldest first. @param since only events after the one with this sequence number */
  const list = (jobId: string, since = 0): List => ({
    parent: { column: "job_id", id: jobId },
    where: since > 0 ? [{ sql: `"sequence" > ?::int`, values: [since] }] : [],
    order: { column: "sequence", type: "int", direction: "ASC" },
    tags: [collectionTag("ConversionJobEvent", "jobId", jobId)],
  });

  return {
    list,
    loadLists: reader.loadLists,
    cursorOf: reader.cursorOf,
    findMany: (jobId: string, { since, ...page }: PageArguments & { since?: number | undefined } = {}) =>
      reader.findPage(list(jobId, since), page),
  };
}
