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

/** What an event says about the job, as it was after the event. */
export interface JobEventData {
  readonly status: ConversionJobStatus;
  readonly attempt: number;
  readonly progress: number;
  readonly currentTask?: string;
  readonly priority?: number;
  /** The worker that made the call, or whose lease has expired. */
  readonly workerId?: string;
  readonly fencingToken?: number;
  readonly taskId?: string;
  readonly taskStatus?: (typeof TASK_STATUSES)[number];
  /** Why the job, its attempt or its task failed. */
  readonly message?: string;
}

export interface JobEventRow {
  readonly jobId: string;
  /** From 1 on, without gaps except for progress reports that clean-up has thinned out. */
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

/**
 * Walks the table once, in the order of its key. It has no index of its own, which every report would have to
 * update.
 */
const THIN = `
  WITH scanned AS (
    SELECT "job_id", "sequence", "type", "created_at" FROM "conversion_job_events"
     WHERE ("job_id", "sequence") > ($1::uuid, $2::int) ORDER BY "job_id", "sequence" LIMIT $3
  ), followed AS (
    SELECT *, lead("type") OVER next_one AS "next_type", lead("created_at") OVER next_one AS "next_at"
      FROM scanned WINDOW next_one AS (PARTITION BY "job_id" ORDER BY "sequence")
  ), thinned AS (
    DELETE FROM "conversion_job_events" AS event USING followed
     WHERE event."job_id" = followed."job_id" AND event."sequence" = followed."sequence"
       AND followed."type" = 'PROGRESS' AND followed."next_type" = 'PROGRESS' AND followed."created_at" < $4
       AND date_trunc('minute', followed."created_at") = date_trunc('minute', followed."next_at")
    RETURNING 1
  )
  SELECT (SELECT count(*)::int FROM thinned) AS "deleted", (SELECT count(*)::int FROM scanned) AS "scanned",
         "job_id" AS "jobId", "sequence" FROM scanned ORDER BY "job_id" DESC, "sequence" DESC LIMIT 1`;

const COUNT_THINNABLE = `
  SELECT count(*)::float8 AS "count" FROM (
    SELECT "type", "created_at", lead("type") OVER next_one AS "next_type", lead("created_at") OVER next_one AS "next_at"
      FROM "conversion_job_events" WINDOW next_one AS (PARTITION BY "job_id" ORDER BY "sequence")) AS followed
   WHERE "type" = 'PROGRESS' AND "next_type" = 'PROGRESS' AND "created_at" < $1
     AND date_trunc('minute', "created_at") = date_trunc('minute', "next_at")`;

const BEFORE_ALL = { jobId: "00000000-0000-0000-0000-000000000000", sequence: 0 };

export function createJobEventRepository({ query, writeStatements }: DataAccess) {
  const reader = createListReader<JobEventRow>(query, {
    table: "conversion_job_events",
    columns: selectList(
      {
        jobId: "job_id",
        sequence: "sequence",
        type: "type",
        data: "data",
        createdAt: "created_at",
      },
      { times: ["createdAt"] },
    ),
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
   * Of progress reports before `olderThan` that follow each other in the same minute, keeps the last. Every
   * other event stays. Works in batches, each in its own transaction.
   *
   * @returns how many were deleted
   */
  async function thinProgress(
    olderThan: Date,
    { batchSize = 10_000 }: { batchSize?: number } = {},
  ): Promise<number> {
    let deleted = 0;
    let last = BEFORE_ALL;
    for (;;) {
      const [row] = await writeStatements((tx) =>
        tx.queryLast<{ deleted: number; scanned: number; jobId: string; sequence: number }>(THIN, [
          last.jobId,
          last.sequence,
          batchSize,
          olderThan,
        ]),
      );
      deleted += row?.deleted ?? 0;
      if (row === undefined || row.scanned < batchSize) return deleted;
      last = row;
    }
  }

  /** How many `thinProgress` would delete. Reads the whole table. */
  async function countThinnable(olderThan: Date): Promise<number> {
    const [row] = await query<{ count: number }>(COUNT_THINNABLE, [olderThan]);
    return row?.count ?? 0;
  }

  /**
   * A job's log after a sequence number, oldest first, and the job itself at the same moment. Null: there is
   * no such job. Sequence numbers are assigned under the job's row lock, in the transaction that appends the
   * event. So no event appears later with a number below one that was seen.
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
    thinProgress,
    countThinnable,
    readAfter,
    loadLists: reader.loadLists,
    cursorOf: reader.cursorOf,
    findMany: (jobId: string, { since, ...page }: PageArguments & { since?: number | undefined } = {}) =>
      reader.findPage(list(jobId, since), page),
  };
}
