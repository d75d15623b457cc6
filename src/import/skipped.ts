import { compareBytewise } from "./path.ts";

export type SkipReason =
  /** Excluded by a .gitignore, or a folder of vendored code. A folder's path ends with "/" and counts once. */
  | "ignored"
  /** Not text. The file is listed all the same, with language null; only its first 8 KB were read. */
  | "binary"
  | "too-large"
  /** A link that leads out of the tree. */
  | "symlink-outside"
  /** A link to something in the tree, which is listed once, under its own path. */
  | "symlink-inside"
  /** No permission, deleted during the scan, a dead link, a device, a socket, a name that is not UTF-8. */
  | "unreadable"
  /** Too deep, or its path is too long. */
  | "limit";

export interface Skipped {
  readonly path: string;
  readonly reason: SkipReason;
}

export type SkippedTotals = Readonly<Record<SkipReason, number>>;

/** Keeps the first `max` entries by path, whatever order they are added in. It holds at most twice as many. */
export function createSkippedList(max: number) {
  const totals: Record<SkipReason, number> = {
    ignored: 0,
    binary: 0,
    "too-large": 0,
    "symlink-outside": 0,
    "symlink-inside": 0,
    unreadable: 0,
    limit: 0,
  };
  let list: Skipped[] = [];
  const trim = () => {
    list = list.sort((a, b) => compareBytewise(a.path, b.path)).slice(0, max);
  };
  return {
    add(path: string, reason: SkipReason): void {
      totals[reason] += 1;
      list.push({ path, reason });
      if (list.length > 2 * max) trim();
    },
    result(): { skipped: readonly Skipped[]; skippedTotals: SkippedTotals } {
      trim();
      return { skipped: list, skippedTotals: { ...totals } };
    },
  };
}

export type SkippedList = ReturnType<typeof createSkippedList>;
