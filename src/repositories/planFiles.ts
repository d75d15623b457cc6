import type { StatementTransaction } from "../database/database.ts";
import { type ValidationIssue, validationFailed } from "../errors.ts";
import type { ConversionPlan } from "./conversionPlan.ts";

/**
 * Refuses a plan that reads files which the project does not have and no other task writes. It does so only
 * where the file structure is known: some projects have none, and during an upload any file may still come.
 *
 * @param ownerId the user who must own the project, or else its structure counts as unknown; null: anybody
 * @throws AppError `VALIDATION_FAILED` with the path to each file in the mutation's input
 */
export async function assertFilesExist(
  tx: StatementTransaction,
  projectId: string,
  { tasks }: ConversionPlan,
  ownerId: string | null,
): Promise<void> {
  const written = new Set(tasks.flatMap(({ outputFiles }) => outputFiles));
  const read = tasks.flatMap(({ inputFiles }) => inputFiles).filter((path) => !written.has(path));
  if (read.length === 0) return;

  const rows = await tx.query<{ path: string }>(
    `SELECT "path" FROM unnest($2::text[]) AS given("path")
      WHERE EXISTS (SELECT FROM "projects" WHERE "id" = $1 AND "status" <> 'ANALYZING'
                        AND "user_id" = COALESCE($3::uuid, "user_id"))
        AND EXISTS (SELECT FROM "project_files" WHERE "project_id" = $1)
        AND NOT EXISTS (SELECT FROM "project_files" AS file
                         WHERE file."project_id" = $1 AND file."path" = given."path" COLLATE "C")`,
    [projectId, [...new Set(read)], ownerId],
  );
  if (rows.length === 0) return;
  const missing = new Set(rows.map(({ path }) => path));
  const issues = tasks.flatMap(({ inputFiles }, task) =>
    inputFiles.flatMap((path, position): ValidationIssue[] =>
      missing.has(path)
        ? [
            {
              path: ["input", "plan", "tasks", task, "inputFiles", position],
              message: `expected a file of the project, or one that another task writes, got "${path}"`,
            },
          ]
        : [],
    ),
  );
  throw validationFailed(issues);
}
