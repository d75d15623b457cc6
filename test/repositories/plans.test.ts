import type pg from "pg";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { explain, recordStatements, sequentialScans, usedIndexes } from "../support/sql.ts";

/**
 * Tests the plan of every read at the size where it matters. A plan is a function of the rows' statistics,
 * which ANALYZE has just taken, so the plans do not vary with the machine.
 */
type Recording = ReturnType<typeof recordStatements>;

/** The plan of each recorded statement, as the indexes it uses and a `Seq Scan` for each table read whole. */
async function plansOf(pool: pg.Pool, { statements }: Recording): Promise<string[][]> {
  const plans: string[][] = [];
  // A copy, because EXPLAIN is recorded too.
  for (const statement of [...statements]) {
    const plan = await explain(pool, statement);
    plans.push([...sequentialScans(plan).map((table) => `Seq Scan on ${table}`), ...usedIndexes(plan)]);
  }
  return plans;
}

describe("with 20,000 users, 100,000 projects and 50,000 jobs", async () => {
  const { pool, repositories } = await createTestRepositories();
  const { users, projects, projectFiles, conversionJobs } = repositories;
  const recording = recordStatements(pool);

  beforeAll(async () => {
    await insertRows(pool, { users: 20_000, projects: 100_000, jobs: 50_000 });
    await pool.query(`UPDATE projects SET status = 'READY' WHERE right(id::text, 1) = '7'`);
    await pool.query(
      `UPDATE conversion_jobs SET status = 'COMPLETED', started_at = created_at, completed_at = created_at + interval '1 minute'
        WHERE right(id::text, 2) <> '07'`,
    );
    await pool.query(
      `INSERT INTO project_files (project_id, path, size_bytes)
       SELECT id, 'src/' || n || '.ts', n FROM (SELECT id FROM projects LIMIT 2000) AS first_ones, generate_series(1, 10) AS n`,
    );
    await pool.query("ANALYZE");
  });
  beforeEach(() => recording.reset());

  const some = Array.from({ length: 100 }, (_, n) => keyOf(1 + n * 7));
  const after = (n: number) => {
    const row = { id: keyOf(n), createdAt: new Date(Date.UTC(2026, 0, 1) + n * 1_000) };
    return { first: 100, after: projects.cursorOf(projects.list(), row as never) };
  };

  const readJobsOf = (userId: string, filter: object) =>
    conversionJobs.loadLists([
      {
        want: "page",
        list: conversionJobs.list(filter, undefined, { to: "owned", userId }),
        page: { first: 20 },
      },
    ]);

  test.each<[string, () => Promise<unknown>, (string | RegExp)[]]>([
    ["users by id", () => users.findByIds(some), ["users_pkey"]],
    ["users by GitHub id", () => users.findByGithubIds(["1001", "1002"]), ["users_github_id_key"]],
    ["a page of users", () => users.findMany({ first: 20 }), ["users_created_at_id_idx"]],
    ["projects by id", () => projects.findByIds(some), ["projects_pkey"]],
    ["the newest projects", () => projects.findMany({}, { first: 100 }), ["projects_created_at_id_idx"]],
    ["the last of them", () => projects.findMany({}, { last: 100 }), ["projects_created_at_id_idx"]],
    ["a page from the middle", () => projects.findMany({}, after(50_000)), ["projects_created_at_id_idx"]],
    ["the recently updated", () => projects.findRecentlyUpdated(), ["projects_updated_at_id_idx"]],
    ["an owner's projects", () => projects.findByUser(keyOf(3)), [/^projects_user_id_/]],
    [
      "an owner's projects by their last change",
      () => projects.findMany({ userId: keyOf(3) }, {}, { by: "updatedAt", direction: "ASC" }),
      [/^projects_user_id_/],
    ],
    ["projects by status", () => projects.findByStatus("READY"), ["projects_status_created_at_id_idx"]],
    [
      "projects by status and last change",
      () => projects.findMany({ status: "READY" }, {}, { by: "updatedAt", direction: "DESC" }),
      ["projects_status_updated_at_id_idx"],
    ],
    ["how many an owner has", () => projects.count({ userId: keyOf(3) }), [/^projects_user_id_/]],
    ["owners' statistics", () => projects.statisticsByUsers([keyOf(3), keyOf(4)]), [/^projects_user_id_/]],
    [
      "a search by name or address",
      () => projects.search("9a1158154dfa42caddbd0694a4e9bdc8"),
      ["projects_github_url_trigram_idx", "projects_name_trigram_idx"],
    ],
    [
      "a search that finds nothing",
      () => projects.search("nobody-has-this"),
      ["projects_github_url_trigram_idx", "projects_name_trigram_idx"],
    ],
    ["a search for two characters", () => projects.search("zz"), ["projects_name_trigram_idx"]],
    ["a search for one character", () => projects.search("z"), ["projects_name_trigram_idx"]],
    [
      "how many a search finds",
      () => projects.count({ search: "9a1158154dfa" }),
      ["projects_github_url_trigram_idx", "projects_name_trigram_idx"],
    ],
    ["a project's files", () => projectFiles.findMany(keyOf(1)), ["project_files_pkey"]],
    ["jobs by id", () => conversionJobs.findByIds(some), ["conversion_jobs_pkey"]],
    ["jobs' documents", () => conversionJobs.findDocumentsByIds(some), ["conversion_jobs_pkey"]],
    ["the newest jobs", () => conversionJobs.findMany(), ["conversion_jobs_created_at_id_idx"]],
    [
      "a project's jobs",
      () => conversionJobs.findByProject(keyOf(3)),
      ["conversion_jobs_project_id_created_at_id_idx"],
    ],
    [
      "a project's jobs by status",
      () => conversionJobs.findMany({ projectId: keyOf(3), status: "RUNNING" }),
      [/^conversion_jobs_(project_id|status)_/],
    ],
    [
      "jobs by status",
      () => conversionJobs.findByStatus("FAILED"),
      ["conversion_jobs_status_created_at_id_idx"],
    ],
    ["the active jobs", () => conversionJobs.findActive(), ["conversion_jobs_active_idx"]],
    [
      "how many are active",
      () => conversionJobs.count({ isActive: true }),
      [/^conversion_jobs_(active|status)_/],
    ],
    [
      "projects' job statistics",
      () => conversionJobs.statisticsByProjects([keyOf(3), keyOf(4)]),
      ["conversion_jobs_project_id_status_created_at_id_idx"],
    ],
    [
      "the jobs of an owner's projects",
      () => readJobsOf(keyOf(3), {}),
      [/^conversion_jobs_project_id_/, /^projects_user_id_/],
    ],
    [
      "the active ones among them",
      () => readJobsOf(keyOf(3), { isActive: true }),
      [/^conversion_jobs_(project_id|active)_/, /^projects_(user_id_|pkey)/],
    ],
    [
      "figures of an owner's jobs",
      () => conversionJobs.statisticsByProjects([null], { to: "owned", userId: keyOf(3) }),
      [/^conversion_jobs_project_id_/, "projects_pkey", /^projects_user_id_/],
    ],
  ])("%s: by index", async (_, read, indexes) => {
    await read();

    expect(recording.statements).toHaveLength(1);
    expect(await plansOf(pool, recording)).toEqual([
      // A pattern where two indexes cost the same, so that the planner may use either.
      indexes.map((name) => (typeof name === "string" ? name : expect.stringMatching(name))),
    ]);
  });

  test("a search that nearly every row matches walks the index of its order and stops at its limit", async () => {
    await projects.search("project", { first: 20 });

    expect((await plansOf(pool, recording)).flat().filter((name) => name.startsWith("Seq"))).toEqual([]);
  });

  test("the clean-up of old jobs finds them by index", async () => {
    await conversionJobs.deleteFinished(new Date("2025-01-01"));
    const statement = recording.statements.find(({ text }) => text.includes("DELETE"))!;
    const plan = await explain(pool, statement);

    expect(sequentialScans(plan)).toEqual([]);
    expect(usedIndexes(plan)).toEqual(["conversion_jobs_completed_at_idx", "conversion_jobs_pkey"]);
  });
});

