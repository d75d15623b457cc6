import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type EmbeddedLog, startEmbeddedDatabase } from "../embedded.ts";
import { lockDirectory } from "../embeddedLock.ts";
import { withSession } from "../session.ts";
import { isEmpty } from "./figures.ts";
import { type RestorationOptions, restoreInto } from "./restoration.ts";
import { notEmpty, prepare, type RestoreOptions } from "./restore.ts";

/** Runs work on the embedded database, which no other process may have open. */
export async function withEmbedded<Result>(
  dataDirectory: string,
  work: (connectionString: string) => Promise<Result>,
  log?: EmbeddedLog,
): Promise<Result> {
  const embedded = await startEmbeddedDatabase({ dataDirectory, ...(log && { log }) });
  try {
    return await work(embedded.connectionString);
  } finally {
    await embedded.stop();
  }
}

/**
 * Runs work with a temporary folder beside the database in use, for another embedded database. It is removed
 * afterwards.
 */
async function withScratch<Result>(dataDirectory: string, work: (folder: string) => Promise<Result>) {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(dataDirectory, "restoring-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Restores a backup into an embedded database beside the one in use. When it is complete, renames both.
 *
 * @returns the folder of the database that was replaced; undefined: there was none
 * @throws BackupError as `restoreDatabase` does; DataDirectoryInUseError while a service has the directory
 *   open
 */
export async function restoreEmbedded(
  directory: string,
  { epochs, mayReplace, ...restoration }: RestoreOptions,
): Promise<string | undefined> {
  const dataDirectory = resolve(directory);
  const own = join(dataDirectory, "postgres");
  const isThere = existsSync(join(dataDirectory, "initialized"));
  const isFilled = async () =>
    !(await withEmbedded(dataDirectory, (url) => withSession(url, "restore", isEmpty)));
  if (isThere && !mayReplace && (await isFilled())) throw notEmpty();
  return withScratch(dataDirectory, async (scratch) => {
    await withEmbedded(scratch, async (url) => {
      await restoreInto(url, { ...restoration, isEmbedded: true });
      // While no process has an embedded database open, no cache serves from its epoch.
      await withSession(url, "restore", (client) => prepare(client, epochs, 0));
    });
    restoration.onProgress?.({ phase: "swap", done: 0, total: 0 });
    const unlock = await lockDirectory(dataDirectory);
    try {
      const former = join(dataDirectory, `before-${new Date().toISOString().replaceAll(/[-:]|\..*/g, "")}`);
      if (isThere) await rename(own, former);
      // Removes what an interrupted creation has left.
      else await rm(own, { recursive: true, force: true });
      try {
        await rename(join(scratch, "postgres"), own);
      } catch (error) {
        if (isThere) await rename(former, own);
        throw error;
      }
      await writeFile(join(dataDirectory, "initialized"), "", { mode: 0o600 });
      return isThere ? former : undefined;
    } finally {
      await unlock();
    }
  });
}

/** As `verifyInDatabase`, in a folder of its own. The database in use is not touched. */
export async function verifyEmbedded(
  dataDirectory: string,
  restoration: Omit<RestorationOptions, "isEmbedded" | "keepsPrivileges">,
): Promise<void> {
  await withScratch(resolve(dataDirectory), (scratch) =>
    withEmbedded(scratch, (url) =>
      restoreInto(url, { ...restoration, isEmbedded: true, keepsPrivileges: false }),
    ),
  );
}
