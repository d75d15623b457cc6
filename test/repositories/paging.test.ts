import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { AppError } from "../../src/errors.ts";
import { encodeCursor } from "../../src/repositories/cursor.ts";
import type { List, Page } from "../../src/repositories/page.ts";
import type { ProjectRow } from "../../src/repositories/project.ts";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";

const { pool, empty, repositories } = await createTestRepositories();
const { users, projects, projectFiles, conversionJobs } = repositories;

beforeEach(empty);

type Direction = "forward" | "backward";

/** Returns the ids on all pages, in the list's order. Calls `between` after each page but the last. */
async function walk(
  direction: Direction,
  sizeOf: () => number,
  between: () => Promise<unknown> = async () => {},
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  for (;;) {
    const size = sizeOf();
    const page: Page<ProjectRow> = await projects.findMany(
      {},
      direction === "forward" ? { first: size, after: cursor } : { last: size, before: cursor },
    );
    const pageIds = page.rows.map(({ id }) => id);
    if (direction === "forward") ids.push(...pageIds);
    else ids.unshift(...pageIds);
    const isOver = direction === "forward" ? !page.hasNextPage : !page.hasPreviousPage;
    if (isOver || page.rows.length === 0) return ids;
    const edge = direction === "forward" ? page.rows.at(-1)! : page.rows[0]!;
    cursor = projects.cursorOf(projects.list(), edge);
    await between();
  }
}

const sameTime = () => pool.query("UPDATE projects SET created_at = '2026-02-01'");
const keys = (from: number, to: number) =>
  Array.from({ length: from - to + 1 }, (_, index) => keyOf(from - index));

describe.each(["forward", "backward"] as const)("a walk %s", (direction) => {
  test("sees every row once when all sort keys are equal", async () => {
    await insertRows(pool, { users: 1, projects: 47 });
    await sameTime();

    for (const size of [1, 2, 7, 46, 47, 48, 100]) {
      expect(await walk(direction, () => size)).toEqual(keys(47, 1));
    }
  });

  test("sees every row that stays exactly once while other rows come and go, even the cursor's own row", async () => {
    await insertRows(pool, { users: 1, projects: 1_000 });
    // A third of the rows share their time with others, ten rows to each time.
    await pool.query(
      `UPDATE projects SET created_at = date_trunc('minute', created_at) WHERE right(id::text, 1) IN ('0', '1', '2')`,
    );
    // A fixed seed, for the same walk in every run.
    let state = 20_260_301;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const stays = (n: number) => n % 5 !== 0;
    const seen = await walk(
      direction,
      () => 1 + random(60),
      async () => {
        // Deletes rows that do not stay, wherever they are. Inserts rows with the times of existing rows, and
        // with keys before and after theirs.
        await pool.query(`DELETE FROM projects WHERE id = ANY($1::uuid[])`, [
          Array.from({ length: 12 }, () => keyOf(5 * (1 + random(200)))),
        ]);
        await pool.query(
          `INSERT INTO projects (id, user_id, name, github_url, created_at)
           SELECT ('ffffffff' || substr(gen_random_uuid()::text, 9))::uuid, user_id, 'new', 'https://x', created_at
             FROM projects WHERE id = ANY($1::uuid[])
            UNION ALL
           SELECT ('00000000-0000-0000' || substr(gen_random_uuid()::text, 19))::uuid, user_id, 'new', 'https://x', created_at
             FROM projects WHERE id = ANY($1::uuid[])`,
          [Array.from({ length: 5 }, () => keyOf(1 + random(1_000)))],
        );
      },
    );

    expect(new Set(seen).size).toBe(seen.length);
    const { rows } = await pool.query<{ id: string }>(
      "SELECT id FROM projects WHERE name <> 'new' AND right(id::text, 1) NOT IN ('0', '5') ORDER BY created_at DESC, id DESC",
    );
    expect(rows).toHaveLength(800);
    const isStaying = (id: string) =>
      id.startsWith("00000000-0000-7000-8000-") && stays(Number(id.slice(24)));
    expect(seen.filter(isStaying)).toEqual(rows.map(({ id }) => id));
  });
});