describe("with 10,000 projects and 50,000 jobs", async () => {
  const { app, execute, url } = await createTestApp();
  const recording = recordStatements(app.database.pool);

  beforeAll(() => insertRows(app.database.pool, { users: 5_000, projects: 10_000, jobs: 50_000 }));

  const LISTS = `{ projects(first: 100) { nodes { id name owner { id username } conversionJobs(first: 3) { nodes { id status progress } } } } }`;

  test("100 projects, each with its owner and 3 newest jobs, take 3 statements, all by index", async () => {
    recording.reset();
    const { data, errors } = await execute(LISTS);
    expect(errors).toBeUndefined();
    expect(data.projects.nodes).toHaveLength(100);

    const plans = await plansOf(app.database.pool, recording);
    expect(plans.sort()).toEqual([
      ["conversion_jobs_project_id_created_at_id_idx"],
      ["projects_created_at_id_idx"],
      ["users_pkey"],
    ]);
  });

  test("the same query takes one statement, by the same indexes, when it is compiled", async () => {
    const compiled = await createTestApp({ COMPILE_AFTER: "1", DATABASE_URL: url });
    const compiledRecording = recordStatements(compiled.app.database.pool);
    const { errors } = await compiled.execute(LISTS);
    expect(errors).toBeUndefined();

    const [plan, ...others] = await plansOf(compiled.app.database.pool, compiledRecording);
    expect(others).toEqual([]);
    expect([...new Set(plan)].sort()).toEqual([
      "conversion_jobs_project_id_created_at_id_idx",
      "projects_created_at_id_idx",
      "users_pkey",
    ]);
  });
});
