import { beforeEach, describe, expect, test } from "vitest";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf, timeOf } from "../support/rows.ts";

const { pool, empty, repositories } = await createTestRepositories();
const { projects, projectFiles } = repositories;

beforeEach(empty);

const numbers = ({ rows }: { rows: readonly { id: string }[] }) => rows.map(({ id }) => Number(id.slice(24)));

test("finds projects by id, in the order of the ids, with null where there is none", async () => {
  await insertRows(pool, { users: 2, projects: 3 });

  expect(await projects.findById(keyOf(3))).toEqual({
    id: keyOf(3),
    userId: keyOf(1),
    name: "project 3",
    description: null,
    githubUrl: "https://github.com/acme/eccbc87e4b5ce2fe28308fd9f2a7baf3",
    originalTechStack: { language: "JavaScript" },
    targetTechStack: null,
    status: "IMPORTED",
    version: 1,
    createdAt: timeOf(3),
    updatedAt: timeOf(3),
  });
  expect((await projects.findByIds([keyOf(2), keyOf(9), keyOf(1)])).map((row) => row?.name)).toEqual([
    "project 2",
    undefined,
    "project 1",
  ]);
  expect(await projects.findById(keyOf(9))).toBeNull();
});

test("lists by owner, by status, by both and in every order, and counts the same rows", async () => {
  await insertRows(pool, { users: 2, projects: 6 });
  await pool.query("UPDATE projects SET status = 'READY' WHERE id = ANY($1::uuid[])", [[keyOf(5), keyOf(2)]]);
  await pool.query("UPDATE projects SET description = 'x' WHERE id = $1", [keyOf(1)]);

  expect(numbers(await projects.findMany())).toEqual([6, 5, 4, 3, 2, 1]);
  expect(numbers(await projects.findByUser(keyOf(1)))).toEqual([5, 3, 1]);
  expect(numbers(await projects.findByStatus("READY"))).toEqual([5, 2]);
  expect(numbers(await projects.findMany({ userId: keyOf(1), status: "READY" }))).toEqual([5]);
  expect(numbers(await projects.findMany({}, { first: 2 }, { by: "createdAt", direction: "ASC" }))).toEqual([
    1, 2,
  ]);
  expect(numbers(await projects.findRecentlyUpdated({ first: 1 }))).toEqual([1]);
  expect(numbers(await projects.findMany({}, { first: 1 }, { by: "updatedAt", direction: "ASC" }))).toEqual([
    3,
  ]);
  expect(await projects.count()).toBe(6);
  expect(await projects.count({ userId: keyOf(2) })).toBe(3);
  expect(await projects.count({ status: "READY", userId: keyOf(1) })).toBe(1);
  expect(await projects.count({ status: "FAILED" })).toBe(0);
});

test("pages and totals of many owners and shapes are answered in the order of the requests", async () => {
  await insertRows(pool, { users: 3, projects: 9 });
  const list = (n: number) => projects.list({ userId: keyOf(n) });

  const answers = await projects.loadLists([
    { want: "total", list: list(3) },
    { want: "page", list: list(2), page: { first: 2 } },
    { want: "page", list: list(9), page: { first: 2 } },
    { want: "page", list: list(1), page: { last: 1 } },
    { want: "page", list: list(1), page: { first: -1 } },
    { want: "page", list: list(1), page: { first: 2 } },
    { want: "total", list: list(9) },
    { want: "total", list: projects.list() },
    { want: "page", list: list(2), page: { first: 2 } },
  ]);

  expect(
    answers.map((answer) => (typeof answer === "object" && "rows" in answer ? numbers(answer) : answer)),
  ).toEqual([
    3,
    [8, 5],
    [],
    [1],
    expect.objectContaining({ code: "VALIDATION_FAILED" }),
    [7, 4],
    0,
    9,
    [8, 5],
  ]);
});

