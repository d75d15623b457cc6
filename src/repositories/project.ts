import { anyOfTypeTag, collectionTag } from "../coherence/tags.ts";
import type { DataAccess, WriteTransaction } from "../database/database.ts";
import {
  type Prisma,
  Prisma as PrismaNamespace,
  type Project,
  type ProjectStatus,
} from "../database/generated/client.ts";
import { type Access, heldProjects, ownerOf, ownerWithin, TO_EVERYTHING } from "./access.ts";
import type { List, PageArguments } from "./page.ts";
import type { Condition, ListSource } from "./pageStatement.ts";
import { createReader, selectList } from "./reader.ts";
import type { TechStack } from "./techStack.ts";
import { defined, missedUpdate } from "./writing.ts";

export type ProjectRow = Project;

export interface NewProject {
  readonly userId: string;
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly githubUrl: string;
  readonly originalTechStack?: TechStack | undefined;
  readonly targetTechStack?: TechStack | null | undefined;
  readonly status?: ProjectStatus | undefined;
}

export interface ProjectChanges {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly githubUrl?: string | undefined;
  readonly originalTechStack?: TechStack | undefined;
  readonly targetTechStack?: TechStack | null | undefined;
  readonly status?: ProjectStatus | undefined;
}

export interface ProjectFilter {
  readonly userId?: string | undefined;
  readonly status?: ProjectStatus | undefined;
  /**
   * Part of the name or of the address, ignoring case. One or two characters match only the beginning of the
   * name.
   */
  readonly search?: string | undefined;
}

export type ProjectSortKey = "createdAt" | "updatedAt";

export interface ProjectOrder {
  readonly by: ProjectSortKey;
  readonly direction: "ASC" | "DESC";
}

export interface ProjectStatistics {
  readonly total: number;
  readonly byStatus: readonly { readonly status: ProjectStatus; readonly count: number }[];
}

export type ProjectRepository = ReturnType<typeof createProjectRepository>;

const SORT_COLUMNS = { createdAt: "created_at", updatedAt: "updated_at" } as const;
const NEWEST_FIRST: ProjectOrder = { by: "createdAt", direction: "DESC" };
const RECENTLY_UPDATED_FIRST: ProjectOrder = { by: "updatedAt", direction: "DESC" };

/** The project $1 of the owner $2, or of any owner when that is null. */
const IS_WITHIN = `WHERE "id" = $1::uuid AND ($2::uuid IS NULL OR "user_id" = $2::uuid)`;
/** The same, if it has the version $3 or no version is expected. */
const IS_EXPECTED = `${IS_WITHIN} AND ($3::int IS NULL OR "version" = $3::int)`;

/** The fields that can be changed, and how each is written. */
const CHANGEABLE: readonly {
  readonly field: keyof ProjectChanges;
  readonly column: string;
  readonly type: string;
  readonly isDocument?: true;
}[] = [
  { field: "name", column: "name", type: "text" },
  { field: "description", column: "description", type: "text" },
  { field: "githubUrl", column: "github_url", type: "text" },
  { field: "originalTechStack", column: "original_tech_stack", type: "jsonb", isDocument: true },
  { field: "targetTechStack", column: "target_tech_stack", type: "jsonb", isDocument: true },
  { field: "status", column: "status", type: "project_status" },
];

/** Thrown to undo a transaction whose update has found no row. */
const MISSED = new Error("No such project is within reach, or it has another version.");

