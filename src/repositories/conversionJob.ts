import type { DataAccess } from "../database/database.ts";
import type { ConversionJobStatus } from "../database/generated/client.ts";
import { AppError } from "../errors.ts";
import { type Access, isOwnedBy, NOBODY, ownerOf, TO_EVERYTHING, visibleJobs } from "./access.ts";
import { type ConversionJobRow, JOB_COLUMNS, jobColumns, type OwnedJobRow } from "./conversionJobRow.ts";
import { type ConversionPlan, type TaskResult, withResults } from "./conversionPlan.ts";
import type { List, PageArguments } from "./page.ts";
import type { Condition, ListSource } from "./pageStatement.ts";
import { assertFilesExist } from "./planFiles.ts";
import { createFinder, createReader } from "./reader.ts";
import { defined, missedUpdate } from "./writing.ts";

export type { ConversionJobRow };

export interface ConversionJobDocuments {
  readonly plan: ConversionPlan;
  readonly results: readonly TaskResult[];
}

export interface NewConversionJob {
  readonly projectId: string;
  readonly plan: ConversionPlan;
  /** −1,000 to 1,000; higher is claimed first. */
  readonly priority?: number | undefined;
  readonly maxAttempts?: number | undefined;
}

export interface ConversionJobFilter {
  readonly projectId?: string | undefined;
  readonly status?: ConversionJobStatus | undefined;
  /** Only jobs that are neither completed, failed nor cancelled. */
  readonly isActive?: boolean | undefined;
}

export interface ConversionJobOrder {
  readonly by: "createdAt";
  readonly direction: "ASC" | "DESC";
}

export interface ConversionJobStatistics {
  readonly total: number;
  readonly byStatus: readonly { readonly status: ConversionJobStatus; readonly count: number }[];
  /** The share of completed jobs among those that completed or failed, 0 to 1; null while there are none. */
  readonly successRate: number | null;
  /** Mean seconds from start to completion of the completed jobs; null while there are none. */
  readonly averageDurationSeconds: number | null;
}

export type ConversionJobRepository = ReturnType<typeof createConversionJobRepository>;

const NEWEST_FIRST: ConversionJobOrder = { by: "createdAt", direction: "DESC" };

/**
 * Must be the same list as in the partial index `conversion_jobs_active_idx`, or PostgreSQL does not use the
 * index.
 */
const IS_ACTIVE: Condition = { sql: `"status" IN ('PENDING', 'RUNNING', 'PAUSED')`, values: [] };

