import type { DataAccess } from "../database/database.ts";
import { type ConversionJobRow, JOB_COLUMNS, jobOf } from "./conversionJobRow.ts";
import type { TaskResult } from "./conversionPlan.ts";
import type { HeldJob } from "./jobLease.ts";
import { RENEWED_LEASE } from "./leaseColumns.ts";

export interface TaskReport extends HeldJob {
  readonly result: Omit<TaskResult, "attempt">;
}

export interface TaskOutcome {
  readonly job: ConversionJobRow;
  /** Whether the worker held the lease. */
  readonly isHeld: boolean;
  /** Whether the plan has such a task. */
  readonly isPlanned: boolean;
  /** Whether this attempt already had a result for the task; "same": it equals this one. */
  readonly earlier: "none" | "same" | "different";
}

export type JobResultRepository = ReturnType<typeof createJobResultRepository>;

/**
 * $1: the job, $2: the worker, $3: the fencing token, $4: the result as a JSON document, $5: the user whose
 * worker must hold the job, or null.
 *
 * A task has one result per attempt. A result replaces the one of an earlier attempt; the event log has both.
 */
const REPORT = `
  WITH named AS (
    SELECT "job".*,
           ("fencing_token" = $3::bigint AND "worker_id" = $2 AND ($5::uuid IS NULL OR "worker_user_id" = $5)
             AND "lease_expires_at" > now()) IS TRUE AS "isHeld",
           EXISTS (SELECT FROM jsonb_array_elements("plan" -> 'tasks') AS task
                    WHERE task ->> 'id' = $4::jsonb ->> 'taskId') AS "isPlanned",
           COALESCE((SELECT CASE WHEN result - 'attempt' = $4::jsonb THEN 'same' ELSE 'different' END
              FROM jsonb_array_elements("results") AS result
             WHERE result ->> 'taskId' = $4::jsonb ->> 'taskId' AND (result ->> 'attempt')::int = "attempt"
             LIMIT 1), 'none') AS "earlier"
      FROM "conversion_jobs" AS "job" WHERE "id" = $1 FOR NO KEY UPDATE
  ), changed AS (
    UPDATE "conversion_jobs" AS "job"
       SET "results" = COALESCE((SELECT jsonb_agg(result ORDER BY position)
                FROM jsonb_array_elements("job"."results") WITH ORDINALITY AS kept(result, position)
               WHERE result ->> 'taskId' <> $4::jsonb ->> 'taskId'), '[]')
             || jsonb_build_array($4::jsonb || jsonb_build_object('attempt', "job"."attempt")),
           ${RENEWED_LEASE},
           "event_sequence" = "job"."event_sequence" + 1
      FROM named
     WHERE "job"."id" = named."id" AND named."isHeld" AND named."status" IN ('RUNNING', 'PAUSED')
       AND named."isPlanned" AND named."earlier" = 'none'
    RETURNING "job".*
  ), logged AS (
    INSERT INTO "conversion_job_events" ("job_id", "sequence", "type", "data")
    SELECT "id", "event_sequence", 'TASK_RESULT', jsonb_strip_nulls(jsonb_build_object('status', "status", 'attempt', "attempt",
           'progress', "progress", 'workerId', "worker_id", 'fencingToken', "fencing_token",
           'taskId', $4::jsonb ->> 'taskId', 'taskStatus', $4::jsonb ->> 'status', 'message', $4::jsonb ->> 'error'))
      FROM changed
  )
  SELECT ${JOB_COLUMNS}, true AS "isHeld", true AS "isPlanned", 'none' AS "earlier" FROM changed
   UNION ALL
  SELECT ${JOB_COLUMNS}, "isHeld", "isPlanned", "earlier" FROM named WHERE NOT EXISTS (SELECT FROM changed)`;

export function createJobResultRepository({ writeStatements }: Pick<DataAccess, "writeStatements">) {
  return {
    /**
     * Stores the result of one task and renews the lease, unless the outcome says otherwise.
     *
     * @returns null when there is no such job
     */
    async report(
      workerId: string,
      { id, fencingToken, workerUserId, result }: TaskReport,
    ): Promise<TaskOutcome | null> {
      const [row] = await writeStatements((tx) =>
        tx.queryLast<ConversionJobRow & Omit<TaskOutcome, "job">>(REPORT, [
          id,
          workerId,
          fencingToken,
          JSON.stringify(result),
          workerUserId ?? null,
        ]),
      );
      if (!row) return null;
      const { isHeld, isPlanned, earlier } = row;
      return { job: jobOf(row), isHeld, isPlanned, earlier };
    },
  };
}
