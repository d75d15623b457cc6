import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";

/** A folder that is gone after the test file. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "import-test-")));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Lets everything in this test file make its temporary folders in one of its own, so that what is
 * left behind can be told from what other tests are using.
 */
export function ownTemporaryFolder(): { leftovers: () => string[] } {
  const folder = temporaryFolder();
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  afterAll(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
  return { leftovers: () => readdirSync(folder) };
}

/** Writes files; their folders come with them. */
export function writeTree(root: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

/** git, with a name and an address to commit under and nothing of the machine's configuration. */
export const gitEnvironment = {
  PATH: process.env.PATH,
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Test",
  GIT_AUTHOR_EMAIL: "test@example.com",
  GIT_COMMITTER_NAME: "Test",
  GIT_COMMITTER_EMAIL: "test@example.com",
};

export function git(folder: string, ...args: string[]): string {
  return execFileSync("git", ["-c", "init.defaultBranch=main", "-C", folder, ...args], {
    env: gitEnvironment,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
}

/** Everything below a folder, plain files and all else. */
export async function listing(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}
