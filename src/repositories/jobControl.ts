import type { DataAccess } from "../database/database.ts";
import type { ConversionJobStatus } from "../database/generated/client.ts";
import { type Access, isOwnedBy, ownerOf, TO_EVERYTHING } from "./access.ts";
import { type ConversionJobRow, JOB_COLUMNS, jobOf } from "./conversionJobRow.ts";
import { NO_LEASE } from "./leaseColumns.ts";

/**
 * What owners do with existing jobs. Each action is one statement: it locks the row, changes it if its status
 * and version allow that, appends the event, and returns the row as it is then.
 */

/** What a job must match, besides its id. */
export interface ControlTarget {
  /** The version that the change is based on; undefined: any version. */
  readonly version: number | undefined;
  readonly access: Access;
}

/** Anybody's job, in any version. */
export const ANY_JOB: ControlTarget = { version: undefined, access: TO_EVERYTHING };

export interface ControlOutcome {
  readonly job: ConversionJobRow;
  /** Whether the change was made. */
  readonly isDone: boolean;
}

export type JobControlRepository = ReturnType<typeof createJobControlRepository>;

interface ControlStatement {
  /** The statuses in which the change is allowed. */
  readonly statuses: readonly ConversionJobStatus[];
  /** Assignments to "job", from "named", which is the job as it was. $4 is the action's own parameter. */
  readonly set: string;
  readonly event: string;
  /** More fields for the event, from the changed row. */
  readonly data?: string;
}

/**
 * $1: the job, $2: the version that the change is based on, or null, $3: the user who must own it, or null.
 */
function controlStatement({ statuses, set, event, data }: ControlStatement): string {
  return `
  WITH named AS (
    SELECT * FROM "conversion_jobs" WHERE "id" = $1 AND ${isOwnedBy("$3")} FOR NO KEY UPDATE
  ), changed AS (
    UPDATE "conversion_jobs" AS "job" SET ${set}, "event_sequence" = "job"."event_sequence" + 1
      FROM named
     WHERE "job"."id" = named."id" AND named."version" = COALESCE($2::int, named."version")
       AND named."status" IN (${statuses.map((status) => `'${status}'`).join(", ")})
    RETURNING "job".*
  ), logged AS (
    INSERT INTO "conversion_job_events" ("job_id", "sequence", "type", "data")
    SELECT "id", "event_sequence", '${event}', jsonb_build_object('status', "status", 'attempt', "attempt",
           'progress', "progress" ${data ? `, ${data}` : ""})
      FROM changed
  )
  SELECT ${JOB_COLUMNS}, true AS "isDone" FROM changed
   UNION ALL
  SELECT ${JOB_COLUMNS}, false FROM named WHERE NOT EXISTS (SELECT FROM changed)`;
}

// The worker keeps its lease: the answer to its next report tells it of the pause, and it may wait for the
// resumption.
const PAUSE = controlStatement({ statuses: ["RUNNING"], set: `"status" = 'PAUSED'`, event: "PAUSED" });

const IS_HELD = `named."lease_expires_at" > now()`;
const RESUME = controlStatement({
  statuses: ["PAUSED"],
  set: `"status" = (CASE WHEN ${IS_HELD} THEN 'RUNNING' ELSE 'PENDING' END)::conversion_job_status,
        "worker_id" = CASE WHEN ${IS_HELD} THEN named."worker_id" END,
        "worker_user_id" = CASE WHEN ${IS_HELD} THEN named."worker_user_id" END,
        "lease_seconds" = CASE WHEN ${IS_HELD} THEN named."lease_seconds" END,
        "lease_expires_at" = CASE WHEN ${IS_HELD} THEN named."lease_expires_at" END,
        "available_at" = now()`,
  event: "RESUMED",
});

const CANCEL = controlStatement({
  statuses: ["PENDING", "RUNNING", "PAUSED"],
  set: `"status" = 'CANCELLED', "completed_at" = now(), "current_task" = NULL, ${NO_LEASE}`,
  event: "CANCELLED",
});

const RETRY = controlStatement({
  statuses: ["FAILED"],
  set: `"status" = 'PENDING', "attempt" = "job"."attempt" + 1, "max_attempts" = "job"."attempt" + $4::int,
        "progress" = 0, "error_message" = NULL, "completed_at" = NULL, "available_at" = now()`,
  event: "RETRIED",
});

const REPRIORITIZE = controlStatement({
  statuses: ["PENDING", "RUNNING", "PAUSED"],
  set: `"priority" = $4::int`,
  event: "REPRIORITIZED",
  data: `'priority', "priority"`,
});

export function createJobControlRepository({ writeStatements }: Pick<DataAccess, "writeStatements">) {
  /** @returns null when there is no such job */
  async function change(
    statement: string,
    id: string,
    { version, access }: ControlTarget,
    ...parameters: readonly number[]
  ): Promise<ControlOutcome | null> {
    const [row] = await writeStatements(
      (tx) =>
        tx.queryLast<ConversionJobRow & { isDone: boolean }>(statement, [
          id,
          version ?? null,
          ownerOf(access),
          ...parameters,
        ]),
      { isShort: true },
    );
    if (!row) return null;
    return { job: jobOf(row), isDone: row.isDone };
  }

  return {
    pause: (id: string, target = ANY_JOB) => change(PAUSE, id, target),
    /** RUNNING if a worker still holds the lease, otherwise PENDING. */
    resume: (id: string, target = ANY_JOB) => change(RESUME, id, target),
    /** The job's worker loses the lease at once. */
    cancel: (id: string, target = ANY_JOB) => change(CANCEL, id, target),
    /** @param attempts how many more attempts the job may have */
    retry: (id: string, attempts: number, target = ANY_JOB) => change(RETRY, id, target, attempts),
    reprioritize: (id: string, priority: number, target = ANY_JOB) =>
      change(REPRIORITIZE, id, target, priority),
  };
}
