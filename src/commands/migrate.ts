import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { startEmbeddedDatabase } from "../database/embedded.ts";
import { applyMigrations, migrationStatus } from "../database/migrations.ts";

export interface MigrateIo {
  readonly print: (line: string) => void;
  readonly log: Logger;
}

/**
 * `stack-converter migrate`: brings the schema up to date, or with `isDryRun` only says what is missing.
 *
 * @returns the exit code: 1 when a dry run has found something to do
 * @throws MigrationError when the migrations in the database and those of this version disagree
 */
export async function runMigrate(
  config: Config,
  isDryRun: boolean,
  { print, log }: MigrateIo,
): Promise<0 | 1> {
  const embedded = config.database.url
    ? undefined
    : await startEmbeddedDatabase({ dataDirectory: config.database.dataDirectory, log });
  const connectionString = config.database.url ?? embedded!.connectionString;
  try {
    if (!isDryRun) {
      const { applied } = await applyMigrations({ connectionString, log });
      print(applied.length > 0 ? `Applied: ${applied.join(", ")}` : "The database was up to date.");
      return 0;
    }
    const { pending, problems } = await migrationStatus({ connectionString });
    for (const { message } of problems) print(message);
    for (const name of pending) print(`pending: ${name}`);
    if (pending.length > 0 || problems.length > 0) return 1;
    print("The database is up to date.");
    return 0;
  } finally {
    await embedded?.stop();
  }
}
