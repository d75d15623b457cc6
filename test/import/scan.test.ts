import { mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { Progress } from "../../src/import/progress.ts";
import { scanSource } from "../../src/import/scan.ts";
import { tarOf } from "./support/tar.ts";
import { git, ownTemporaryFolder, temporaryFolder, writeTree } from "./support/tree.ts";
import { zipOf } from "./support/zip.ts";

const scratch = temporaryFolder();
const { leftovers } = ownTemporaryFolder();
const tree = (files: Readonly<Record<string, string>>) =>
  writeTree(mkdtempSync(join(scratch, "tree-")), files);

const manifest = JSON.stringify({
  name: "@acme/shop",
  description: "Sells\n things.\u0007",
  repository: { type: "git", url: "git+https://user:token@github.com/acme/shop.git" },
  dependencies: { express: "4" },
});
const contents = { "package.json": manifest, "src/index.ts": "export {};\n", "logo.png": "\0\u0001" };
const expected = {
  name: "@acme/shop",
  description: "Sells things.",
  githubUrl: "https://github.com/acme/shop",
  techStack: {
    language: "TypeScript",
    framework: "Express",
    runtime: "Node.js",
    packageManager: "npm",
    additional: [],
  },
  files: [
    { path: "logo.png", sizeBytes: 2, language: null },
    { path: "package.json", sizeBytes: Buffer.byteLength(manifest), language: "JSON" },
    { path: "src/index.ts", sizeBytes: 11, language: "TypeScript" },
  ],
  totalBytes: Buffer.byteLength(manifest) + 13,
  skipped: [{ path: "logo.png", reason: "binary" }],
  skippedTotals: {
    ignored: 0,
    binary: 1,
    "too-large": 0,
    "symlink-outside": 0,
    "symlink-inside": 0,
    unreadable: 0,
    limit: 0,
  },
  warnings: [],
};

test("a folder, a tarball and a zip of the same files give the same description", async () => {
  const entries = Object.entries(contents).map(([name, content]) => ({ name: `package/${name}`, content }));
  writeFileSync(join(scratch, "shop.tar"), tarOf(entries));
  writeFileSync(join(scratch, "shop.tgz"), gzipSync(tarOf(entries)));
  writeFileSync(join(scratch, "shop.zip"), zipOf(entries));
  expect(await scanSource(tree(contents))).toEqual(expected);
  for (const name of ["shop.tar", "shop.tgz", "shop.zip"]) {
    expect(await scanSource(join(scratch, name))).toEqual(expected);
  }
  expect(leftovers()).toEqual([]);
});

test("without metadata the project has the name of the folder or the archive", async () => {
  const root = writeTree(join(scratch, "plain-name"), { "a.txt": "" });
  expect((await scanSource(root)).name).toBe("plain-name");
  writeFileSync(join(scratch, "other-1.2.tar.gz"), gzipSync(tarOf([{ name: "a.txt" }, { name: "b.txt" }])));
  expect((await scanSource(join(scratch, "other-1.2.tar.gz"))).name).toBe("other-1.2");
});

test("the git remote takes precedence over the metadata, in a linked worktree too", async () => {
  const root = tree(contents);
  git(root, "init", "--quiet");
  git(root, "remote", "add", "origin", "https://me:secret@gitlab.com/acme/fork.git");
  git(root, "add", ".");
  git(root, "commit", "--quiet", "--message=first");
  const worktree = join(mkdtempSync(join(scratch, "worktree-")), "tree");
  git(root, "worktree", "add", "--quiet", worktree);
  expect((await scanSource(root)).githubUrl).toBe("https://gitlab.com/acme/fork");
  const scanned = await scanSource(worktree);
  expect(scanned.githubUrl).toBe("https://gitlab.com/acme/fork");
  expect(scanned.skipped.map(({ path }) => path)).toEqual([".git", "logo.png"]);
});

test("progress goes through the phases in order, ends each with its total, and never goes back", async () => {
  const many = Array.from({ length: 250 }, (_, index) => ({ name: `f/${index}.js`, content: "1" }));
  writeFileSync(join(scratch, "many.tgz"), gzipSync(tarOf(many)));
  const seen: Progress[] = [];
  await scanSource(join(scratch, "many.tgz"), { onProgress: (progress) => seen.push(progress) });
  const order = ["extract", "scan", "detect"];
  const places = seen.map(({ phase }) => order.indexOf(phase));
  expect(places).toEqual([...places].sort());
  for (const phase of order) {
    const steps = seen.filter((progress) => progress.phase === phase);
    expect(steps.map(({ done }) => done)).toEqual(steps.map(({ done }) => done).sort((a, b) => a - b));
    expect(steps.at(-1)?.done).toBe(steps.at(-1)?.total);
  }
  expect(seen.filter(({ phase }) => phase === "scan").map(({ done }) => done)).toEqual([100, 200, 250]);
});

test("an abort in any phase is reported as such and leaves no files behind", async () => {
  const many = Array.from({ length: 500 }, (_, index) => ({
    name: `f/${index}/package.json`,
    content: "{}",
  }));
  const big = { name: "f/big", content: Buffer.alloc(3_000_000, "ab") };
  writeFileSync(join(scratch, "abort.tar"), tarOf([big, ...many]));
  for (const phase of ["extract", "scan", "detect"]) {
    const controller = new AbortController();
    const scanning = scanSource(join(scratch, "abort.tar"), {
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.phase === phase) controller.abort();
      },
    });
    await expect(scanning).rejects.toMatchObject({ code: "ABORTED" });
    expect(leftovers()).toEqual([]);
  }
  await expect(scanSource(scratch, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "ABORTED",
  });
});

