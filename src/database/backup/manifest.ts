import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import * as z from "zod";
import { writeWhole } from "./archive.ts";
import { BackupError } from "./error.ts";

const tableFigures = z.object({ table: z.string(), rows: z.number(), checksum: z.string() });
/** How many rows a table has, and a checksum of them in any order. */
export type TableFigures = z.infer<typeof tableFigures>;

const manifestSchema = z.object({
  version: z.literal(1),
  /** The archive's name, in the manifest's own folder. */
  file: z.string().refine((name) => name === basename(name), "expected a name without a folder"),
  createdAt: z.iso.datetime(),
  /**
   * `pg_dump`: in its custom format. `rows`: every row as JSON, to be loaded into the tables that the
   * migrations create.
   */
  format: z.enum(["pg_dump", "rows"]),
  isEncrypted: z.boolean(),
  /** Size of the archive as it is on disk. */
  bytes: z.number(),
  sha256: z.string(),
  serverVersion: z.string(),
  /** The migrations that the database had, in their order. */
  migrations: z.array(z.string()),
  /** As they were in the snapshot that the archive holds. */
  tables: z.array(tableFigures),
  /** When a restoration of this archive last gave the same figures; null: nobody has tried. */
  verifiedAt: z.iso.datetime().nullable(),
});

/** Describes an archive. Stored beside it, as `<archive>.json`. */
export type Manifest = z.infer<typeof manifestSchema>;

const SUFFIX = ".json";
const PREFIX = "stack-converter-";

export const archiveName = (
  createdAt: Date,
  { format, isEncrypted }: Pick<Manifest, "format" | "isEncrypted">,
) =>
  `${PREFIX}${createdAt.toISOString().replaceAll(/[:.]/g, "-")}${format === "pg_dump" ? ".dump" : ".rows.gz"}${isEncrypted ? ".age" : ""}`;

export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  await writeWhole(join(directory, manifest.file + SUFFIX), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** All backups in a folder, newest first. A folder that does not exist has none. */
export async function listBackups(directory: string): Promise<Manifest[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const found = names.filter((name) => name.startsWith(PREFIX) && name.endsWith(SUFFIX));
  const manifests = await Promise.all(found.map((name) => readManifest(join(directory, name))));
  return manifests.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}

/**
 * @param name an archive's name or path; by default the newest archive in the folder
 * @throws BackupError `BACKUP_NOT_FOUND`, `BACKUP_CORRUPT`
 */
export async function findBackup(
  directory: string,
  name: string | undefined,
): Promise<{ directory: string; manifest: Manifest }> {
  if (name === undefined) {
    const [newest] = await listBackups(directory);
    if (newest === undefined)
      throw new BackupError("BACKUP_NOT_FOUND", `There is no backup in ${directory}.`);
    return { directory, manifest: newest };
  }
  const folder = name === basename(name) ? directory : join(name, "..");
  const file = basename(name).endsWith(SUFFIX) ? basename(name) : basename(name) + SUFFIX;
  return { directory: folder, manifest: await readManifest(join(folder, file)) };
}

async function readManifest(path: string): Promise<Manifest> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new BackupError(
      "BACKUP_NOT_FOUND",
      `There is no ${path}: an archive and its manifest belong together.`,
      cause,
    );
  });
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BackupError("BACKUP_CORRUPT", `${path} is no manifest of a backup.`, cause);
  }
}

/** No backup takes longer than this. */
const PARTIAL_MS = 2 * 86_400_000;

/** Deletes the partial files that killed backups have left. */
export async function removePartials(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(PREFIX) || !name.endsWith(".partial")) continue;
    const path = join(directory, name);
    // Undefined: a backup that runs at the same time has just finished it.
    const file = await stat(path).catch(() => undefined);
    if (file !== undefined && Date.now() - file.mtimeMs > PARTIAL_MS) await rm(path, { force: true });
  }
}

export interface Retention {
  /** How many of the newest backups stay. */
  readonly keep?: number | undefined;
  /** Backups younger than this stay, in days. */
  readonly keepDays?: number | undefined;
  /** The archive that was just written. It stays, even if the clock says that others are newer. */
  readonly written?: string | undefined;
}

/**
 * Deletes backups that neither rule keeps. The newest stays, and so does the newest verified one, which may
 * be the only one that can be restored.
 *
 * @returns the archives that were deleted
 */
export async function pruneBackups(
  directory: string,
  { keep, keepDays, written }: Retention,
  now = Date.now(),
): Promise<string[]> {
  if (keep === undefined && keepDays === undefined) return [];
  const backups = await listBackups(directory);
  const newestVerified = backups.find(({ verifiedAt }) => verifiedAt !== null);
  const pruned = backups.filter((backup, index) => {
    if (index === 0 || backup === newestVerified || backup.file === written) return false;
    const isAmongNewest = keep !== undefined && index < keep;
    const isYoung = keepDays !== undefined && now - Date.parse(backup.createdAt) < keepDays * 86_400_000;
    return !isAmongNewest && !isYoung;
  });
  for (const { file } of pruned) {
    // The manifest is deleted last, so that after an interruption the rest is found again.
    await rm(join(directory, file), { force: true });
    await rm(join(directory, file + SUFFIX), { force: true });
  }
  return pruned.map(({ file }) => file);
}
