import type { Query } from "./database.ts";
import { ownMigrations, readMigrations } from "./migrations.ts";

/**
 * Checks that the database still has every migration that this version of the service was written for. It may
 * have been restored from a time before one of them. Sends one statement; the folder is read once.
 *
 * @throws Error naming a missing migration, and whatever keeps the database from being asked
 */
export function createMigrationCheck(query: Query): () => Promise<void> {
  let names: Promise<string[]> | undefined;
  return async () => {
    names ??= readMigrations(ownMigrations).then((files) => files.map(({ name }) => name));
    const [row] = await query<{ name: string }>(
      `SELECT "name" FROM unnest($1::text[]) AS wanted("name")
        WHERE NOT EXISTS (SELECT FROM _prisma_migrations WHERE "migration_name" = "name"
                             AND "finished_at" IS NOT NULL AND "rolled_back_at" IS NULL)
        ORDER BY "name" LIMIT 1`,
      [await names],
    );
    if (row !== undefined) throw new Error(`Expected the migration ${row.name} to be applied, it is not.`);
  };
}