export function createConversionJobRepository(access: DataAccess) {
  const { query, write, writeStatements } = access;
  const source: ListSource = {
    table: "conversion_jobs",
    columns: jobColumns,
    // Pages with active jobs are not kept in the cache, so every row needs its status.
    always: ["status"],
    key: { column: "id", type: "uuid" },
  };
  const reader = createReader<ConversionJobRow>(access, source);

  /** Newest first, unless told otherwise. */
  function list(
    { projectId, status, isActive }: ConversionJobFilter = {},
    order: ConversionJobOrder = NEWEST_FIRST,
    access: Access = TO_EVERYTHING,
  ): List {
    const visible = visibleJobs(access, projectId);
    const where: Condition[] = [...visible.where];
    if (status !== undefined) where.push({ sql: `"status" = ?::conversion_job_status`, values: [status] });
    if (isActive) where.push(IS_ACTIVE);
    return {
      parent: projectId === undefined ? undefined : { column: "project_id", id: projectId },
      where,
      order: { column: "created_at", type: "timestamptz", direction: order.direction },
      tags: visible.tags,
      isKept: visible.isKept,
    };
  }

  /** Finds jobs with their owners, in the ids' order; null where there is no such job. */
  const findOwnedByIds = createFinder<OwnedJobRow>(
    access,
    [...jobColumns, { expression: `"ownerId"`, name: "ownerId", isTime: false }],
    {
      from: `"conversion_jobs", LATERAL (
        SELECT "projects"."user_id" AS "ownerId" FROM "projects" WHERE "projects"."id" = "project_id") AS "owner"
       WHERE "id" = ANY($1::uuid[])`,
      key: "id",
    },
  );

  /** Finds those of the projects' jobs whose lease a worker of the user holds. */
  const findHeld = (userId: string, projectIds: readonly string[]) =>
    query<{ id: string; projectId: string }>(
      `SELECT "id", "project_id" AS "projectId" FROM "conversion_jobs"
        WHERE "worker_user_id" = $1 AND "project_id" = ANY($2::uuid[])`,
      [userId, projectIds],
    );

  /** Plans and results, in the ids' order; null where there is no such job. */
  async function findDocumentsByIds(ids: readonly string[]): Promise<(ConversionJobDocuments | null)[]> {
    const rows = await query<ConversionJobDocuments & { id: string }>(
      `SELECT "id", "plan", "results" FROM "conversion_jobs" WHERE "id" = ANY($1::uuid[])`,
      [ids],
    );
    const found = new Map(
      rows.map(({ id, plan, results }) => [id, { id, plan: withResults(plan, results), results }]),
    );
    return ids.map((id) => found.get(id) ?? null);
  }

  /**
   * For each project, in the given order; null stands for all projects together. One statement. It counts
   * only jobs of projects that the requester may see.
   */
  async function statisticsByProjects(
    projectIds: readonly (string | null)[],
    access: Access = TO_EVERYTHING,
  ): Promise<ConversionJobStatistics[]> {
    const ownerId = ownerOf(access);
    const isOwned =
      ownerId === null ? "" : `AND "project_id" IN (SELECT "id" FROM "projects" WHERE "user_id" = $3)`;
    const columns = `"status", count(*)::int AS "count", avg(extract(epoch FROM "completed_at" - "started_at"))::float8 AS "seconds"`;
    const rows = await query<{
      projectId: string | null;
      status: ConversionJobStatus;
      count: number;
      seconds: number | null;
    }>(
      `SELECT "project_id" AS "projectId", ${columns} FROM "conversion_jobs"
        WHERE "project_id" = ANY($1::uuid[]) ${isOwned} GROUP BY "project_id", "status"
        UNION ALL
       SELECT NULL, ${columns} FROM "conversion_jobs" WHERE $2 ${isOwned} GROUP BY "status"
        ORDER BY "status"`,
      [
        projectIds.filter((id) => id !== null),
        projectIds.includes(null),
        ...(ownerId === null ? [] : [ownerId]),
      ],
    );
    return projectIds.map((projectId) => {
      const own = rows.filter((row) => row.projectId === projectId);
      const countOf = (status: ConversionJobStatus) => own.find((row) => row.status === status)?.count ?? 0;
      const finished = countOf("COMPLETED") + countOf("FAILED");
      return {
        total: own.reduce((sum, { count }) => sum + count, 0),
        byStatus: own.map(({ status, count }) => ({ status, count })),
        successRate: finished === 0 ? null : countOf("COMPLETED") / finished,
        averageDurationSeconds: own.find((row) => row.status === "COMPLETED")?.seconds ?? null,
      };
    });
  }

  /**
   * @throws AppError `CONFLICT` without such a project, `VALIDATION_FAILED` for files that it does not have
   */
  async function create(
    { projectId, plan, priority = 0, maxAttempts = 3 }: NewConversionJob,
    access: Access = TO_EVERYTHING,
  ): Promise<ConversionJobRow> {
    return writeStatements(async (tx) => {
      const ownerId = ownerOf(access);
      await assertFilesExist(tx, projectId, plan, ownerId);
      const [row] = await tx.queryLast<ConversionJobRow>(
        `WITH created AS (
           INSERT INTO "conversion_jobs" ("project_id", "plan", "priority", "max_attempts", "event_sequence")
           SELECT COALESCE((SELECT "id" FROM "projects"
                    WHERE "id" = $1 AND "user_id" = COALESCE($5::uuid, "user_id")), '${NOBODY}'),
                  $2::jsonb, $3::smallint, $4::int, 1
           RETURNING *
         ), logged AS (
           INSERT INTO "conversion_job_events" ("job_id", "sequence", "type", "data")
           SELECT "id", 1, 'CREATED', jsonb_build_object('status', "status", 'attempt', "attempt",
                  'progress', "progress", 'priority', "priority") FROM created
         )
         SELECT ${JOB_COLUMNS} FROM created`,
        [projectId, JSON.stringify(plan), priority, maxAttempts, ownerId],
      );
      return row!;
    });
  }

  /**
   * Replaces the plan of a pending job.
   *
   * @throws AppError `NOT_FOUND`, `VERSION_CONFLICT`, or `CONFLICT` when the job has started
   */
  async function update(
    id: string,
    { plan }: { plan: ConversionPlan },
    expectedVersion?: number,
    access: Access = TO_EVERYTHING,
  ): Promise<ConversionJobRow> {
    return writeStatements(async (tx) => {
      const ownerId = ownerOf(access);
      const [row] = await tx.query<ConversionJobRow>(
        `WITH changed AS (
           UPDATE "conversion_jobs" SET "plan" = $2, "event_sequence" = "event_sequence" + 1
            WHERE "id" = $1 AND "status" = 'PENDING' AND "version" = COALESCE($3, "version") AND ${isOwnedBy("$4")}
           RETURNING *
         ), logged AS (
           INSERT INTO "conversion_job_events" ("job_id", "sequence", "type", "data")
           SELECT "id", "event_sequence", 'PLAN_CHANGED', jsonb_build_object('status', "status", 'attempt', "attempt", 'progress', "progress")
             FROM changed
         )
         SELECT ${JOB_COLUMNS} FROM changed`,
        [id, JSON.stringify(plan), expectedVersion ?? null, ownerId],
      );
      if (row) {
        await assertFilesExist(tx, row.projectId, plan, ownerId);
        return row;
      }
      const [current] = await tx.query<{ version: number; status: ConversionJobStatus }>(
        `SELECT "version", "status" FROM "conversion_jobs" WHERE "id" = $1 AND ${isOwnedBy("$2")}`,
        [id, ownerId],
      );
      if (current && (expectedVersion === undefined || current.version === expectedVersion)) {
        throw new AppError(
          "CONFLICT",
          `The plan can change while the job is PENDING; it is ${current.status}.`,
          {
            details: { type: "ConversionJob", id, status: current.status },
          },
        );
      }
      throw missedUpdate("ConversionJob", id, expectedVersion, current?.version);
    });
  }

  /** @throws AppError `NOT_FOUND`, `VERSION_CONFLICT` */
  async function remove(id: string, expectedVersion?: number, access: Access = TO_EVERYTHING): Promise<void> {
    const userId = ownerOf(access);
    const where = { id, ...(userId === null ? {} : { project: { userId } }) };
    await write(async (tx) => {
      const { count } = await tx.conversionJob.deleteMany({
        where: { ...where, ...defined({ version: expectedVersion }) },
      });
      if (count > 0) return;
      const current = await tx.conversionJob.findFirst({ where, select: { version: true } });
      throw missedUpdate("ConversionJob", id, expectedVersion, current?.version);
    });
  }

  /**
   * Deletes jobs that ended before `olderThan`, oldest first, in batches, each in its own transaction. So no
   * lock is held for long, and an interruption undoes only the current batch.
   *
   * @returns how many were deleted
   */
  async function deleteFinished(
    olderThan: Date,
    {
      batchSize = 1_000,
      signal,
      onProgress,
    }: { batchSize?: number; signal?: AbortSignal; onProgress?: (deleted: number) => void } = {},
  ): Promise<number> {
    let deleted = 0;
    for (;;) {
      signal?.throwIfAborted();
      const count = await write(
        (tx) => tx.$executeRaw`
          DELETE FROM "conversion_jobs" WHERE "id" IN (
            SELECT "id" FROM "conversion_jobs" WHERE "completed_at" < ${olderThan}
             ORDER BY "completed_at", "id" LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
      );
      deleted += count;
      onProgress?.(deleted);
      if (count < batchSize) return deleted;
    }
  }

  return {
    source,
    findById: reader.findById,
    findByIds: reader.findByIds,
    findDocumentsByIds,
    findHeld,
    findOwnedByIds,
    list,
    loadLists: reader.loadLists,
    cursorOf: reader.cursorOf,
    findMany: (filter?: ConversionJobFilter, page?: PageArguments, order?: ConversionJobOrder) =>
      reader.findPage(list(filter, order), page),
    count: (filter?: ConversionJobFilter) => reader.countList(list(filter)),
    findByProject: (projectId: string, page?: PageArguments) => reader.findPage(list({ projectId }), page),
    findByStatus: (status: ConversionJobStatus, page?: PageArguments) =>
      reader.findPage(list({ status }), page),
    findActive: (page?: PageArguments) => reader.findPage(list({ isActive: true }), page),
    statistics: async (projectId: string | null = null) => (await statisticsByProjects([projectId]))[0]!,
    statisticsByProjects,
    create,
    update,
    delete: remove,
    deleteFinished,
  };
}