describe("a page", () => {
  test("says whether there are more rows, in both directions", async () => {
    await insertRows(pool, { users: 1, projects: 5 });
    const cursor = (n: number) => {
      const row = { id: keyOf(n), createdAt: new Date(Date.UTC(2026, 0, 1) + n * 1_000) };
      return projects.cursorOf(projects.list(), row as ProjectRow);
    };
    const page = async (args: Parameters<typeof projects.findMany>[1]) => {
      const { rows, hasNextPage, hasPreviousPage } = await projects.findMany({}, args);
      return [rows.map(({ id }) => Number(id.slice(24))), hasPreviousPage, hasNextPage];
    };

    expect(await page({})).toEqual([[5, 4, 3, 2, 1], false, false]);
    expect(await page({ first: 2 })).toEqual([[5, 4], false, true]);
    expect(await page({ first: 2, after: cursor(4) })).toEqual([[3, 2], true, true]);
    expect(await page({ first: 2, after: cursor(2) })).toEqual([[1], true, false]);
    expect(await page({ after: cursor(1) })).toEqual([[], true, false]);
    expect(await page({ last: 2 })).toEqual([[2, 1], true, false]);
    expect(await page({ last: 2, before: cursor(2) })).toEqual([[4, 3], true, true]);
    expect(await page({ last: 2, before: cursor(4) })).toEqual([[5], false, true]);
    expect(await page({ before: cursor(3) })).toEqual([[5, 4], false, true]);
    expect(await page({ first: 0 })).toEqual([[], false, true]);
    expect(await page({ last: 0 })).toEqual([[], true, false]);
  });

  test("has 20 rows by default, and 100 at most", async () => {
    await insertRows(pool, { users: 1, projects: 120 });

    expect((await projects.findMany()).rows).toHaveLength(20);
    expect((await projects.findMany({}, { first: 100 })).rows).toHaveLength(100);
  });

  test.each([
    [{ first: -1 }, [["first"]]],
    [{ first: 101 }, [["first"]]],
    [{ last: -1 }, [["last"]]],
    [{ last: 101 }, [["last"]]],
    [{ first: 1, last: 1 }, [["last"]]],
    [{ first: -1, last: 101 }, [["first"], ["last"], ["last"]]],
    [{ first: 1, before: "x" }, [["before"]]],
    [{ last: 1, after: "x" }, [["after"]]],
    [{ after: "x", before: "x" }, [["after"]]],
  ])("is refused for %j with the path of every problem", async (args, paths) => {
    const error = await projects.findMany({}, args).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "VALIDATION_FAILED" });
    const issues = (error as AppError).details.issues as { path: string[] }[];
    expect(issues.map(({ path }) => path)).toEqual(paths);
  });
});

