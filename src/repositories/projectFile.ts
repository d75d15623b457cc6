import { collectionTag } from "../coherence/tags.ts";
import type { DataAccess } from "../database/database.ts";
import type { Project } from "../database/generated/client.ts";
import { notFound } from "../errors.ts";
import { type Access, TO_EVERYTHING } from "./access.ts";
import type { List, PageArguments } from "./page.ts";
import type { Condition } from "./pageStatement.ts";
import { within } from "./project.ts";
import { createListReader, selectList } from "./reader.ts";

/** One file of a project's structure. */
export interface ProjectFileRow {
  readonly projectId: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly language: string | null;
}

export type NewProjectFile = Omit<ProjectFileRow, "projectId">;

export type ProjectFileRepository = ReturnType<typeof createProjectFileRepository>;

export function createProjectFileRepository({ query, write }: DataAccess) {
  const reader = createListReader<ProjectFileRow>(query, {
    table: "project_files",
    columns: selectList({
      projectId: "project_id",
      path: "path",
      // A bigint arrives as text; below 2^53 a double holds it exactly, and no file is larger.
      sizeBytes: `"size_bytes"::float8`,
      language: "language",
    }),
    key: { column: "path", type: `text COLLATE "C"` },
  });

  /** Ordered by path, byte by byte. @param under only files below this directory */
  function list(projectId: string, under?: string): List {
    const where: Condition[] = [];
    const directory = under?.replace(/\/+$/, "");
    if (directory) {
      // A range, not a LIKE: the primary key's index answers it for any text. "0" is the character after "/".
      where.push({ sql: `"path" >= ? AND "path" < ?`, values: [`${directory}/`, `${directory}0`] });
    }
    return {
      parent: { column: "project_id", id: projectId },
      where,
      order: { column: "path", type: "text", direction: "ASC" },
      tags: [collectionTag("ProjectFile", "projectId", projectId)],
    };
  }

  /**
   * Adds files to a project's structure. A file that is there already is overwritten, so an interrupted
   * upload can simply be repeated. With the last files, the project becomes ready.
   *
   * @throws AppError `NOT_FOUND`
   */
  async function add(
    projectId: string,
    files: readonly NewProjectFile[],
    isLast: boolean,
    access: Access = TO_EVERYTHING,
  ): Promise<Project> {
    return write(async (tx) => {
      const [project] = await tx.project.updateManyAndReturn({
        where: within(projectId, access),
        data: { status: isLast ? "READY" : "ANALYZING" },
      });
      if (!project) throw notFound("Project", projectId);
      await tx.$executeRaw`
        INSERT INTO "project_files" ("project_id", "path", "size_bytes", "language")
        SELECT ${projectId}::uuid, "path", "sizeBytes", "language"
          FROM jsonb_to_recordset(${JSON.stringify(files)}::jsonb) AS "file"("path" text, "sizeBytes" bigint, "language" text)
        ON CONFLICT ("project_id", "path") DO UPDATE
          SET "size_bytes" = EXCLUDED."size_bytes", "language" = EXCLUDED."language"`;
      return project;
    });
  }

  return {
    list,
    loadLists: reader.loadLists,
    cursorOf: reader.cursorOf,
    findMany: (projectId: string, page?: PageArguments) => reader.findPage(list(projectId), page),
    count: (projectId: string) => reader.countList(list(projectId)),
    add,
  };
}
