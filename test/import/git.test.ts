import { chmodSync, existsSync, mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { parseGitUrl } from "../../src/import/git.ts";
import { webUrl, withoutCredentials } from "../../src/import/remote.ts";
import { scanSource } from "../../src/import/scan.ts";
import { git, gitEnvironment, ownTemporaryFolder, temporaryFolder, writeTree } from "./support/tree.ts";

const scratch = temporaryFolder();

function repository(files: Readonly<Record<string, string>>): { root: string; url: string } {
  const root = mkdtempSync(join(scratch, "repository-"));
  git(root, "init", "--quiet");
  writeTree(root, files);
  git(root, "add", "--all", "--force");
  git(root, "commit", "--quiet", "--message=first");
  return { root, url: pathToFileURL(root).href };
}

const { leftovers } = ownTemporaryFolder();
const options = { env: gitEnvironment };

describe("a git URL", () => {
  test("is cloned at the newest commit of the named branch, and leaves no files behind", async () => {
    const { root, url } = repository({ "package.json": '{"name":"from-git"}', "index.js": "1" });
    git(root, "checkout", "--quiet", "-b", "feature/x");
    writeTree(root, { "extra.ts": "let x = 1;" });
    git(root, "add", ".");
    git(root, "commit", "--quiet", "--message=second");
    git(root, "checkout", "--quiet", "main");
    const phases = new Set<string>();
    const main = await scanSource(url, { ...options, onProgress: ({ phase }) => phases.add(phase) });
    expect(main.name).toBe("from-git");
    expect(main.githubUrl).toBe(null);
    expect(main.files.map(({ path }) => path)).toEqual(["index.js", "package.json"]);
    expect([...phases]).toEqual(["fetch", "scan", "detect"]);
    const feature = await scanSource(`${url}#feature/x`, options);
    expect(feature.files.map(({ path }) => path)).toEqual(["extra.ts", "index.js", "package.json"]);
    expect(leftovers()).toEqual([]);
  });

  test("runs no hook of the repository or of the machine, and no filter of git-lfs", async () => {
    const { root, url } = repository({ ".gitattributes": "* filter=lfs\n", "a.txt": "pointer" });
    const proof = join(scratch, "proof");
    const home = writeTree(mkdtempSync(join(scratch, "home-")), {
      "template/hooks/post-checkout": `#!/bin/sh\ntouch ${proof}\n`,
      "hooks/post-checkout": `#!/bin/sh\ntouch ${proof}\n`,
    });
    chmodSync(join(home, "template/hooks/post-checkout"), 0o755);
    chmodSync(join(home, "hooks/post-checkout"), 0o755);
    writeTree(home, {
      ".gitconfig": `[init]\n templateDir = ${home}/template\n[core]\n hooksPath = ${home}/hooks\n[filter "lfs"]\n smudge = touch ${proof}\n process = touch ${proof}\n required = true\n`,
    });
    writeTree(root, { ".git/hooks/post-checkout": `#!/bin/sh\ntouch ${proof}\n` });
    const { files } = await scanSource(url, { env: { ...gitEnvironment, HOME: home } });
    expect(files.map(({ path }) => path)).toEqual([".gitattributes", "a.txt"]);
    expect(existsSync(proof)).toBe(false);
  });

  test("of a repository that is too large is refused before a file is written", async () => {
    const { url } = repository({ a: "12345", b: "67890" });
    const limits = { maxTotalBytes: 9 };
    await expect(scanSource(url, { ...options, limits })).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    await expect(scanSource(url, { ...options, limits: { maxFiles: 1 } })).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
    expect(leftovers()).toEqual([]);
  });

  test("that does not exist, or has no such branch, is reported without its credentials", async () => {
    const { url } = repository({ a: "" });
    for (const [address, code] of [
      ["https://user:hunter2@127.0.0.1:1/x/y", "GIT_FAILED"],
      ["file://user:hunter2@localhost/x/y", "SOURCE_NOT_SUPPORTED"],
      ["http://user:hunter2@localhost/x/y", "SOURCE_NOT_SUPPORTED"],
    ] as const) {
      const error = await scanSource(address, options).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code });
      expect(inspect(error, { depth: 10 })).not.toMatch(/hunter2|user/);
    }
    await expect(scanSource(`${url}#nope`, options)).rejects.toThrow(/Remote branch nope not found/);
    await expect(scanSource(url, { env: { PATH: "/nonexistent" } })).rejects.toThrow(/git is not installed/);
    expect(leftovers()).toEqual([]);
  });

  test("of a server that never answers ends by the time limit or the signal, and leaves no files behind", async () => {
    // Accepts connections and never answers.
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const url = `https://token:s3cret@127.0.0.1:${typeof address === "object" ? address?.port : 0}/x/y.git`;
    await expect(scanSource(url, { ...options, limits: { gitTimeoutMs: 300 } })).rejects.toMatchObject({
      code: "GIT_TIMEOUT",
    });
    const controller = new AbortController();
    server.once("connection", () => controller.abort(new Error("enough")));
    const aborted = scanSource(url, { ...options, signal: controller.signal });
    await expect(aborted).rejects.toMatchObject({ code: "ABORTED", cause: new Error("enough") });
    expect(leftovers()).toEqual([]);
    server.close();
  });
});

