import type { DataAccess, Statement } from "../database/database.ts";
import type { ConversionJobStatus } from "../database/generated/client.ts";
import { combineCalls } from "./combining.ts";
import type { ConversionJobDocuments } from "./conversionJob.ts";
import { type ConversionJobRow, JOB_COLUMNS, jobOf } from "./conversionJobRow.ts";
import { withResults } from "./conversionPlan.ts";
import { NO_LEASE, RENEWED_LEASE } from "./leaseColumns.ts";

/**
 * What workers do with jobs. Each call is one statement for all of its jobs: it changes the rows whose lease
 * the worker holds and whose status allows it, and appends their events. A row that it does not change comes
 * back as it is, so that its worker can be told why.
 *
 * A worker holds a job's lease while the row has the fencing token that its claim gave it, and the lease has
 * not expired. The token decides between workers; the time decides when nobody has taken the job over yet.
 */

export interface Claim {
  readonly workerId: string;
  /** The user whose worker it is. Without one, no user is recorded as the holder of the jobs. */
  readonly workerUserId?: string | undefined;
  /** What the worker can do. It gets only jobs that need nothing else. */
  readonly agentTypes: readonly string[];
  readonly leaseSeconds: number;
  /** The most jobs to claim. */
  readonly count: number;
}

/** A job with all that its worker has to know: one statement returns both. */
export type ClaimedJob = ConversionJobRow & { readonly documents: ConversionJobDocuments };

/** A job as its worker identifies it. */
export interface HeldJob {
  readonly id: string;
  readonly fencingToken: number;
  /**
   * The user whose worker must hold the job: the name that a worker gives itself proves nothing. By default
   * anybody's.
   */
  readonly workerUserId?: string | null | undefined;
}

export interface ProgressReport extends HeldJob {
  readonly progress?: number | undefined;
  readonly currentTask?: string | null | undefined;
}

export interface FailureReport extends HeldJob {
  readonly errorMessage: string;
  /** Whether another attempt could succeed. */
  readonly isRetryable: boolean;
}

export interface LeaseOutcome {
  readonly job: ConversionJobRow;
  /** Whether the worker held the lease. */
  readonly isHeld: boolean;
  /** Whether the change was made. */
  readonly isDone: boolean;
}

export type JobLeaseRepository = ReturnType<typeof createJobLeaseRepository>;

const CHANNEL = "conversion_jobs_available";

/** Doubles with each attempt, from about a second to about five minutes, with jitter so that jobs differ. */
const AFTER_BACKOFF = `now() + make_interval(secs => LEAST(300, power(2, LEAST("job"."attempt" - 1, 20))) * (0.5 + random() / 2))`;

/**
 * $1: what the workers can do, which is the same for all of them. Then for each job that is wanted, in the
 * order of the calls: its worker ($2), the worker's user ($3), the lease in seconds ($4), and the number of
 * the call ($5).
 */
const CLAIM = prepared(
  "claim_jobs",
  `
  WITH candidate AS (
    SELECT "id", "n"::int FROM lock_claimable_conversion_jobs($1::text[], cardinality($2::text[])) WITH ORDINALITY AS candidate("id", "n")
  ), changed AS (
    UPDATE "conversion_jobs" AS "job"
       SET "status" = 'RUNNING', "worker_id" = ($2::text[])["n"], "worker_user_id" = ($3::uuid[])["n"],
           "lease_seconds" = ($4::int[])["n"], "lease_expires_at" = now() + make_interval(secs => ($4::int[])["n"]),
           "fencing_token" = "job"."fencing_token" + 1, "event_sequence" = "job"."event_sequence" + 1,
           "started_at" = COALESCE("job"."started_at", now())
      FROM candidate WHERE "job"."id" = candidate."id"
    RETURNING "job".*, candidate."n"
  ), logged AS (
    INSERT INTO "conversion_job_events" ("job_id", "sequence", "type", "data")
    SELECT "id", "event_sequence", 'CLAIMED', jsonb_build_object('status', "status", 'attempt', "attempt",
           'progress', "progress", 'workerId', "worker_id", 'fencingToken', "fencing_token")
      FROM changed
  )
  SELECT ${JOB_COLUMNS}, "plan", "results", ($5::int[])["n"] AS "call" FROM changed ORDER BY "n"`,
);

