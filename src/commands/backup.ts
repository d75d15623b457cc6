import type { Logger } from "pino";
import { endLastEpoch, renewEpoch } from "../coherence/epochs.ts";
import type { Config } from "../config.ts";
import { type BackupProgress, takeBackup } from "../database/backup/backup.ts";
import { restoreEmbedded, verifyEmbedded, withEmbedded } from "../database/backup/embeddedRestore.ts";
import { generateKeys } from "../database/backup/encryption.ts";
import {
  findBackup,
  listBackups,
  type Manifest,
  pruneBackups,
  type Retention,
  writeManifest,
} from "../database/backup/manifest.ts";
import { restoreDatabase, verifyInDatabase } from "../database/backup/restore.ts";
import { dropDatabase, withDatabase } from "../database/backup/target.ts";
import type { ProgressStream } from "../import/progressBar.ts";
import { CommandError } from "./error.ts";
import { createStepBar } from "./stepBar.ts";
import { count, size } from "./wording.ts";

export interface BackupIo {
  readonly print: (line: string) => void;
  readonly progress: ProgressStream;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** For pg_dump and pg_restore. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Output {
  readonly isJson: boolean;
}

const phases: Readonly<Record<BackupProgress["phase"], string>> = {
  count: "Counting rows",
  write: "Writing the archive",
  read: "Checking the archive",
  restore: "Restoring",
  swap: "Taking the database's place",
};

/**
 * `stack-converter backup`.
 *
 * @throws BackupError; DataDirectoryInUseError while a service runs on the embedded database
 */
export async function runBackup(
  config: Config,
  {
    format,
    isJson,
    ...retention
  }: Output & Omit<Retention, "written"> & { format?: Manifest["format"] | undefined },
  io: BackupIo,
): Promise<void> {
  const { directory, encryptionKey: key } = config.backup;
  const { url, dataDirectory } = config.database;
  if (url === undefined && format === "pg_dump")
    throw new CommandError("--format pg_dump: the embedded database is backed up by --format rows alone.");
  await withProgress(io, isJson, async (onProgress) => {
    const take = (connectionString: string, chosen: Manifest["format"]) =>
      takeBackup({ connectionString, directory, format: chosen, key, tools: io, onProgress });
    const manifest =
      url === undefined
        ? await withEmbedded(dataDirectory, (embedded) => take(embedded, "rows"), io.log)
        : await take(url, format ?? "pg_dump");
    const pruned = await pruneBackups(directory, { ...retention, written: manifest.file });
    return isJson
      ? [JSON.stringify({ ...manifest, directory, pruned })]
      : [
          `${directory}/${manifest.file}: ${size(manifest.bytes)}, ${count(rowsOf(manifest), "row")}${key === undefined ? ", not encrypted" : ""}.`,
          ...pruned.map((file) => `Deleted ${file}.`),
          "Not verified yet: `npx stack-converter verify-backup` restores it beside the database and compares.",
        ];
  });
}

/** `stack-converter backup --list`: the newest first. */
export async function runListBackups(
  { backup: { directory } }: Config,
  { isJson }: Output,
  print: (line: string) => void,
): Promise<void> {
  const backups = await listBackups(directory);
  if (isJson) return print(JSON.stringify(backups));
  if (backups.length === 0) print(`There is no backup in ${directory}.`);
  for (const backup of backups) {
    const { file, bytes, isEncrypted, verifiedAt } = backup;
    const state = verifiedAt === null ? "NOT VERIFIED" : `verified ${verifiedAt}`;
    print(
      [
        file,
        size(bytes),
        count(rowsOf(backup), "row"),
        isEncrypted ? "encrypted" : "not encrypted",
        state,
      ].join("\t"),
    );
  }
}

/** `stack-converter backup --new-key`. */
export async function runNewKey(print: (line: string) => void): Promise<void> {
  const { secretKey, publicKey } = await generateKeys();
  print(`public key, to write backups with: ${publicKey}`);
  print(`secret key, to read them with; keep it elsewhere: ${secretKey}`);
}

/** `stack-converter verify-backup`. @throws BackupError */
export async function runVerifyBackup(
  config: Config,
  { name, isJson }: Output & { name: string | undefined },
  io: BackupIo,
): Promise<void> {
  const { directory, manifest } = await findBackup(config.backup.directory, name);
  const { url, dataDirectory } = config.database;
  await withProgress(io, isJson, async (onProgress) => {
    const restoration = { directory, manifest, key: config.backup.encryptionKey, tools: io, onProgress };
    await (url === undefined
      ? verifyEmbedded(dataDirectory, restoration)
      : verifyInDatabase(url, restoration));
    const verified = { ...manifest, verifiedAt: new Date().toISOString() };
    await writeManifest(directory, verified);
    return [
      isJson
        ? JSON.stringify(verified)
        : `${manifest.file} is good: ${count(manifest.tables.length, "table")}, ${count(rowsOf(manifest), "row")}, restored and compared.`,
    ];
  });
}

/** `stack-converter restore`. @throws BackupError; DataDirectoryInUseError */
export async function runRestore(
  config: Config,
  {
    name,
    isJson,
    mayReplace,
    dropsReplaced,
    keepsPrivileges,
  }: Output & {
    name: string | undefined;
    mayReplace: boolean;
    dropsReplaced: boolean;
    keepsPrivileges: boolean;
  },
  io: BackupIo,
): Promise<void> {
  const { directory, manifest } = await findBackup(config.backup.directory, name);
  const { url, dataDirectory } = config.database;
  await withProgress(io, isJson, async (onProgress) => {
    const options = {
      directory,
      manifest,
      key: config.backup.encryptionKey,
      tools: io,
      onProgress,
      mayReplace,
      keepsPrivileges,
      epochs: { end: endLastEpoch, renew: renewEpoch },
    };
    const former = await (url === undefined
      ? restoreEmbedded(dataDirectory, options)
      : restoreDatabase(url, options));
    const isDropped = former !== undefined && dropsReplaced && url !== undefined;
    if (isDropped) await dropDatabase(withDatabase(url, former));
    if (isJson) return [JSON.stringify({ ...manifest, replaced: former ?? null, isDropped })];
    const restored = `Restored ${manifest.file}, as of ${manifest.createdAt}: ${count(rowsOf(manifest), "row")}.`;
    if (former === undefined) return [restored];
    return [
      restored,
      isDropped
        ? `Dropped ${former}.`
        : `What was there before is ${former} now: delete it when you are sure.`,
    ];
  });
}

async function withProgress(
  { progress, print }: BackupIo,
  isSilent: boolean,
  work: (onProgress: (progress: BackupProgress) => void) => Promise<readonly string[]>,
): Promise<void> {
  const bar = createStepBar({ stream: progress, isSilent });
  let lines: readonly string[];
  try {
    lines = await work(({ phase, done, total, detail }) =>
      bar.show({
        title: phases[phase],
        done,
        total,
        detail: detail ?? (phase === "write" || phase === "read" ? size(done) : undefined),
      }),
    );
  } finally {
    bar.stop();
  }
  for (const line of lines) print(line);
}

function rowsOf({ tables }: Manifest): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0);
}