describe("parseGitUrl", () => {
  test.each([
    ["https://github.com/a/b.git", { url: "https://github.com/a/b.git", branch: null }],
    ["https://github.com/a/b#main", { url: "https://github.com/a/b", branch: "main" }],
    ["git+https://github.com/a/b", { url: "https://github.com/a/b", branch: null }],
    ["git@github.com:a/b.git#v1.2", { url: "git@github.com:a/b.git", branch: "v1.2" }],
    ["ssh://git@host.example:22/a/b", { url: "ssh://git@host.example:22/a/b", branch: null }],
    ["./folder", null],
    ["name.tgz", null],
  ])("reads %j", (source, expected) => {
    expect(parseGitUrl(source)).toEqual(expected);
  });

  test.each([
    "--upload-pack=touch /tmp/x",
    "-x",
    "ext::sh -c touch% /tmp/x",
    "fd::17",
    "git://github.com/a/b",
    "http://github.com/a/b",
    "ftp://x/y",
    "ssh://-oProxyCommand=x/y",
    "ssh://%2doProxyCommand=x/y",
    "ssh://git@%zz/a/b",
    "https://github.com/a/b#--upload-pack=x",
    "https://github.com/a/b#-x",
    "https://github.com/a b",
    "https://github.com/a\nb",
  ])("refuses %j", (source) => {
    expect(() => parseGitUrl(source)).toThrow(expect.objectContaining({ code: "SOURCE_NOT_SUPPORTED" }));
  });
});

test.each([
  ["git@github.com:owner/repo.git", "https://github.com/owner/repo"],
  ["ssh://git@github.com:22/owner/repo.git", "https://github.com/owner/repo"],
  ["https://user:pass@github.com/owner/repo.git?x=1#y", "https://github.com/owner/repo"],
  ["git+ssh://git@github.com/owner/repo.git", "https://github.com/owner/repo"],
  ["git://github.com/owner/repo.git", "https://github.com/owner/repo"],
  ["owner/repo", "https://github.com/owner/repo"],
  ["gitlab:owner/repo", "https://gitlab.com/owner/repo"],
  ["https://github.com/owner/repo/tree/main/packages/x", "https://github.com/owner/repo"],
  ["https://git.example.com:8443/group/sub/repo", "https://git.example.com:8443/group/sub/repo"],
  ["/srv/git/repo.git", null],
  ["file:///srv/git/repo.git", null],
  ["https://localhost/owner/repo", null],
  ["javascript:alert(1)", null],
  ["", null],
])("webUrl(%j) is %j", (remote, expected) => {
  expect(webUrl(remote)).toBe(expected);
});

test("withoutCredentials removes user names, passwords and tokens", () => {
  expect(
    withoutCredentials(
      "fatal: https://u:p@ss@h.example/x and ssh://tok@h/y, https://h/z?private_token=abc&b=1",
    ),
  ).toBe("fatal: https://h.example/x and ssh://h/y, https://h/z?private_token=…&b=1");
});