const EXPIRE = `
  WITH expired AS (
    SELECT "id", "worker_id", "fencing_token" AS "lost_token" FROM "conversion_jobs"
     WHERE "worker_id" IS NOT NULL AND "lease_expires_at" <= now()
     ORDER BY "id" LIMIT $1
       FOR NO KEY UPDATE SKIP LOCKED
  ), changed AS (
    UPDATE "conversion_jobs" AS "job"
       SET "status" = (CASE WHEN "job"."status" = 'PAUSED' THEN 'PAUSED'
                            WHEN "job"."attempt" < "job"."max_attempts" THEN 'PENDING'
                            ELSE 'FAILED' END)::conversion_job_status,
           "attempt" = CASE WHEN "job"."status" = 'RUNNING' AND "job"."attempt" < "job"."max_attempts"
                            THEN "job"."attempt" + 1 ELSE "job"."attempt" END,
           "progress" = CASE WHEN "job"."status" = 'RUNNING' AND "job"."attempt" < "job"."max_attempts"
                             THEN 0 ELSE "job"."progress" END,
           "error_message" = CASE WHEN "job"."status" = 'RUNNING' THEN 'The worker was not heard of until its lease expired.'
                                ELSE "job"."error_message" END,
           "completed_at" = CASE WHEN "job"."status" = 'RUNNING' AND "job"."attempt" >= "job"."max_attempts" THEN now() END,
           "available_at" = ${AFTER_BACKOFF}, "current_task" = NULL, ${NO_LEASE},
           "event_sequence" = "job"."event_sequence" + 1
      FROM expired WHERE "job"."id" = expired."id"
    RETURNING "job".*, expired."worker_id" AS "lost_worker"
  ), logged AS (
    INSERT INTO "conversion_job_events" ("job_id", "sequence", "type", "data")
    SELECT "id", "event_sequence", 'EXPIRED', jsonb_strip_nulls(jsonb_build_object('status', "status", 'attempt', "attempt",
           'progress', "progress", 'workerId', "lost_worker", 'fencingToken', "fencing_token",
           'message', CASE WHEN "status" <> 'PAUSED' THEN "error_message" END))
      FROM changed
  )
  SELECT ${JOB_COLUMNS} FROM changed`;

const COMPLETE = heldStatement("complete_jobs", {
  statuses: ["RUNNING"],
  set: `"status" = 'COMPLETED', "progress" = 100, "current_task" = NULL, "error_message" = NULL, "completed_at" = now(), ${NO_LEASE}`,
  event: "'COMPLETED'",
});

const FAIL = heldStatement("fail_jobs", {
  statuses: ["RUNNING"],
  items: {
    errorMessage: "text",
    isRetryable: "boolean",
  },
  decides: `item."isRetryable" AND "job"."attempt" < "job"."max_attempts"`,
  set: `"status" = (CASE WHEN named."decision" THEN 'PENDING' ELSE 'FAILED' END)::conversion_job_status,
        "attempt" = "job"."attempt" + named."decision"::int,
        "progress" = CASE WHEN named."decision" THEN 0 ELSE "job"."progress" END,
        "completed_at" = CASE WHEN named."decision" THEN NULL ELSE now() END,
        "available_at" = ${AFTER_BACKOFF},
        "error_message" = named."new.errorMessage", "current_task" = NULL, ${NO_LEASE}`,
  event: `CASE "status" WHEN 'FAILED' THEN 'FAILED' ELSE 'ATTEMPT_FAILED' END`,
  data: `'message', "error_message"`,
});