export function createProjectRepository(access: DataAccess) {
  const { query, write, writeStatements } = access;
  const source: ListSource = {
    table: "projects",
    columns: selectList(
      {
        id: "id",
        userId: "user_id",
        name: "name",
        description: "description",
        githubUrl: "github_url",
        originalTechStack: "original_tech_stack",
        targetTechStack: "target_tech_stack",
        status: "status",
        version: "version",
        createdAt: "created_at",
        updatedAt: "updated_at",
      },
      { times: ["createdAt", "updatedAt"] },
    ),
    key: { column: "id", type: "uuid" },
  };
  const reader = createReader<ProjectRow>(access, source);

  /** Newest first, unless told otherwise. */
  function list(
    { userId: asked, status, search }: ProjectFilter = {},
    order: ProjectOrder = NEWEST_FIRST,
    access: Access = TO_EVERYTHING,
  ): List {
    const userId = ownerWithin(access, asked);
    const held = heldProjects(access);
    const where: Condition[] = [...held.where];
    if (status !== undefined) where.push({ sql: `"status" = ?::project_status`, values: [status] });
    if (search !== undefined) where.push(searchCondition(search));
    return {
      parent: userId === undefined ? undefined : { column: "user_id", id: userId },
      where,
      order: { column: SORT_COLUMNS[order.by], type: "timestamptz", direction: order.direction },
      tags: [
        userId === undefined ? anyOfTypeTag("Project") : collectionTag("Project", "userId", userId),
        ...held.tags,
      ],
      isKept: held.isKept,
    };
  }

  /** For each owner, in the given order; null stands for all owners together. One statement. */
  async function statisticsByUsers(userIds: readonly (string | null)[]): Promise<ProjectStatistics[]> {
    const rows = await query<{ userId: string | null; status: ProjectStatus; count: number }>(
      `SELECT "user_id" AS "userId", "status", count(*)::int AS "count" FROM "projects"
        WHERE "user_id" = ANY($1::uuid[]) GROUP BY "user_id", "status"
        UNION ALL
       SELECT NULL, "status", count(*)::int FROM "projects" WHERE $2 GROUP BY "status"
        ORDER BY "status"`,
      [userIds.filter((id) => id !== null), userIds.includes(null)],
    );
    return userIds.map((userId) => {
      const byStatus = rows
        .filter((row) => row.userId === userId)
        .map(({ status, count }) => ({ status, count }));
      return { total: byStatus.reduce((sum, { count }) => sum + count, 0), byStatus };
    });
  }

  /** @throws AppError `CONFLICT` when the owner does not exist */
  async function create(project: NewProject): Promise<ProjectRow> {
    return write((tx) => tx.project.create({ data: toData(project) }));
  }

  /**
   * Creates all or none, in one statement, in the given order. It sends one document instead of a parameter
   * per value: Prisma's createMany compiles the rows into its query, which took two thirds of an import's
   * time, and memory that was not released afterwards.
   *
   * @throws AppError `CONFLICT` when an owner does not exist
   */
  async function createMany(projects: readonly NewProject[]): Promise<ProjectRow[]> {
    return write(
      (tx) => tx.$queryRaw<ProjectRow[]>`
        INSERT INTO "projects" ("user_id", "name", "description", "github_url", "original_tech_stack", "target_tech_stack", "status")
        SELECT "userId", "name", "description", "githubUrl", COALESCE("originalTechStack", '{}'), "targetTechStack", COALESCE("status", 'IMPORTED')
          FROM ROWS FROM (jsonb_to_recordset(${JSON.stringify(projects)}::jsonb) AS (
                 "userId" uuid, "name" text, "description" text, "githubUrl" text,
                 "originalTechStack" jsonb, "targetTechStack" jsonb, "status" project_status)) WITH ORDINALITY
         ORDER BY "ordinality"
        RETURNING ${PrismaNamespace.raw(reader.columns)}`,
    );
  }

  /**
   * @param expectedVersion the version that the change is based on; without it, any version is changed
   * @throws AppError `NOT_FOUND`, `VERSION_CONFLICT`
   */
  async function update(
    id: string,
    changes: ProjectChanges,
    expectedVersion?: number,
    access: Access = TO_EVERYTHING,
  ): Promise<ProjectRow> {
    const values: unknown[] = [id, ownerOf(access), expectedVersion ?? null];
    const assignments = CHANGEABLE.flatMap(({ field, column, type, isDocument }) => {
      const value = changes[field];
      if (value === undefined) return [];
      return `"${column}" = $${values.push(isDocument && value !== null ? JSON.stringify(value) : value)}::${type}`;
    });
    // An empty change makes no new version.
    const statement =
      assignments.length === 0
        ? `SELECT ${reader.columns} FROM "projects" ${IS_EXPECTED}`
        : `UPDATE "projects" SET ${assignments.join(", ")} ${IS_EXPECTED} RETURNING ${reader.columns}`;
    try {
      return await writeStatements(
        async (tx) => {
          const [row] = await tx.queryLast<ProjectRow>(statement, values);
          if (row === undefined) throw MISSED;
          return row;
        },
        { isShort: true },
      );
    } catch (error) {
      if (error !== MISSED) throw error;
      const [current] = await query<{ version: number }>(
        `SELECT "version" FROM "projects" ${IS_WITHIN}`,
        values.slice(0, 2),
      );
      throw missedUpdate("Project", id, expectedVersion, current?.version);
    }
  }

  /**
   * Deletes the project with its files and jobs.
   *
   * @throws AppError `NOT_FOUND`, `VERSION_CONFLICT`
   */
  async function remove(id: string, expectedVersion?: number, access: Access = TO_EVERYTHING): Promise<void> {
    await write(async (tx) => {
      const { count } = await tx.project.deleteMany({
        where: { ...within(id, access), ...defined({ version: expectedVersion }) },
      });
      if (count === 0) throw missedUpdate("Project", id, expectedVersion, await versionOf(tx, id, access));
    });
  }

  return {
    source,
    findById: reader.findById,
    findByIds: reader.findByIds,
    list,
    loadLists: reader.loadLists,
    cursorOf: reader.cursorOf,
    findMany: (filter?: ProjectFilter, page?: PageArguments, order?: ProjectOrder) =>
      reader.findPage(list(filter, order), page),
    count: (filter?: ProjectFilter) => reader.countList(list(filter)),
    findByUser: (userId: string, page?: PageArguments) => reader.findPage(list({ userId }), page),
    findByStatus: (status: ProjectStatus, page?: PageArguments) => reader.findPage(list({ status }), page),
    findRecentlyUpdated: (page?: PageArguments) => reader.findPage(list({}, RECENTLY_UPDATED_FIRST), page),
    search: (text: string, page?: PageArguments) =>
      reader.findPage(list({ search: text }, RECENTLY_UPDATED_FIRST), page),
    statistics: async (userId: string | null = null) => (await statisticsByUsers([userId]))[0]!,
    statisticsByUsers,
    create,
    createMany,
    update,
    delete: remove,
  };
}