test("a refused archive leaves no files behind", async () => {
  writeFileSync(join(scratch, "evil.tgz"), gzipSync(tarOf([{ name: "ok" }, { name: "../evil" }])));
  await expect(scanSource(join(scratch, "evil.tgz"))).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
  expect(leftovers()).toEqual([]);
});

test.each([
  ["/nowhere/at/all", "SOURCE_NOT_FOUND"],
  ["", "SOURCE_NOT_FOUND"],
  ["a\0b", "SOURCE_NOT_FOUND"],
  ["/dev/null", "SOURCE_NOT_FOUND"],
  ["--upload-pack=x", "SOURCE_NOT_SUPPORTED"],
  ["ext::sh -c x", "SOURCE_NOT_SUPPORTED"],
  ["package.json", "SOURCE_NOT_SUPPORTED"],
])("the source %j is refused with %s", async (source, code) => {
  await expect(scanSource(source)).rejects.toMatchObject({ name: "ImportError", code });
});

test("a malformed manifest and a link that leads out cause warnings", async () => {
  const root = tree({ "package.json": "{", "a.js": "1" });
  symlinkSync("/etc", join(root, "etc"));
  const { warnings, name } = await scanSource(root);
  expect(warnings).toEqual([
    "package.json cannot be parsed, and was left out of the stack.",
    "1 links lead out of the project and were not followed.",
  ]);
  expect(name).toMatch(/^tree-/);
});

test("a folder is scanned even if its name looks like a git URL", async () => {
  const root = writeTree(join(scratch, "git@host:x"), { "a.txt": "" });
  expect((await scanSource(root)).files.map(({ path }) => path)).toEqual(["a.txt"]);
});

test("5,000 files in many folders are listed once each, in the same order every time", async () => {
  const files: Record<string, string> = {};
  for (let index = 0; index < 5_000; index += 1) files[`d${index % 50}/e${index % 7}/f${index}.ts`] = "1";
  const root = tree(files);
  const first = await scanSource(root);
  const paths = Object.keys(files).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(first.files.map(({ path }) => path)).toEqual(paths);
  expect(await scanSource(root)).toEqual(first);
});