const RELEASE = heldStatement("release_jobs", {
  statuses: ["RUNNING", "PAUSED"],
  // A paused job stays paused: resuming it makes it available.
  set: `"status" = (CASE "job"."status" WHEN 'PAUSED' THEN 'PAUSED' ELSE 'PENDING' END)::conversion_job_status,
        "available_at" = now(), "current_task" = NULL, ${NO_LEASE}`,
  event: "'RELEASED'",
});

const REPORT = heldStatement("report_jobs", {
  statuses: ["RUNNING", "PAUSED"],
  items: { progress: "int", currentTask: "text", hasCurrentTask: "boolean" },
  // Whether the report says anything new. A heartbeat that does not renews the lease and appends no event.
  decides: `COALESCE(item."progress" > "job"."progress", false)
            OR (item."hasCurrentTask" AND item."currentTask" IS DISTINCT FROM "job"."current_task")`,
  set: `"progress" = GREATEST("job"."progress", named."new.progress"),
        "current_task" = CASE WHEN named."new.hasCurrentTask" THEN named."new.currentTask" ELSE "job"."current_task" END,
        ${RENEWED_LEASE}`,
  event: "'PROGRESS'",
  data: `'currentTask', "current_task"`,
  isLogged: `named."decision"`,
});

interface HeldStatement {
  /** The statuses in which the change is allowed. */
  readonly statuses: readonly ConversionJobStatus[];
  /** What each job comes with besides its id and token, with the SQL types. */
  readonly items?: Readonly<Record<string, string>>;
  /** A condition on "job", as it was, and "item"; `set` can use its result. */
  readonly decides?: string;
  /** Assignments to "job", from "named": the job as it was, with the item's columns as `"new.<column>"`. */
  readonly set: string;
  readonly event: string;
  /** More fields for the event, from the changed row. */
  readonly data?: string;
  /** Which changes append an event; by default all. */
  readonly isLogged?: string;
}

/**
 * $1: the jobs as a JSON document, each with its worker and its token.
 *
 * All named rows are locked first, in the order of their ids, so that two calls about the same jobs cannot
 * deadlock. What is read from a locked row is its latest version, and stays so.
 */
function heldStatement(
  name: string,
  { statuses, items = {}, decides = "true", set, event, data, isLogged = "true" }: HeldStatement,
) {
  const columns = Object.entries(items);
  const definitions = columns.map(([name, type]) => `, "${name}" ${type}`).join("");
  const named = columns.map(([name]) => `, item."${name}" AS "new.${name}"`).join("");
  return prepared(
    name,
    `
  WITH named AS (
    SELECT "job".* ${named}, (${decides}) AS "decision",
           ("job"."fencing_token" = item."fencingToken" AND "job"."worker_id" = item."workerId"
             AND (item."workerUserId" IS NULL OR "job"."worker_user_id" = item."workerUserId")
             AND "job"."lease_expires_at" > now()) IS TRUE AS "isHeld"
      FROM jsonb_to_recordset($1::jsonb) AS item("id" uuid, "workerId" text, "workerUserId" uuid, "fencingToken" bigint ${definitions})
      JOIN "conversion_jobs" AS "job" ON "job"."id" = item."id"
     ORDER BY "job"."id" FOR NO KEY UPDATE OF "job"
  ), changed AS (
    UPDATE "conversion_jobs" AS "job"
       SET ${set}, "event_sequence" = "job"."event_sequence" + (${isLogged})::int
      FROM named
     WHERE "job"."id" = named."id" AND named."isHeld" AND named."status" IN (${statuses.map((status) => `'${status}'`).join(", ")})
    RETURNING "job".*, (${isLogged}) AS "isLogged", named."worker_id" AS "lease_worker"
  ), logged AS (
    INSERT INTO "conversion_job_events" ("job_id", "sequence", "type", "data")
    SELECT "id", "event_sequence", ${event}, jsonb_strip_nulls(jsonb_build_object('status', "status", 'attempt', "attempt",
           'progress', "progress", 'workerId', "lease_worker", 'fencingToken', "fencing_token" ${data ? `, ${data}` : ""}))
      FROM changed WHERE "isLogged"
  )
  SELECT ${JOB_COLUMNS}, true AS "isHeld", true AS "isDone" FROM changed
   UNION ALL
  SELECT ${JOB_COLUMNS}, "isHeld", false FROM named WHERE "id" NOT IN (SELECT "id" FROM changed)`,
  );
}

