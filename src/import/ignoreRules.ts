import { stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import ignore, { type Ignore } from "ignore";
import { readText } from "./file.ts";

/**
 * Which paths the project itself leaves out, by the .gitignore files at every level, .git/info/exclude, and,
 * for a folder inside a repository, the .gitignore files above it. The user's own core.excludesFile is not
 * read, so that the same tree gives the same result on every machine.
 *
 * All rules in force for a folder form one ordered list, as in git. With one list per file, asked in turn,
 * `!build` in a nested file could not bring back a folder that an outer file ignores.
 * A nested file's patterns are therefore rewritten to begin at the repository's root.
 */
export interface IgnoreRules {
  /**
   * `path` is relative to the scanned root. Its parents are matched against the rules too, without reading
   * the disk.
   */
  readonly isIgnored: (path: string, isDirectory: boolean) => boolean;
  /** These rules and those of `folder`'s own .gitignore, if it has one. */
  readonly enter: (folder: string) => Promise<IgnoreRules>;
}

/** A larger file is not read: no real .gitignore is that large. */
const maxIgnoreFileBytes = 1_048_576;

/** The rules in force at the root, without those of its own .gitignore, which `enter("")` adds. */
export async function rootIgnoreRules(root: string): Promise<IgnoreRules> {
  const repository = await enclosingRepository(root);
  const base = repository === null ? "" : relative(repository, root).replaceAll("\\", "/");
  const above = repository === null ? [] : foldersAbove(base);
  let list = newList();
  if (repository !== null) {
    // First, because it has the lowest precedence.
    list.add((await readText(join(repository, ".git", "info", "exclude"), maxIgnoreFileBytes)) ?? "");
    for (const folder of above) list = await withFile(list, repository, folder);
    // A user who names an ignored folder (dist/, a checkout in a scratch folder) wants it scanned.
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

/**
 * git matches paths case-sensitively on every system, unless core.ignoreCase is set. The package's default
 * differs.
 */
function newList(): Ignore {
  return ignore({ ignorecase: false });
}

/** Rewrites a line of `folder`/.gitignore as it would be written in the topmost .gitignore. */
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
    // .git is a folder; in a linked worktree or a submodule it is a file.
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