describe("a search", () => {
  const names = [
    ["Alpha", "https://github.com/acme/one"],
    ["alphabet", "https://github.com/acme/two"],
    ["100% pure", "https://github.com/acme/three"],
    ["100 pure", "https://github.com/acme/four"],
    ["snake_case", "https://github.com/acme/five"],
    ["snakeXcase", "https://github.com/acme/six"],
    ["back\\slash", "https://github.com/acme/seven"],
    [`it's "quoted"`, "https://github.com/acme/eight"],
    ["Straße ÄÖÜ", "https://github.com/acme/nine"],
    ["日本語のプロジェクト", "https://github.com/acme/ten"],
    ["crab 🦀🦀🦀", "https://github.com/ACME/Eleven"],
    ["what? $1", "https://example.org/?a=$2"],
  ] as const;

  test.each([
    ["ALPHA", ["Alpha", "alphabet"]],
    ["phab", ["alphabet"]],
    ["acme/one", ["Alpha"]],
    ["/ELEVEN", ["crab 🦀🦀🦀"]],
    ["100%", ["100% pure"]],
    ["100", ["100 pure", "100% pure"]],
    ["e_c", ["snake_case"]],
    ["ke_ca", ["snake_case"]],
    ["k\\s", ["back\\slash"]],
    ["ck\\slash", ["back\\slash"]],
    ["it's", [`it's "quoted"`]],
    [`"quoted"`, [`it's "quoted"`]],
    ["straße äöü", ["Straße ÄÖÜ"]],
    ["本語の", ["日本語のプロジェクト"]],
    ["🦀🦀🦀", ["crab 🦀🦀🦀"]],
    ["t? $1", ["what? $1"]],
    ["?a=$2", ["what? $1"]],
    ["%%%", []],
    ["___", []],
    ["'; DROP TABLE projects; --", []],
    // Texts of one or two characters match only the beginnings of names.
    ["a", ["Alpha", "alphabet"]],
    ["SN", ["snakeXcase", "snake_case"]],
    ["ha", []],
    ["%", []],
    ["_", []],
    ["\\", []],
    ["it", [`it's "quoted"`]],
    ["日本", ["日本語のプロジェクト"]],
    ["🦀", []],
  ])("for %j finds exactly the matching projects", async (text, found) => {
    const userId = keyOf(1);
    await insertRows(pool, { users: 1 });
    await projects.createMany(names.map(([name, githubUrl]) => ({ userId, name, githubUrl })));

    const { rows } = await projects.search(text);
    expect(rows.map(({ name }) => name).sort()).toEqual(found);
    expect(await projects.count({ search: text })).toBe(found.length);
  });

  test("returns the most recently changed project first", async () => {
    await insertRows(pool, { users: 1, projects: 3 });
    await projects.update(keyOf(1), { description: "changed" });

    expect(numbers(await projects.search("project"))).toEqual([1, 3, 2]);
  });
});

test("statistics of owners, of all projects, and of an unknown owner are one answer each, in order", async () => {
  await insertRows(pool, { users: 3, projects: 5 });
  await pool.query("UPDATE projects SET status = 'FAILED' WHERE id = $1", [keyOf(1)]);

  expect(await projects.statisticsByUsers([keyOf(2), null, keyOf(1), keyOf(9), keyOf(1)])).toEqual([
    { total: 2, byStatus: [{ status: "IMPORTED", count: 2 }] },
    {
      total: 5,
      byStatus: [
        { status: "IMPORTED", count: 4 },
        { status: "FAILED", count: 1 },
      ],
    },
    {
      total: 2,
      byStatus: [
        { status: "IMPORTED", count: 1 },
        { status: "FAILED", count: 1 },
      ],
    },
    { total: 0, byStatus: [] },
    {
      total: 2,
      byStatus: [
        { status: "IMPORTED", count: 1 },
        { status: "FAILED", count: 1 },
      ],
    },
  ]);
  expect(await projects.statistics(keyOf(3))).toEqual({
    total: 1,
    byStatus: [{ status: "IMPORTED", count: 1 }],
  });
  expect((await projects.statistics()).total).toBe(5);
});

test("a new project has the given values, and defaults for the others", async () => {
  await insertRows(pool, { users: 1 });

  const created = await projects.create({ userId: keyOf(1), name: "n", githubUrl: "https://x/y" });
  expect(created).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{14}7/),
    userId: keyOf(1),
    name: "n",
    description: null,
    githubUrl: "https://x/y",
    originalTechStack: {},
    targetTechStack: null,
    status: "IMPORTED",
    version: 1,
    createdAt: expect.any(Date),
    updatedAt: created.createdAt,
  });
  expect(await projects.findById(created.id)).toEqual(created);
  await expect(
    projects.create({ userId: keyOf(9), name: "n", githubUrl: "https://x/y" }),
  ).rejects.toMatchObject({
    code: "CONFLICT",
  });
});