describe("a cursor", () => {
  const owner = keyOf(1);

  test("is refused by every other list", async () => {
    await insertRows(pool, { users: 2, projects: 2, jobs: 2 });
    const [row] = (await projects.findMany()).rows;
    const lists: List[] = [
      projects.list(),
      projects.list({}, { by: "updatedAt", direction: "DESC" }),
      projects.list({}, { by: "createdAt", direction: "ASC" }),
      projects.list({ status: "IMPORTED" }),
      projects.list({ status: "READY" }),
      projects.list({ userId: owner }),
      projects.list({ userId: keyOf(2) }),
      projects.list({ search: "project" }),
      projects.list({ search: "projects" }),
      projects.list({ search: "pr" }),
      projects.list({ userId: owner, status: "IMPORTED" }),
    ];
    const names = lists.map((list) => projects.cursorOf(list, row!));
    expect(new Set(names).size).toBe(lists.length);

    const answers = await projects.loadLists(
      lists.flatMap((list) => names.map((after) => ({ want: "page" as const, list, page: { after } }))),
    );
    answers.forEach((answer, index) => {
      const isOwn = Math.floor(index / lists.length) === index % lists.length;
      if (isOwn) expect(answer).toMatchObject({ hasPreviousPage: true });
      else expect(answer).toMatchObject({ code: "VALIDATION_FAILED" });
    });
  });

  test("of active jobs is refused by the list of all jobs, and the other way round", async () => {
    await insertRows(pool, { users: 1, projects: 1, jobs: 2 });
    const [row] = (await conversionJobs.findMany()).rows;
    const cursorIn = (filter: Parameters<typeof conversionJobs.list>[0]) =>
      conversionJobs.cursorOf(conversionJobs.list(filter), row!);

    await expect(conversionJobs.findActive({ after: cursorIn({}) })).rejects.toMatchObject({
      code: "VALIDATION_FAILED",
    });
    await expect(conversionJobs.findMany({}, { after: cursorIn({ isActive: true }) })).rejects.toMatchObject({
      code: "VALIDATION_FAILED",
    });
  });

  // Whatever a client sends as a cursor, the answer is a page or a refusal with its code.
  const isPageOrRefusal = async (find: Promise<unknown>) => {
    const answer = await find.catch((reason: unknown) => reason);
    if (answer instanceof AppError) expect(answer.code).toBe("VALIDATION_FAILED");
    else expect(answer).toMatchObject({ rows: expect.any(Array) });
  };
  const nameIn = (cursor: string) => JSON.parse(Buffer.from(cursor, "base64url").toString())[0] as string;
  const anyRow = { id: owner, path: "a", createdAt: new Date(0), projectId: owner };
  const listNames = [
    nameIn(projects.cursorOf(projects.list(), anyRow as never)),
    nameIn(users.cursorOf(users.list(), anyRow as never)),
    nameIn(conversionJobs.cursorOf(conversionJobs.list(), anyRow as never)),
    nameIn(projectFiles.cursorOf(projectFiles.list(owner), anyRow as never)),
  ];
  const sortKeys = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.constantFrom(0, -0, 253_402_300_799_999, 253_402_300_800_000, -1, 8.64e15),
    fc.jsonValue(),
  );
  const ids = fc.oneof(
    fc.uuid(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("", "\0", "é", "\ud800"),
    fc.jsonValue(),
  );
  const cursors = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.base64String(),
    fc.json().map((text) => Buffer.from(text).toString("base64url")),
    fc
      .tuple(fc.constantFrom(...listNames), sortKeys, ids)
      .map((parts) => Buffer.from(JSON.stringify(parts)).toString("base64url")),
    fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("base64url")),
    fc.integer({ min: 12_000, max: 13_000 }).map((length) => "A".repeat(length)),
  );

  test("with any content gives a page or VALIDATION_FAILED", { timeout: 60_000 }, async () => {
    await insertRows(pool, { users: 1, projects: 2, jobs: 2 });
    await fc.assert(
      fc.asyncProperty(cursors, fc.boolean(), async (cursor, isForward) => {
        const page = isForward ? { after: cursor } : { before: cursor };
        await Promise.all([
          isPageOrRefusal(projects.findMany({}, page)),
          isPageOrRefusal(users.findMany(page)),
          isPageOrRefusal(conversionJobs.findMany({}, page)),
          isPageOrRefusal(projectFiles.findMany(owner, page)),
        ]);
      }),
      { numRuns: 400 },
    );
  });

  test("with one changed character gives a page or VALIDATION_FAILED", async () => {
    await insertRows(pool, { users: 1, projects: 2 });
    const cursor = projects.cursorOf(projects.list(), (await projects.findMany()).rows[0]!);
    for (let index = 0; index < cursor.length; index++) {
      for (const other of ["A", "z", "-", "=", "\0", ""]) {
        await isPageOrRefusal(
          projects.findMany({}, { after: cursor.slice(0, index) + other + cursor.slice(index + 1) }),
        );
      }
    }
  });

  test("with the first or last supported time gives a page", async () => {
    await insertRows(pool, { users: 1, projects: 2 });
    const at = (sortKey: number) => encodeCursor(listNames[0]!, { sortKey, id: keyOf(1) });

    expect((await projects.findMany({}, { after: at(253_402_300_799_999) })).rows).toHaveLength(2);
    expect((await projects.findMany({}, { after: at(0) })).rows).toHaveLength(0);
  });

  test("of a file list goes by the path's bytes, whatever the characters", async () => {
    await insertRows(pool, { users: 1, projects: 1 });
    const paths = [
      "B",
      "a",
      "a/b",
      "a0",
      "é",
      "日本",
      "🦀",
      'quote"',
      "per%cent",
      "back\\slash",
      "under_score",
    ];
    await projectFiles.add(
      owner,
      paths.map((path) => ({ path, sizeBytes: 1, language: null })),
      true,
    );
    const sorted = [...paths].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

    const seen: string[] = [];
    let after: string | undefined;
    for (;;) {
      const { rows, hasNextPage } = await projectFiles.findMany(owner, { first: 2, after });
      seen.push(...rows.map(({ path }) => path));
      if (!hasNextPage) break;
      after = projectFiles.cursorOf(projectFiles.list(owner), rows.at(-1)!);
    }
    expect(seen).toEqual(sorted);
  });

  test("of a search for the longest text, or of the longest path, still works", async () => {
    await insertRows(pool, { users: 1, projects: 1 });
    const search = "🦀".repeat(100);
    await pool.query("UPDATE projects SET name = $1", [search]);
    const list = projects.list({ search });
    const [row] = (await projects.findMany({ search })).rows;
    expect(await projects.findMany({ search }, { after: projects.cursorOf(list, row!) })).toEqual({
      rows: [],
      hasNextPage: false,
      hasPreviousPage: true,
    });

    const paths = ["🦀".repeat(1_023), "🦀".repeat(1_024)];
    await projectFiles.add(
      owner,
      paths.map((path) => ({ path, sizeBytes: 1, language: null })),
      true,
    );
    const first = await projectFiles.findMany(owner, { first: 1 });
    const after = projectFiles.cursorOf(projectFiles.list(owner), first.rows[0]!);
    expect((await projectFiles.findMany(owner, { first: 1, after })).rows).toMatchObject([
      { path: paths[1] },
    ]);
  });
});
