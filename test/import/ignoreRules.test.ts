import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { rebase } from "../../src/import/ignoreRules.ts";
import { defaultLimits } from "../../src/import/limits.ts";
import { createSkippedList } from "../../src/import/skipped.ts";
import { walk } from "../../src/import/walk.ts";
import { git, temporaryFolder, writeTree } from "./support/tree.ts";

const scratch = temporaryFolder();

async function walked(root: string): Promise<string[]> {
  const { files } = await walk(root, { limits: defaultLimits, skipped: createSkippedList(0) });
  return files.map(({ path }) => path);
}

function notIgnoredByGit(root: string): string[] {
  const paths = git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0").filter(Boolean);
  return paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function repository(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(scratch, "repository-"));
  git(root, "init", "--quiet");
  return writeTree(root, files);
}

test("a nested .gitignore can include a folder again that an outer one ignores", async () => {
  const root = repository({
    ".gitignore": "out\n*.log\n!keep.log\n/top\n",
    "sub/.gitignore": "!out\n/own\n",
    "sub/out/a.js": "",
    "out/b.js": "",
    "sub/own/c.js": "",
    "sub/deep/own/d.js": "",
    "top/e.js": "",
    "sub/top/f.js": "",
    "g.log": "",
    "sub/keep.log": "",
  });
  const expected = [
    ".gitignore",
    "sub/.gitignore",
    "sub/deep/own/d.js",
    "sub/keep.log",
    "sub/out/a.js",
    "sub/top/f.js",
  ];
  expect(await walked(root)).toEqual(expected);
  expect(notIgnoredByGit(root)).toEqual(expected);
});

test(".git/info/exclude counts, but a .gitignore overrides it", async () => {
  const root = repository({
    ".git/info/exclude": "*.tmp\nsecret\n",
    ".gitignore": "!b.tmp\n",
    "a.tmp": "",
    "b.tmp": "",
    secret: "",
  });
  expect(await walked(root)).toEqual([".gitignore", "b.tmp"]);
});

test("the scan of a folder inside a repository obeys ignore files above it, unless they ignore the folder itself", async () => {
  const root = repository({
    ".gitignore": "*.log\n/dist\n",
    "app/src/a.log": "",
    "app/src/a.js": "",
    "dist/b.log": "",
  });
  expect(await walked(join(root, "app/src"))).toEqual(["a.js"]);
  expect(await walked(join(root, "dist"))).toEqual(["b.log"]);
});

test("characters of folder names that have a meaning in patterns are taken literally", async () => {
  const root = repository({ "[a]*/.gitignore": "x\n", "[a]*/x": "", "[a]*/y": "", "ab/x": "" });
  expect(await walked(root)).toEqual(["[a]*/.gitignore", "[a]*/y", "ab/x"]);
});

test.each([
  ["x", "/sub/**/x"],
  ["x/", "/sub/**/x/"],
  ["/x", "/sub/x"],
  ["a/x", "/sub/a/x"],
  ["!x", "!/sub/**/x"],
  ["# note", "# note"],
  ["", ""],
])("%j in sub/.gitignore is %j at the top", (line, expected) => {
  expect(rebase(line, "sub")).toBe(expected);
});

test("arbitrary ignore files leave out the files that git leaves out", async () => {
  const line = fc
    .tuple(
      fc.constantFrom("", "!"),
      fc.constantFrom("", "/", "**/", "d/"),
      fc.constantFrom("d", "e", "de", "f", "g.h", "*", "d*", "?", "[df]", "*e"),
      fc.constantFrom("", "/", "/*", "/**", "/e"),
    )
    .map((parts) => parts.join(""));
  const ignoreFile = fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => `${lines.join("\n")}\n`);
  // No file has the name of a folder.
  const folder = fc
    .array(fc.constantFrom("d", "e", "de"), { maxLength: 2 })
    .map((parts) => parts.map((part) => `${part}/`).join(""));
  const paths = fc.array(fc.tuple(folder, fc.constantFrom("f", "g", "g.h")), { minLength: 3, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(folder, ignoreFile), { maxLength: 3 }),
      paths,
      async (ignores, files) => {
        const contents: Record<string, string> = {};
        for (const [where, name] of files) contents[`${where}${name}`] = "";
        for (const [where, text] of ignores) contents[`${where}.gitignore`] = text;
        const root = repository(contents);
        expect(await walked(root)).toEqual(notIgnoredByGit(root));
      },
    ),
    { numRuns: 100, seed: 1 },
  );
});
