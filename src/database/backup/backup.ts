import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type pg from "pg";
import { withSession } from "../session.ts";
import { writeArchive } from "./archive.ts";
import { appliedMigrations, readFigures } from "./figures.ts";
import { archiveName, type Manifest, removePartials, writeManifest } from "./manifest.ts";
import { assertTool, dump, type Tools } from "./postgresTools.ts";
import { dumpRows } from "./rows.ts";

/** How far a backup or a restoration has come. */
export interface BackupProgress {
  readonly phase: "count" | "write" | "read" | "restore" | "swap";
  readonly done: number;
  /** 0: unknown. */
  readonly total: number;
  readonly detail?: string;
}

export interface BackupOptions {
  readonly connectionString: string;
  /** Is created, for this user alone, if need be. */
  readonly directory: string;
  readonly format: Manifest["format"];
  /** An age key, public or secret. */
  readonly key: string | undefined;
  readonly tools: Tools;
  readonly onProgress?: (progress: BackupProgress) => void;
}

/**
 * Backs the database up while it stays in use. Writes an archive, and a manifest with the archive's SHA-256
 * and, for every table, the number of rows and a checksum of them. All figures are of one snapshot. The
 * archive gets its final name only when it is complete.
 *
 * @throws BackupError `PG_TOOL_MISSING`, `PG_TOOL_TOO_OLD`, `PG_TOOL_FAILED`; the reason of the tools' signal
 *   when it is aborted
 */
export async function takeBackup(options: BackupOptions): Promise<Manifest> {
  const { connectionString, directory, format, key, tools, onProgress = () => {} } = options;
  return withSession(connectionString, "backup", async (client) => {
    const serverVersion = await serverVersionOf(client);
    if (format === "pg_dump") await assertTool("pg_dump", serverVersion, tools);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await removePartials(directory);
    // The transaction stays open until the connection closes.
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const createdAt = new Date();
    const migrations = await appliedMigrations(client);
    const tables = await readFigures(client, (table, done, total) => {
      tools.signal?.throwIfAborted();
      onProgress({ phase: "count", done, total, detail: table });
    });
    const source =
      format === "pg_dump" ? dump(connectionString, await exportSnapshot(client), tools) : dumpRows(client);
    const file = archiveName(createdAt, { format, isEncrypted: key !== undefined });
    const written = await writeArchive(join(directory, file), source, {
      key,
      onBytes: (done) => {
        tools.signal?.throwIfAborted();
        onProgress({ phase: "write", done, total: 0 });
      },
    });
    const manifest: Manifest = {
      version: 1,
      file,
      createdAt: createdAt.toISOString(),
      format,
      isEncrypted: key !== undefined,
      ...written,
      serverVersion,
      migrations,
      tables,
      verifiedAt: null,
    };
    await writeManifest(directory, manifest);
    return manifest;
  });
}

export async function serverVersionOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ version: string }>(
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS "version"`,
  );
  return rows[0]!.version;
}

async function exportSnapshot(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ id: string }>(`SELECT pg_export_snapshot() AS "id"`);
  return rows[0]!.id;
}