test("many projects are created in the given order, sparse and full rows mixed; with one bad owner, none is", async () => {
  await insertRows(pool, { users: 1 });
  const userId = keyOf(1);
  const given = Array.from({ length: 500 }, (_, n) => ({
    userId,
    name: `p${n}`,
    githubUrl: `https://x/${n}`,
    ...(n % 2 && { description: `d${n}`, originalTechStack: { language: "Go" } }),
    ...(n % 3 === 0 && { targetTechStack: { language: "Rust" } }),
    ...(n % 3 === 1 && { targetTechStack: null }),
  }));

  const created = await projects.createMany(given);
  expect(
    created.map(({ name, description, originalTechStack, targetTechStack }) => [
      name,
      description,
      originalTechStack,
      targetTechStack,
    ]),
  ).toEqual(
    given.map(({ name, description, originalTechStack, targetTechStack }) => [
      name,
      description ?? null,
      originalTechStack ?? {},
      targetTechStack ?? null,
    ]),
  );
  expect(await projects.findByIds(created.map(({ id }) => id))).toEqual(created);

  await expect(
    projects.createMany([...given, { userId: keyOf(9), name: "bad", githubUrl: "https://x" }]),
  ).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await projects.count()).toBe(500);
});

describe("an update", () => {
  beforeEach(() => insertRows(pool, { users: 1, projects: 1 }));

  test("changes the given fields, clears those that are null, and raises the version", async () => {
    const before = (await projects.update(keyOf(1), {
      description: "d",
      targetTechStack: { language: "Rust" },
    }))!;
    expect(before).toMatchObject({ version: 2, description: "d", targetTechStack: { language: "Rust" } });

    const after = await projects.update(keyOf(1), { name: "new", description: null, targetTechStack: null });
    expect(after).toEqual({
      ...before,
      name: "new",
      description: null,
      targetTechStack: null,
      version: 3,
      updatedAt: expect.any(Date),
    });
    // SQL's NULL, not the JSON value `null`.
    const { rows } = await pool.query("SELECT target_tech_stack IS NULL AS is_null FROM projects");
    expect(rows).toEqual([{ is_null: true }]);
  });

  test("with an expected version is made once; then it is a VERSION_CONFLICT that names both versions", async () => {
    expect(await projects.update(keyOf(1), { name: "a" }, 1)).toMatchObject({ version: 2 });

    await expect(projects.update(keyOf(1), { name: "b" }, 1)).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
      details: { type: "Project", id: keyOf(1), expectedVersion: 1, currentVersion: 2 },
    });
    expect(await projects.findById(keyOf(1))).toMatchObject({ name: "a", version: 2 });
  });

  test("made by 10 callers at once on one version succeeds for exactly one", async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => projects.update(keyOf(1), { name: `n${n}` }, 1)),
    );

    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "VERSION_CONFLICT" });
    }
    expect(await projects.findById(keyOf(1))).toMatchObject({ version: 2 });
  });

  test("of a project that does not exist is NOT_FOUND, with or without a version", async () => {
    await expect(projects.update(keyOf(9), { name: "a" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(projects.update(keyOf(9), { name: "a" }, 1)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

test("a delete also deletes files and jobs, and happens only at the expected version", async () => {
  await insertRows(pool, { users: 1, projects: 2, jobs: 4 });
  const files = [{ path: "a", sizeBytes: 1, language: null }];
  await projectFiles.add(keyOf(1), files, true);
  await projectFiles.add(keyOf(2), files, true);

  await expect(projects.delete(keyOf(1), 1)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  await projects.delete(keyOf(1), 2);
  await expect(projects.delete(keyOf(1))).rejects.toMatchObject({ code: "NOT_FOUND" });

  expect(numbers(await projects.findMany())).toEqual([2]);
  expect(numbers(await repositories.conversionJobs.findMany())).toEqual([4, 2]);
  expect(await projectFiles.count(keyOf(1))).toBe(0);
  expect(await projectFiles.count(keyOf(2))).toBe(1);
});

test("values that break a rule of the database are VALIDATION_FAILED", async () => {
  await insertRows(pool, { users: 1 });

  await expect(projects.create({ userId: keyOf(1), name: "", githubUrl: "https://x" })).rejects.toMatchObject(
    { code: "VALIDATION_FAILED" },
  );
});
