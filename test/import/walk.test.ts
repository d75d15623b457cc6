import { execFileSync } from "node:child_process";
import { mkdtempSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultLimits, type Limits } from "../../src/import/limits.ts";
import { createSkippedList } from "../../src/import/skipped.ts";
import { walk } from "../../src/import/walk.ts";
import { temporaryFolder, writeTree } from "./support/tree.ts";

const scratch = temporaryFolder();
const tree = (files: Readonly<Record<string, string | Uint8Array>>) =>
  writeTree(mkdtempSync(join(scratch, "tree-")), files);

async function scan(root: string, limits: Partial<Limits> = {}) {
  const all = { ...defaultLimits, ...limits };
  const skipped = createSkippedList(all.maxSkipped);
  const { files, totalBytes } = await walk(root, { limits: all, skipped });
  const result = skipped.result();
  return { files, totalBytes, paths: files.map(({ path }) => path), ...result, reasons: result.skipped };
}

test("files are listed in the order of their paths' bytes, with their sizes", async () => {
  const root = tree({ "b.txt": "123", "a/z.txt": "", "B.txt": "12345", "a.txt": "1", "é.txt": "12" });
  const { files, totalBytes } = await scan(root);
  expect(files.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
    ["B.txt", 5],
    ["a.txt", 1],
    ["a/z.txt", 0],
    ["b.txt", 3],
    ["é.txt", 2],
  ]);
  expect(totalBytes).toBe(11);
});

test("binary files are listed, and reported as skipped", async () => {
  const root = tree({
    "image.png": Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2]),
    "paper.pdf": "%PDF-1.7\n",
    "wide.txt": Buffer.from("\uFEFFwide", "utf16le"),
    "latin1.txt": Buffer.from("caf\u00e9", "latin1"),
    "late.bin": Buffer.concat([Buffer.alloc(9_000, 65), Buffer.from([0])]),
    "controls.bin": Buffer.from([1, 2, 3, 4, 65, 66]),
    empty: "",
  });
  const { files, reasons, skippedTotals } = await scan(root);
  expect(files.filter((file) => file.isBinary).map(({ path }) => path)).toEqual([
    "controls.bin",
    "image.png",
    "paper.pdf",
  ]);
  expect(files.length).toBe(7);
  expect(reasons.map(({ reason }) => reason)).toEqual(["binary", "binary", "binary"]);
  expect(skippedTotals.binary).toBe(3);
});

test("vendored folders are left out by name; those with an ambiguous name only with a typical file", async () => {
  const root = tree({
    "node_modules/x/index.js": "",
    "app/node_modules/x/index.js": "",
    "py/venv/pyvenv.cfg": "",
    "venv/notes.txt": "",
    "crate/Cargo.toml": "",
    "crate/target/debug/x": "",
    "target/aim.txt": "",
    "go/vendor/modules.txt": "",
    "shop/vendor/vendor.rb": "",
    "dist/index.js": "",
  });
  const { paths, reasons } = await scan(root);
  expect(paths).toEqual([
    "crate/Cargo.toml",
    "dist/index.js",
    "shop/vendor/vendor.rb",
    "target/aim.txt",
    "venv/notes.txt",
  ]);
  expect(reasons.map(({ path }) => path)).toEqual([
    "app/node_modules/",
    "crate/target/",
    "go/vendor/",
    "node_modules/",
    "py/venv/",
  ]);
});

test("links are never followed, whether they lead out of the tree, into it, or in a circle", async () => {
  const outside = tree({ "secret.txt": "secret" });
  const root = tree({ "real/file.txt": "x" });
  symlinkSync(outside, join(root, "out"));
  symlinkSync(join(outside, "secret.txt"), join(root, "out.txt"));
  symlinkSync("../../nothing", join(root, "real", "dead-out"));
  symlinkSync("real/file.txt", join(root, "in.txt"));
  symlinkSync("..", join(root, "real", "circle"));
  symlinkSync("loop", join(root, "loop"));
  symlinkSync("gone", join(root, "dead"));
  const { paths, reasons } = await scan(root);
  expect(paths).toEqual(["real/file.txt"]);
  expect(reasons).toEqual([
    { path: "dead", reason: "unreadable" },
    { path: "in.txt", reason: "symlink-inside" },
    { path: "loop", reason: "unreadable" },
    { path: "out", reason: "symlink-outside" },
    { path: "out.txt", reason: "symlink-outside" },
    { path: "real/circle", reason: "symlink-inside" },
    { path: "real/dead-out", reason: "symlink-outside" },
  ]);
});

test("a pipe does not block the scan", async () => {
  const root = tree({ "a.txt": "" });
  execFileSync("mkfifo", [join(root, "pipe")]);
  const { paths, reasons } = await scan(root);
  expect(paths).toEqual(["a.txt"]);
  expect(reasons).toEqual([{ path: "pipe", reason: "unreadable" }]);
});

test("a name that is not UTF-8 is counted as unreadable and does not fail the scan", async () => {
  const root = tree({ "a.txt": "" });
  execFileSync("sh", ["-c", `: > "$1/$(printf 'b\\377')"`, "sh", root]);
  const { paths, skippedTotals } = await scan(root);
  expect(paths).toEqual(["a.txt"]);
  expect(skippedTotals.unreadable).toBe(1);
});

test("files that are too large, too deep or have too long a path are skipped", async () => {
  const root = tree({
    "big.txt": "x".repeat(11),
    "ok.txt": "x".repeat(10),
    "a/b/c.txt": "",
    "a/long-name.txt": "",
  });
  const { paths, reasons } = await scan(root, { maxFileBytes: 10, maxDepth: 1, maxPathLength: 10 });
  expect(paths).toEqual(["ok.txt"]);
  expect(reasons).toEqual([
    { path: "a/b/", reason: "limit" },
    { path: "a/long-name.txt", reason: "limit" },
    { path: "big.txt", reason: "too-large" },
  ]);
});

test("files whose path has too many bytes are skipped, however few characters these are", async () => {
  const { paths, reasons } = await scan(tree({ 大きさ: "", abcdefgh: "" }), { maxPathBytes: 8 });
  expect(paths).toEqual(["abcdefgh"]);
  expect(reasons).toEqual([{ path: "大きさ", reason: "limit" }]);
});

test("too many files or bytes fail the scan, because half a list would look complete", async () => {
  const root = tree({ "a/1": "xx", "a/2": "xx", "b/3": "xx" });
  await expect(scan(root, { maxFiles: 2 })).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  await expect(scan(root, { maxTotalBytes: 5 })).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  expect((await scan(root, { maxFiles: 3, maxTotalBytes: 6 })).paths.length).toBe(3);
});

test("of the skipped files, the first by path are named, and all are counted", async () => {
  const names = Array.from({ length: 50 }, (_, index) => `f${String(index).padStart(2, "0")}`);
  const root = tree(Object.fromEntries(names.map((name) => [name, Buffer.from([0])])));
  const { reasons, skippedTotals } = await scan(root, { maxSkipped: 3 });
  expect(reasons.map(({ path }) => path)).toEqual(["f00", "f01", "f02"]);
  expect(skippedTotals.binary).toBe(50);
});