/** Selects the project, if it is within reach. */
export function within(id: string, access: Access): { id: string; userId?: string } {
  const userId = ownerOf(access);
  return userId === null ? { id } : { id, userId };
}

async function versionOf(tx: WriteTransaction, id: string, access: Access): Promise<number | undefined> {
  return (await tx.project.findFirst({ where: within(id, access), select: { version: true } }))?.version;
}

function toData({ userId, name, githubUrl, ...rest }: NewProject): Prisma.ProjectCreateManyInput {
  return { userId, name, githubUrl, ...withJson(rest) };
}

/** A null document means SQL's NULL, not JSON's null. Prisma has to be told which. */
function withJson({ targetTechStack, ...rest }: ProjectChanges) {
  return {
    ...defined(rest),
    ...(targetTechStack === undefined ? {} : { targetTechStack: targetTechStack ?? PrismaNamespace.DbNull }),
  };
}

/**
 * A trigram index answers `%text%` from three characters on, and the beginning of a word from one on. Shorter
 * texts therefore match beginnings only: otherwise theirs would be the one query here that scans every row.
 */
function searchCondition(search: string): Condition {
  const escaped = search.replace(/[\\%_]/g, "\\$&");
  if ([...search].length < 3) return { sql: `"name" ILIKE ?`, values: [`${escaped}%`] };
  return { sql: `("name" ILIKE ? OR "github_url" ILIKE ?)`, values: [`%${escaped}%`, `%${escaped}%`] };
}