const STILL_HELD = `
  SELECT "job"."id" FROM jsonb_to_recordset($1::jsonb) AS item("id" uuid, "workerId" text, "fencingToken" bigint)
    JOIN "conversion_jobs" AS "job" ON "job"."id" = item."id" AND "job"."fencing_token" = item."fencingToken"
   WHERE "job"."worker_id" = item."workerId" AND "job"."lease_expires_at" > now()`;

interface ClaimCall extends Claim {
  readonly id: string;
  readonly signal: AbortSignal | undefined;
}

/** A client disconnected while jobs were claimed for it. */
class ClaimAborted extends Error {}

/** Parsing and planning the statement took a third of the time of such a call. */
function prepared(name: string, text: string): Statement {
  return { name, text };
}

export function createJobLeaseRepository({ query, writeStatements, isRepeatable }: DataAccess) {
  let claims = 0;
  type Item = HeldJob & { readonly workerId: string };

  /**
   * Runs one statement for the jobs of any number of workers. @returns in the jobs' order; null: there is no
   * such job
   */
  async function run(statement: Statement, jobs: readonly Item[]): Promise<(LeaseOutcome | null)[]> {
    const rows = await writeStatements((tx) =>
      tx.queryLast<ConversionJobRow & { isHeld: boolean; isDone: boolean }>(statement, [
        JSON.stringify(jobs),
      ]),
    );
    const outcomes = new Map(
      rows.map((row) => {
        const { id, isHeld, isDone } = row;
        return [id, { job: jobOf(row), isHeld, isDone } satisfies LeaseOutcome];
      }),
    );
    return jobs.map(({ id }) => outcomes.get(id) ?? null);
  }

  /**
   * Calls that arrive while a statement of their kind runs are combined in the next one. A call whose answer
   * must be stored separately runs by itself.
   */
  function combined(statement: Statement) {
    const combine = combineCalls<Item, LeaseOutcome | null>((jobs) => run(statement, jobs));
    return (workerId: string, jobs: readonly HeldJob[]): Promise<(LeaseOutcome | null)[]> => {
      const items = jobs.map((job) => ({ ...job, workerId }));
      return isRepeatable() ? run(statement, items) : combine(items);
    };
  }

  const report = combined(REPORT);
  const complete = combined(COMPLETE);
  const fail = combined(FAIL);
  const release = combined(RELEASE);

  /** @returns the jobs of each call; none for an aborted call */
  async function claimAll(calls: readonly ClaimCall[]): Promise<ClaimedJob[][]> {
    const isWanted = ({ signal }: ClaimCall) => !signal?.aborted;
    const wanted = calls.filter(isWanted);
    if (wanted.length === 0) return calls.map(() => []);
    const jobs = await writeStatements(
      async (tx) => {
        const slots = wanted.flatMap((claim, call) =>
          new Array<typeof claim & { call: number }>(claim.count).fill({ ...claim, call }),
        );
        const rows = await tx.queryLast<ConversionJobRow & ConversionJobDocuments & { call: number }>(CLAIM, [
          wanted[0]!.agentTypes,
          slots.map(({ workerId }) => workerId),
          slots.map(({ workerUserId }) => workerUserId ?? null),
          slots.map(({ leaseSeconds }) => leaseSeconds),
          slots.map(({ call }) => call),
        ]);
        // Rolled back: a client that has disconnected gets no jobs, and the claim is repeated for the others.
        if (!wanted.every(isWanted)) throw new ClaimAborted();
        return rows;
      },
      // A claim that found nothing is not stored as an answer: the next one may find something.
      { keeps: (rows) => rows.length > 0 },
    ).catch((error: unknown) => {
      if (error instanceof ClaimAborted) return undefined;
      throw error;
    });
    if (jobs === undefined) return claimAll(calls);
    const claimed = new Map<ClaimCall, ClaimedJob[]>(calls.map((call) => [call, []]));
    for (const row of jobs) {
      const { call, plan, results } = row;
      const documents = { plan: withResults(plan, results), results };
      claimed.get(wanted[call]!)!.push(Object.assign(jobOf(row), { documents }));
    }
    return calls.map((call) => claimed.get(call)!);
  }
  const claimTogether = combineCalls<ClaimCall, ClaimedJob[]>(claimAll, {
    keyOf: ({ agentTypes }) => JSON.stringify(agentTypes),
    sizeOf: ({ count }) => count,
  });

  const exists = async (subquery: string): Promise<boolean> =>
    (await query<{ exists: boolean }>(`SELECT EXISTS (${subquery})`))[0]!.exists;

  /**
   * Those of the claimed jobs that their workers still hold under the tokens of these claims. An answer that
   * is repeated may have jobs whose leases are over.
   */
  async function stillHeld(claims: readonly ConversionJobRow[]): Promise<ConversionJobRow[]> {
    const named = claims.map(({ id, workerId, fencingToken }) => ({ id, workerId, fencingToken }));
    const rows = await query<{ id: string }>(STILL_HELD, [JSON.stringify(named)]);
    const ids = new Set(rows.map(({ id }) => id));
    return claims.filter(({ id }) => ids.has(id));
  }

  return {
    stillHeld,

    /**
     * Claims jobs, those of the highest priority first, then the oldest. Each gets a new fencing token and a
     * lease.
     *
     * @param signal of the request: if it is aborted meanwhile, nothing is claimed
     */
    async claim(claim: Claim, signal?: AbortSignal): Promise<ClaimedJob[]> {
      const call: ClaimCall = { ...claim, signal, id: String(++claims) };
      const [jobs] = await (isRepeatable() ? claimAll([call]) : claimTogether([call]));
      signal?.throwIfAborted();
      return jobs!;
    },

    /** Renews the leases. Progress only grows; a report that says nothing new appends no event. */
    report: (workerId: string, jobs: readonly ProgressReport[]) =>
      report(
        workerId,
        jobs.map((job) => ({ ...job, hasCurrentTask: job.currentTask !== undefined })),
      ),

    complete,

    /** Sets jobs back to PENDING if another attempt is allowed and could succeed, otherwise to FAILED. */
    fail: (workerId: string, jobs: readonly FailureReport[]) => fail(workerId, jobs),

    /** Gives jobs back unfinished. The attempt stays the same, and what was reported stays. */
    release,

    /**
     * Ends expired leases, at most `limit` of them. The job goes back to PENDING for another attempt, or to
     * FAILED after the last one; a paused job only loses its worker. Leases that another instance is ending
     * right now are skipped.
     */
    expire: (limit: number): Promise<ConversionJobRow[]> =>
      writeStatements((tx) => tx.queryLast<ConversionJobRow>(EXPIRE, [limit]), { keeps: "never" }),

    /** Whether there are expired leases to end. Cheaper than trying. */
    hasExpired: () =>
      exists(`SELECT FROM "conversion_jobs" WHERE "worker_id" IS NOT NULL AND "lease_expires_at" <= now()`),

    /** Whether there are jobs to claim, for any worker. */
    hasClaimable: () =>
      exists(`SELECT FROM "conversion_jobs" WHERE "status" = 'PENDING' AND "available_at" <= now()`),

    /** The channel on which instances tell each other that there may be jobs to claim. */
    channel: CHANNEL,

    async announce(): Promise<void> {
      await query("SELECT pg_notify($1, '')", [CHANNEL]);
    },
  };
}
