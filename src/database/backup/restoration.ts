import type pg from "pg";
import { applyMigrations, readMigrations } from "../migrations.ts";
import { withSession } from "../session.ts";
import { openArchive } from "./archive.ts";
import { type BackupProgress, serverVersionOf } from "./backup.ts";
import { BackupError } from "./error.ts";
import { differences, readFigures } from "./figures.ts";
import type { Manifest } from "./manifest.ts";
import { assertTool, restoreDump, type Tools } from "./postgresTools.ts";
import { loadRows } from "./rows.ts";

export interface RestorationOptions {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly key: string | undefined;
  readonly tools: Tools;
  /** The embedded database cannot read what pg_dump wrote. */
  readonly isEmbedded: boolean;
  /** Restores grants to other roles too; those roles must exist then. */
  readonly keepsPrivileges: boolean;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
}

/**
 * Restores an archive into an empty database, and compares every table with what was backed up.
 *
 * @throws BackupError of every code that is about archives and tools, and `BACKUP_MISMATCH`; the reason of the
 *   tools' signal when it is aborted
 */
export async function restoreInto(connectionString: string, options: RestorationOptions): Promise<void> {
  const { directory, manifest, key, tools, isEmbedded, keepsPrivileges } = options;
  const onProgress = (progress: BackupProgress): void => {
    tools.signal?.throwIfAborted();
    options.onProgress?.(progress);
  };
  if (isEmbedded && manifest.format === "pg_dump")
    throw new BackupError(
      "BACKUP_UNSUITABLE",
      "pg_dump made this archive, and it goes into a PostgreSQL alone: set DATABASE_URL. The embedded database takes backups that were made with --format rows.",
    );
  const source = await openArchive(directory, manifest, key, (done) =>
    onProgress({ phase: "read", done, total: manifest.bytes }),
  );
  try {
    await withSession(connectionString, "restore", async (client) => {
      onProgress({ phase: "restore", done: 0, total: 0 });
      if (manifest.format === "pg_dump") {
        await assertTool("pg_restore", await serverVersionOf(client), tools);
        await restoreDump(source, connectionString, { ...tools, keepsPrivileges });
      } else {
        await assertMigrations(manifest);
        await applyMigrations({ connectionString, names: manifest.migrations });
        await loadRows(client, source, tools.signal);
      }
      await compare(client, manifest, onProgress);
      await client.query("ANALYZE");
    });
  } finally {
    source.destroy();
  }
}

async function compare(
  client: pg.Client,
  { tables }: Manifest,
  onProgress: (progress: BackupProgress) => void,
): Promise<void> {
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  const restored = await readFigures(client, (table, done, total) =>
    onProgress({ phase: "count", done, total, detail: table }),
  );
  await client.query("COMMIT");
  const different = differences(tables, restored);
  if (different.length > 0)
    throw new BackupError(
      "BACKUP_MISMATCH",
      `What was restored is not what was backed up: ${different.join("; ")}.`,
    );
}

async function assertMigrations({ migrations }: Manifest): Promise<void> {
  const ours = new Set((await readMigrations()).map(({ name }) => name));
  const unknown = migrations.filter((name) => !ours.has(name));
  if (unknown.length > 0)
    throw new BackupError(
      "BACKUP_UNSUITABLE",
      `The backup is of a database with migrations that this version does not have (${unknown.join(", ")}): restore it with the version that made it, or a later one.`,
    );
}
