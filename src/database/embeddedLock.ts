import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Another process uses the directory. */
export class DataDirectoryInUseError extends Error {
  readonly pid: number;

  constructor(directory: string, pid: number) {
    super(
      `The embedded database in "${directory}" is in use by the process ${pid}. ` +
        "Only one may have it open: stop that one, choose another DATA_DIRECTORY, or set DATABASE_URL to a PostgreSQL that both can use.",
    );
    this.name = "DataDirectoryInUseError";
    this.pid = pid;
  }
}

/**
 * Claims a directory for this process by a file in it. A lock whose process has ended is taken over.
 * Processes that cannot see each other's ids (two containers, two hosts on one volume) are not kept apart.
 *
 * @returns releases the claim
 * @throws DataDirectoryInUseError if a living process has it
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, "embedded.lock");
  const own = join(directory, `embedded.lock.${process.pid}`);
  const content = `${process.pid}\n${await startOf(process.pid)}\n`;
  // Written under another name and linked into place, so that nobody ever reads half of it.
  await writeFile(own, content, { mode: 0o600 });
  try {
    for (;;) {
      const isOurs = await link(own, path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === "EEXIST") return false;
          throw error;
        },
      );
      if (isOurs) break;
      await removeStale(directory, path);
    }
  } finally {
    await rm(own, { force: true });
  }
  return async () => {
    if ((await read(path)) === content) await rm(path, { force: true });
  };
}

async function removeStale(directory: string, path: string): Promise<void> {
  const content = await read(path);
  if (content === undefined) return;
  const [pid = "", start = ""] = content.split("\n");
  if (await isAlive(Number(pid), start)) throw new DataDirectoryInUseError(directory, Number(pid));

  // Two processes may judge the same lock stale, and the slower one would remove the faster one's new lock.
  // So the lock is moved aside first, and put back if it is not the one that was judged.
  const aside = `${path}.stale.${process.pid}`;
  await rename(path, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  const moved = await read(aside);
  if (moved !== undefined && moved !== content) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function isAlive(pid: number, start: string): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  // The id may have been reused by another program since, above all in containers, where ids are small.
  const now = await startOf(pid);
  return now === "" || start === "" || now === start;
}

/**
 * When the process was started, in clock ticks since boot (proc(5), field 22 of stat). Empty where there is
 * no /proc.
 */
async function startOf(pid: number): Promise<string> {
  const stat = await read(`/proc/${pid}/stat`);
  // The second field, the program's name, may itself contain spaces and brackets.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
