import { stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import ignore, { type Ignore } from "ignore";
import { readText } from "./file.ts";

/**
 * Which paths the project itself leaves out: .gitignore files at every level, .git/info/exclude,
 * and, for a folder inside a repository, the .gitignore files above it. The user's own
 * core.excludesFile does not count: the same tree gives the same result on every machine.
 *
 * All rules in force for a folder are one ordered list, as in git, not one list per file asked in
 * turn: only then does `!build` in a nested file bring back a folder that an outer file ignores.
 * A nested file's patterns are therefore rewritten to begin at the repository's root.
 */
export interface IgnoreRules {
  /** `path` is relative to the scanned root. Of the parents only the rules are asked, not the disk. */
  readonly isIgnored: (path: string, isDirectory: boolean) => boolean;
  /** These rules and those of `folder`'s own .gitignore, if it has one. */
  readonly enter: (folder: string) => Promise<IgnoreRules>;
}

/** A larger ignore file is not read: it is no ignore file. */
const maxIgnoreFileBytes = 1_048_576;

/** The rules in force at the root, those of its own .gitignore not among them: `enter("")` adds them. */
export async function rootIgnoreRules(root: string): Promise<IgnoreRules> {
  const repository = await enclosingRepository(root);
  const base = repository === null ? "" : relative(repository, root).replaceAll("\\", "/");
  const above = repository === null ? [] : foldersAbove(base);
  let list = newList();
  if (repository !== null) {
    // Lowest precedence, so first.
    list.add((await readText(join(repository, ".git", "info", "exclude"), maxIgnoreFileBytes)) ?? "");
    for (const folder of above) list = await withFile(list, repository, folder);
    // Whoever names an ignored folder (dist/, a checkout in a scratch folder) wants it scanned.
    if (base !== "" && list.ignores(`${base}/`)) return rulesFrom(newList(), root, "");
  }
  return rulesFrom(list, repository ?? root, base);
}

function rulesFrom(list: Ignore, top: string, base: string): IgnoreRules {
  const fromTop = (path: string) => [base, path].filter((part) => part !== "").join("/");
  return {
    isIgnored: (path, isDirectory) => list.ignores(isDirectory ? `${fromTop(path)}/` : fromTop(path)),
    enter: async (folder) => {
      const inner = await withFile(list, top, fromTop(folder));
      return inner === list ? rulesFrom(list, top, base) : rulesFrom(inner, top, base);
    },
  };
}

async function withFile(list: Ignore, top: string, folder: string): Promise<Ignore> {
  const text = await readText(join(top, folder, ".gitignore"), maxIgnoreFileBytes);
  if (text === null) return list;
  const patterns = text.split("\n").map((line) => rebase(line.replace(/\r$/, ""), folder));
  return newList().add(list).add(patterns);
}

/** Paths are case-sensitive in git on every system unless core.ignoreCase says otherwise; the package's default differs. */
function newList(): Ignore {
  return ignore({ ignorecase: false });
}

/** The pattern of `folder`/.gitignore as one would write it in the topmost .gitignore. */
export function rebase(line: string, folder: string): string {
  if (folder === "" || line.trim() === "" || line.startsWith("#")) return line;
  const isNegated = line.startsWith("!");
  const body = isNegated ? line.slice(1) : line;
  const isAnchored = body.replace(/\/\s*$/, "").includes("/");
  const prefix = folder.replace(/[\\*?[\]!# ]/g, "\\$&");
  return `${isNegated ? "!" : ""}/${prefix}/${isAnchored ? body.replace(/^\//, "") : `**/${body}`}`;
}

async function enclosingRepository(root: string): Promise<string | null> {
  for (let folder = resolve(root); ; folder = dirname(folder)) {
    // A folder, or in a linked worktree and a submodule a file.
    if (await stat(join(folder, ".git")).catch(() => null)) return folder;
    if (dirname(folder) === folder) return null;
  }
}

/** "a/b" → "", "a": the folders whose .gitignore applies to a/b from above. */
function foldersAbove(path: string): string[] {
  if (path === "") return [];
  const segments = path.split("/");
  return segments.map((_, index) => segments.slice(0, index).join("/"));
}
