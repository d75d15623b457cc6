import type { DataAccess } from "../database/database.ts";
import type { ProjectStatus } from "../database/generated/client.ts";
import { validationFailed } from "../errors.ts";
import type { JobEventRow } from "./jobEvent.ts";

export interface ProjectStatusChange {
  readonly status: ProjectStatus;
  readonly createdAt: Date;
}

export interface ProjectActivityPart {
  /**
   * Each job's events are in the order of their numbers, and all are ordered by time as far as that allows.
   */
  readonly jobEvents: readonly JobEventRow[];
  readonly statusChanges: readonly ProjectStatusChange[];
  /** Reading after it gives what is in neither this part nor those before it. */
  readonly cursor: string;
  readonly hasMore: boolean;
}

/**
 * What a follower has been told: everything visible in `since`, and then some of what is visible in `until`.
 */
interface Place {
  readonly since: string;
  readonly rest: { readonly until: string; readonly jobId: string; readonly sequence: number } | undefined;
}

export type ProjectActivityRepository = ReturnType<typeof createProjectActivityRepository>;

/** A snapshot's list of running transactions can be long, but never this long. */
const MAX_CURSOR_LENGTH = 20_000;
const SNAPSHOT = /^(\d{1,19}):(\d{1,19}):((?:\d{1,19}(?:,\d{1,19})*)?)$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NO_ID = "00000000-0000-0000-0000-000000000000";

/**
 * What happens in a project. A job's events are numbered for that job alone, and two transactions may commit
 * in any order. So a position in the log is a snapshot, PostgreSQL's own description of which transactions
 * had ended. What is visible now and was not visible in the snapshot is new. So no read waits for anything,
 * and no event is left out or told twice.
 *
 * A job's events become visible in the order of their numbers, because its row is locked meanwhile. So the
 * new ones are the last ones, and the search for them begins at the end of each job's log.
 */
export function createProjectActivityRepository({ query }: DataAccess) {
  const READ = `
    SELECT "until"."snapshot"::text AS "until",
           (SELECT coalesce(json_agg("event" ORDER BY "event"."jobId", "event"."sequence"), '[]') FROM (
              SELECT "log"."job_id" AS "jobId", "log"."sequence", "log"."type", "log"."data", "log"."created_at" AS "createdAt"
                FROM "conversion_jobs" AS "job" CROSS JOIN LATERAL (
                  SELECT * FROM "conversion_job_events"
                   WHERE "job_id" = "job"."id" AND "sequence" > GREATEST(
                           CASE WHEN "job"."id" = $4::uuid THEN $5::int ELSE 0 END,
                           (SELECT "told"."sequence" FROM "conversion_job_events" AS "told"
                             WHERE "told"."job_id" = "job"."id" AND pg_visible_in_snapshot("told"."xid", $2::pg_snapshot)
                             ORDER BY "told"."sequence" DESC LIMIT 1))
                     AND pg_visible_in_snapshot("xid", "until"."snapshot")) AS "log"
               WHERE "job"."project_id" = "project"."id" AND "job"."id" >= $4::uuid
               ORDER BY "log"."job_id", "log"."sequence" LIMIT $6) AS "event") AS "jobEvents",
           (SELECT coalesce(json_agg(json_build_object('status', "status", 'createdAt', "created_at") ORDER BY "id"), '[]')
              FROM "project_status_changes" WHERE "project_id" = "project"."id"
               AND NOT pg_visible_in_snapshot("xid", $2::pg_snapshot)
               AND pg_visible_in_snapshot("xid", "until"."snapshot")) AS "statusChanges"
      FROM "projects" AS "project",
           (SELECT coalesce($3::pg_snapshot, pg_current_snapshot()) AS "snapshot") AS "until"
     WHERE "project"."id" = $1`;

  return {
    /**
     * What happened after the cursor; without a cursor, only the cursor of now. Null: there is no such
     * project.
     *
     * @throws AppError `VALIDATION_FAILED` for a cursor that none of these calls gave out
     */
    async readAfter(
      projectId: string,
      cursor: string | undefined,
      limit: number,
    ): Promise<ProjectActivityPart | null> {
      if (cursor === undefined) {
        const [now] = await query<{ snapshot: string }>(
          `SELECT pg_current_snapshot()::text AS "snapshot" FROM "projects" WHERE "id" = $1`,
          [projectId],
        );
        return now === undefined
          ? null
          : {
              jobEvents: [],
              statusChanges: [],
              cursor: encode({ since: now.snapshot, rest: undefined }),
              hasMore: false,
            };
      }
      const { since, rest } = decode(cursor);
      const [row] = await query<{
        until: string;
        jobEvents: readonly (Omit<JobEventRow, "createdAt"> & { readonly createdAt: string })[];
        statusChanges: readonly { readonly status: ProjectStatus; readonly createdAt: string }[];
      }>(READ, [projectId, since, rest?.until ?? null, rest?.jobId ?? NO_ID, rest?.sequence ?? 0, limit]);
      if (row === undefined) return null;
      const { until } = row;
      const last = row.jobEvents.at(-1);
      const hasMore = last !== undefined && row.jobEvents.length === limit;
      return {
        jobEvents: inTime(row.jobEvents.map(dated)),
        // They come with the last part, since the parts before it cover only some jobs.
        statusChanges: hasMore ? [] : row.statusChanges.map(dated),
        cursor: encode(
          hasMore
            ? { since, rest: { until, jobId: last.jobId, sequence: last.sequence } }
            : { since: until, rest: undefined },
        ),
        hasMore,
      };
    },

    /** Jobs that may still get events: those that have not ended, running ones first. */
    async activeJobIds(projectId: string, limit: number): Promise<string[]> {
      const rows = await query<{ id: string }>(
        `SELECT "id" FROM "conversion_jobs"
          WHERE "project_id" = $1 AND "status" IN ('PENDING', 'RUNNING', 'PAUSED')
          ORDER BY "status" = 'PENDING', "id" LIMIT $2`,
        [projectId, limit],
      );
      return rows.map(({ id }) => id);
    },
  };
}

