import { beforeEach, expect, test } from "vitest";
import type { Page } from "../../src/repositories/page.ts";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";

const { pool, empty, repositories } = await createTestRepositories();
const { projects, projectFiles } = repositories;

beforeEach(async () => {
  await empty();
  await insertRows(pool, { users: 1, projects: 2 });
});

const file = (path: string, sizeBytes = 1, language: string | null = null) => ({ path, sizeBytes, language });

test("a project is ANALYZING until its last files have been added, then READY", async () => {
  expect(await projectFiles.add(keyOf(1), [file("a")], false)).toMatchObject({
    status: "ANALYZING",
    version: 2,
  });
  expect(await projectFiles.add(keyOf(1), [file("b")], true)).toMatchObject({ status: "READY", version: 3 });
  expect(await projectFiles.add(keyOf(1), [], true)).toMatchObject({ status: "READY", version: 4 });

  expect(await projectFiles.findMany(keyOf(1))).toEqual({
    rows: [
      { projectId: keyOf(1), ...file("a") },
      { projectId: keyOf(1), ...file("b") },
    ],
    hasNextPage: false,
    hasPreviousPage: false,
  });
  expect(await projectFiles.count(keyOf(2))).toBe(0);
});

test("a repeated file is overwritten, so an interrupted upload can be repeated", async () => {
  await projectFiles.add(keyOf(1), [file("a", 1), file("b", 2, "Go")], false);
  await projectFiles.add(keyOf(1), [file("b", 3), file("c", 9_007_199_254_740_991, "Rust")], true);

  expect((await projectFiles.findMany(keyOf(1))).rows).toEqual([
    { projectId: keyOf(1), ...file("a", 1) },
    { projectId: keyOf(1), ...file("b", 3) },
    { projectId: keyOf(1), ...file("c", 9_007_199_254_740_991, "Rust") },
  ]);
});

test("files of a project that does not exist are NOT_FOUND, and with one bad file none is stored", async () => {
  await expect(projectFiles.add(keyOf(9), [file("a")], true)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(projectFiles.add(keyOf(1), [file("a"), file("../b")], true)).rejects.toMatchObject({
    code: "VALIDATION_FAILED",
  });

  expect(await projectFiles.count(keyOf(1))).toBe(0);
  expect(await projects.findById(keyOf(1))).toMatchObject({ status: "IMPORTED", version: 1 });
});

test("only the files below a directory are listed, with or without slashes at its end", async () => {
  const paths = [
    "src.ts",
    "src/a.ts",
    "src/b/c.ts",
    "src/b0.ts",
    "src0/d.ts",
    "src-1/e.ts",
    "Src/f.ts",
    "s%/g.ts",
  ];
  await projectFiles.add(
    keyOf(1),
    paths.map((path) => file(path)),
    true,
  );
  const under = async (directory: string) => {
    const [page] = await projectFiles.loadLists([
      { want: "page", list: projectFiles.list(keyOf(1), directory), page: {} },
    ]);
    return (page as Page<{ path: string }>).rows.map(({ path }) => path);
  };

  expect(await under("src")).toEqual(["src/a.ts", "src/b/c.ts", "src/b0.ts"]);
  expect(await under("src///")).toEqual(["src/a.ts", "src/b/c.ts", "src/b0.ts"]);
  expect(await under("src/b")).toEqual(["src/b/c.ts"]);
  expect(await under("s%")).toEqual(["s%/g.ts"]);
  expect(await under("src/a.ts")).toEqual([]);
  expect(await under("")).toHaveLength(8);
  expect(await under("/")).toHaveLength(8);
});

test("a file's cursor leads on from it, whatever characters its path has, up to the longest", async () => {
  // JSON writes each of these characters as six bytes.
  const longest = "\u0001".repeat(1_024);
  await projectFiles.add(keyOf(1), [file(longest), file("b")], true);
  const list = projectFiles.list(keyOf(1));
  const [first] = (await projectFiles.findMany(keyOf(1), { first: 1 })).rows;
  expect(first).toMatchObject({ path: longest });

  const page = await projectFiles.findMany(keyOf(1), { after: projectFiles.cursorOf(list, first!) });

  expect(page.rows.map(({ path }) => path)).toEqual(["b"]);
});
