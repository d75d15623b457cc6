import { ImportError } from "./error.ts";
import type { Limits } from "./limits.ts";
import { entryPath, linkStaysInside } from "./path.ts";

/**
 * Records an archive's entries before any of them is written. It refuses an entry that could leave the
 * folder, overwrite what another entry wrote, or fill the disk. Every archive format goes through it; the
 * extracting library's own checks are a second line of defence.
 * Source for the attacks: CVE-2021-32803, CVE-2021-37701 (tar), CVE-2018-1002200 (zip slip).
 */
export function createLedger(limits: Limits) {
  const files = new Set<string>();
  const folders = new Set<string>();
  const links: string[] = [];
  let entries = 0;
  let totalBytes = 0;

  const refuse = (name: string, reason: string): never => {
    throw new ImportError(
      "ARCHIVE_UNSAFE",
      `The archive's entry ${JSON.stringify(name)} ${reason}. Nothing of the archive was kept; do not unpack it by hand.`,
    );
  };

  const enter = (name: string): string => {
    entries += 1;
    if (entries > limits.maxFiles) {
      throw new ImportError(
        "ARCHIVE_TOO_LARGE",
        `The archive has more than ${limits.maxFiles} entries. Pack fewer files, or raise maxFiles.`,
      );
    }
    const judged = entryPath(name);
    if (!judged.isSafe) return refuse(name, judged.reason);
    const { path } = judged;
    if (path.length > 4 * limits.maxPathLength) refuse(name.slice(0, 100), "has an endless path");
    if (path.split("/").length > 4 * limits.maxDepth) refuse(name.slice(0, 100), "is nested endlessly");
    return path;
  };

  const addParents = (name: string, path: string) => {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const parent = path.slice(0, slash);
      if (files.has(parent)) refuse(name, `lies below ${JSON.stringify(parent)}, which is no folder`);
      // Its own parents were added together with it.
      if (folders.has(parent)) return;
      folders.add(parent);
    }
  };

  const claim = (name: string, path: string) => {
    if (path === "") refuse(name, "has no name");
    if (files.has(path)) refuse(name, "is there twice");
    if (folders.has(path)) refuse(name, "is a folder and a file");
    addParents(name, path);
    files.add(path);
  };

  return {
    /** Adds a plain file. @returns the path to write it to */
    addFile(name: string, sizeBytes: number): string {
      const path = enter(name);
      claim(name, path);
      totalBytes += sizeBytes;
      if (totalBytes > limits.maxTotalBytes) {
        throw new ImportError(
          "ARCHIVE_TOO_LARGE",
          `The archive unpacks to more than ${limits.maxTotalBytes} bytes. Pack less, or raise maxTotalBytes.`,
        );
      }
      return path;
    },
    /** Adds a folder. The same folder may occur several times. */
    addFolder(name: string): void {
      const path = enter(name);
      if (path === "") return;
      if (files.has(path)) refuse(name, "is a file and a folder");
      addParents(name, path);
      folders.add(path);
    },
    /** Records a symbolic link. Links are never created, not even harmless ones. */
    addLink(name: string, target: string): void {
      const path = enter(name);
      claim(name, path);
      if (!linkStaysInside(path, target))
        refuse(name, `is a link that leads out, to ${JSON.stringify(target)}`);
      links.push(path);
    },
    /** For devices, hard links and any other entry that does not belong in a source tree. */
    refuse,
    entries: () => entries,
    links: (): readonly string[] => links,
  };
}

export type Ledger = ReturnType<typeof createLedger>;

export function bomb(ratio: number): ImportError {
  return new ImportError(
    "ARCHIVE_TOO_LARGE",
    `The archive unpacks to more than ${ratio} times its size, as decompression bombs do. If you trust it, unpack it and name the folder.`,
  );
}
