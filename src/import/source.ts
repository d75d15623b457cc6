import { mkdtemp, readdir, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { extractArchive } from "./archive.ts";
import { ImportError, throwIfAborted } from "./error.ts";
import { readText } from "./file.ts";
import { clone, type GitOptions, type GitSource, parseGitUrl } from "./git.ts";
import { webUrl, withoutCredentials } from "./remote.ts";

/** A source as a folder to walk. */
export interface OpenSource {
  readonly root: string;
  /** The project's name if no manifest gives one: that of the folder, archive or repository. */
  readonly name: string;
  /** https form, or null. */
  readonly remoteUrl: string | null;
  /** The links of an archive, relative to `root`. Those of a folder are found by walking it. */
  readonly links: readonly string[];
}

/**
 * Turns a folder, an archive or a git URL into a folder, and hands it to `use`. Unpacked or cloned files are
 * removed before this settles, whether `use` succeeds, fails or is aborted.
 * @throws ImportError with any of its codes.
 */
export async function withSource<Result>(
  source: string,
  options: GitOptions,
  use: (opened: OpenSource) => Promise<Result>,
): Promise<Result> {
  throwIfAborted(options.signal);
  const path = resolve(source);
  // Paths are tried before URLs: a folder called "git@host:x" is a folder.
  const stats = source === "" || source.includes("\0") ? null : await stat(path).catch(() => null);
  if (stats?.isDirectory()) {
    const root = await realpath(path);
    return use({ root, name: basename(root), remoteUrl: await originOf(root), links: [] });
  }
  if (stats?.isFile()) {
    return withTemporaryFolder(async (folder) => {
      const { links } = await extractArchive(path, folder, options);
      return use(await insideSingleFolder(folder, nameOfArchive(path), links));
    });
  }
  const git = stats === null ? parseGitUrl(source) : null;
  if (git === null) {
    throw new ImportError(
      "SOURCE_NOT_FOUND",
      `"${withoutCredentials(source)}" is not there, or no folder, archive (.tar, .tar.gz, .tgz, .zip) or git URL. Check the spelling.`,
    );
  }
  return withTemporaryFolder(async (folder) => {
    await clone(git, folder, options);
    return use({ root: folder, name: nameOfRepository(git), remoteUrl: webUrl(git.url), links: [] });
  });
}

async function withTemporaryFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  // Mode 0700, so nobody else can put links into it.
  const folder = await realpath(await mkdtemp(join(tmpdir(), "stack-converter-import-")));
  try {
    return await use(folder);
  } finally {
    // Retries: on Windows a virus scanner may hold a file for a moment.
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/**
 * npm packs into "package/", GitHub into "name-commit/": if an archive holds one folder alone, that is the
 * root.
 */
async function insideSingleFolder(
  folder: string,
  name: string,
  links: readonly string[],
): Promise<OpenSource> {
  const [only, ...others] = await readdir(folder, { withFileTypes: true });
  if (!only?.isDirectory() || others.length > 0 || links.some((link) => !link.startsWith(`${only.name}/`))) {
    return { root: folder, name, remoteUrl: null, links };
  }
  const inner = links.map((link) => link.slice(only.name.length + 1));
  return { root: join(folder, only.name), name, remoteUrl: null, links: inner };
}

function nameOfArchive(path: string): string {
  return basename(path).replace(/\.(tar(\.gz)?|tgz|zip)$/i, "");
}

function nameOfRepository(git: GitSource): string {
  const last = git.url.replace(/\/+$/, "").split(/[/:]/).at(-1) ?? "";
  return last.replace(/\.git$/, "") || "repository";
}

/**
 * The remote "origin", read from the repository's configuration as text: `git config` would need git, and git
 * would run programs that a foreign configuration names.
 */
async function originOf(root: string): Promise<string | null> {
  const text = (await readText(join(root, ".git", "config"), 262_144)) ?? (await configOfWorktree(root));
  let inOrigin = false;
  for (const line of text?.split("\n") ?? []) {
    if (/^\s*\[/.test(line)) inOrigin = /^\s*\[\s*remote\s+"origin"\s*\]/i.test(line);
    const url = inOrigin ? /^\s*url\s*=\s*(\S+)/i.exec(line)?.[1] : undefined;
    if (url) return webUrl(url);
  }
  return null;
}

/** In a linked worktree or a submodule ".git" is a file that names git's folder. */
async function configOfWorktree(root: string): Promise<string | null> {
  const pointer = await readText(join(root, ".git"), 4_096);
  const folder = pointer === null ? undefined : /^gitdir:\s*(.+)$/m.exec(pointer)?.[1];
  if (folder === undefined) return null;
  const gitFolder = resolve(root, folder.trim());
  const common = (await readText(join(gitFolder, "commondir"), 4_096))?.trim() ?? ".";
  return readText(join(resolve(gitFolder, common), "config"), 262_144);
}
