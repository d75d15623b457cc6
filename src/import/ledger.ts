import { ImportError } from "./error.ts";
import type { Limits } from "./limits.ts";
import { entryPath, linkStaysInside } from "./path.ts";

/**
 * The book of an archive's entries, kept before anything of them is written. It refuses what
 * could leave the folder, replace what another entry wrote, or fill the disk. Every archive format
 * goes through it; the extracting library's own checks come second.
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
      // Its own parents were entered with it.
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
    /** A plain file. Returns its path. */
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
    /** A folder; the same one may come again. */
    addFolder(name: string): void {
      const path = enter(name);
      if (path === "") return;
      if (files.has(path)) refuse(name, "is a file and a folder");
      addParents(name, path);
      folders.add(path);
    },
    /** A symbolic link. It is never made, not even a harmless one. */
    addLink(name: string, target: string): void {
      const path = enter(name);
      claim(name, path);
      if (!linkStaysInside(path, target))
        refuse(name, `is a link that leads out, to ${JSON.stringify(target)}`);
      links.push(path);
    },
    /** Devices, hard links and whatever else is no file of a source tree. */
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