function dated<Row extends { readonly createdAt: string }>(
  row: Row,
): Omit<Row, "createdAt"> & { createdAt: Date } {
  return { ...row, createdAt: new Date(row.createdAt) };
}

/**
 * Orders events by time. They come by job and number. A job's own events were written one after the other, so
 * their numbers decide even where the database's clock was set back: none counts as older than the one before.
 */
function inTime(events: readonly JobEventRow[]): JobEventRow[] {
  let jobId: string | undefined;
  let at = 0;
  const timed = events.map((event) => {
    const time = event.createdAt.getTime();
    at = event.jobId === jobId ? Math.max(at, time) : time;
    jobId = event.jobId;
    return { event, at };
  });
  return timed.sort((a, b) => a.at - b.at).map(({ event }) => event);
}

function encode({ since, rest }: Place): string {
  const parts = rest === undefined ? [since] : [since, rest.until, rest.jobId, rest.sequence];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

function decode(cursor: string): Place {
  const refuse = (cause?: unknown) =>
    validationFailed(
      [{ path: ["after"], message: "expected a cursor of a message, got something else" }],
      cause,
    );
  if (cursor.length > MAX_CURSOR_LENGTH) throw refuse();
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch (error) {
    throw refuse(error);
  }
  if (!Array.isArray(parts) || (parts.length !== 1 && parts.length !== 4)) throw refuse();
  const [since, until, jobId, sequence] = parts as unknown[];
  if (!isSnapshot(since)) throw refuse();
  if (parts.length === 1) return { since, rest: undefined };
  if (!isSnapshot(until) || typeof jobId !== "string" || !UUID.test(jobId)) throw refuse();
  if (typeof sequence !== "number" || !Number.isInteger(sequence) || sequence < 0 || sequence > 2_147_483_647)
    throw refuse();
  return { since, rest: { until, jobId, sequence } };
}

/**
 * Whether PostgreSQL accepts the text as a snapshot: sorted, and within its bounds. One that it refused would
 * be an internal error.
 */
function isSnapshot(value: unknown): value is string {
  const match = typeof value === "string" ? SNAPSHOT.exec(value) : null;
  if (match === null) return false;
  const [xmin, xmax] = [BigInt(match[1]!), BigInt(match[2]!)];
  if (xmin < 1n || xmax < xmin || xmax >= 2n ** 63n) return false;
  let previous = xmin - 1n;
  for (const text of match[3] === "" ? [] : match[3]!.split(",")) {
    const xid = BigInt(text);
    if (xid <= previous || xid >= xmax) return false;
    previous = xid;
  }
  return true;
}
