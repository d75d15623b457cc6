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

export interface JobLogPart {
  readonly status: ConversionJobStatus;
  /** The number of the job's last event. */
  readonly lastSequence: number;
  readonly events: readonly JobEventRow[];
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

  /**
   * What a job's log has after a sequence number, oldest first, and the job itself at the same moment.
   * Null: there is no such job. The numbers are given out under the job's row lock and in the
   * transaction that appends, so nothing comes up later below one that was seen.
   */
  async function readAfter(jobId: string, after: number, limit: number): Promise<JobLogPart | null> {
    const rows = await query<
      Omit<JobLogPart, "events"> & { event: (Omit<JobEventRow, "createdAt"> & { createdAt: string }) | null }
    >(
      `SELECT "job"."status", "job"."event_sequence" AS "lastSequence", "event"."row" AS "event"
         FROM "conversion_jobs" AS "job" LEFT JOIN LATERAL (
           SELECT json_build_object('jobId', "job_id", 'sequence', "sequence", 'type', "type", 'data', "data",
                    'createdAt', "created_at") AS "row", "sequence"
             FROM "conversion_job_events" WHERE "job_id" = "job"."id" AND "sequence" > $2
            ORDER BY "sequence" LIMIT $3) AS "event" ON true
        WHERE "job"."id" = $1 ORDER BY "event"."sequence"`,
      [jobId, after, limit],
    );
    const [first] = rows;
    if (first === undefined) return null;
    const { status, lastSequence } = first;
    const events = rows.flatMap(({ event }) =>
      event === null ? [] : [{ ...event, createdAt: new Date(event.createdAt) }],
    );
    return { status, lastSequence, events };
  }

  return {
    list,
    readAfter,
    loadLists: reader.loadLists,
    cursorOf: reader.cursorOf,
    findMany: (jobId: string, { since, ...page }: PageArguments & { since?: number | undefined } = {}) =>
      reader.findPage(list(jobId, since), page),
  };
}
