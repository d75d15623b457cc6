import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { recordStatements } from "../support/sql.ts";

/**
 * The rule: an operation sends at most one statement per entity and level, whatever the number of rows,
 * aliases, fragments, arguments and repeated ids. "Per entity" means per way of reading it: by id, by another
 * unique key, as a list, its documents, its statistics. A row that came with a list is not read again by its
 * id.
 *
 * Each test lists the tables that an operation's statements read.
 */

const interpreted = await createTestApp({ COMPILE_AFTER: "0" });
const compiled = await createTestApp({ COMPILE_AFTER: "1", DATABASE_URL: interpreted.url });
const { app } = interpreted;
const recording = recordStatements(app.database.pool);
const recordingOfCompiled = recordStatements(compiled.app.database.pool);

beforeAll(async () => {
  await insertRows(app.database.pool, { users: 5, projects: 120, jobs: 600 });
  await app.database.pool.query(
    `INSERT INTO project_files (project_id, path, size_bytes)
     SELECT id, 'src/' || n || '.js', n FROM projects, generate_series(1, 3) AS n`,
  );
});
beforeEach(() => recording.reset());

const isComposed = (text: string) => /^SELECT (concat\(|\(SELECT string_agg\()/.test(text);

/**
 * Runs the query both interpreted and compiled, and checks that the answers are the same. Compiled, it sends
 * the same statements, or a single one with which PostgreSQL composes the whole answer.
 *
 * @returns the data, and the tables that the interpreted query reads
 */
async function run(query: string, variables?: Record<string, unknown>) {
  const { data, errors } = await interpreted.execute(query, variables);
  expect(errors).toBeUndefined();
  recordingOfCompiled.reset();
  expect(await compiled.execute(query, variables)).toMatchObject({ data });
  const textsOf = ({ statements }: typeof recording) => statements.map(({ text }) => text).sort();
  const texts = textsOf(recordingOfCompiled);
  if (texts.some(isComposed)) expect(texts).toHaveLength(1);
  else expect(texts).toEqual(textsOf(recording));
  const tables = recording.statements.map(
    ({ text }) => /\bFROM "(users|projects|project_files|conversion_jobs)"/.exec(text)?.[1] ?? text,
  );
  return { data, tables };
}

const project = (n: number) => `Project:${keyOf(n)}`;
const user = (n: number) => `User:${keyOf(n)}`;
const job = (n: number) => `ConversionJob:${keyOf(n)}`;

describe("single rows", () => {
  test("a project and its owner take one statement each", async () => {
    const { data, tables } = await run(`query ($id: ID!) { project(id: $id) { name owner { username } } }`, {
      id: project(7),
    });

    expect(tables).toEqual(["projects", "users"]);
    expect(data).toEqual({ project: { name: "project 7", owner: { username: "user 2" } } });
  });

  test("the same id under several aliases, in both cases of its letters, is read once", async () => {
    const { data, tables } = await run(
      `query ($id: ID!, $upper: ID!) {
         a: project(id: $id) { id } b: project(id: $id) { name } c: project(id: $upper) { id }
         d: node(id: $id) { id } e: nodes(ids: [$id, $id]) { id }
       }`,
      { id: project(7), upper: `Project:${keyOf(7).toUpperCase()}` },
    );

    expect(tables).toEqual(["projects"]);
    expect(recording.statements[0]?.values).toEqual([[keyOf(7)]]);
    expect(data.e).toEqual([{ id: project(7) }, { id: project(7) }]);
  });

  test("node and nodes over three types take one statement per type", async () => {
    const { data, tables } = await run(
      `query ($a: ID!, $b: ID!, $ids: [ID!]!) {
         a: node(id: $a) { __typename id }
         b: node(id: $b) { __typename id }
         nodes(ids: $ids) { __typename ... on Project { name } ... on User { username } ... on ConversionJob { status } }
       }`,
      { a: user(1), b: job(1), ids: [project(1), user(2), job(2), project(999), project(2), user(1)] },
    );

    expect(tables.sort()).toEqual(["conversion_jobs", "projects", "users"]);
    expect(data).toEqual({
      a: { __typename: "User", id: user(1) },
      b: { __typename: "ConversionJob", id: job(1) },
      nodes: [
        { __typename: "Project", name: "project 1" },
        { __typename: "User", username: "user 2" },
        { __typename: "ConversionJob", status: "PENDING" },
        null,
        { __typename: "Project", name: "project 2" },
        { __typename: "User", username: "user 1" },
      ],
    });
  });

  test("users by GitHub id under many aliases take one statement", async () => {
    const { data, tables } = await run(
      `{ ${[1, 2, 3, 99].map((n) => `u${n}: user(githubId: "${1_000 + n}") { username }`).join(" ")} }`,
    );

    expect(tables).toEqual(["users"]);
    expect(data).toEqual({
      u1: { username: "user 1" },
      u2: { username: "user 2" },
      u3: { username: "user 3" },
      u99: null,
    });
  });
});

describe("lists", () => {
  test("100 projects, each with its owner and 3 newest jobs, take exactly three statements", async () => {
    const { data, tables } = await run(
      `{ projects(first: 100) { nodes { id owner { id } conversionJobs(first: 3) { nodes { id } } } } }`,
    );

    expect(tables.sort()).toEqual(["conversion_jobs", "projects", "users"]);
    expect(data.projects.nodes).toHaveLength(100);
    // Project 120 has the jobs 120, 240, … 600.
    expect(data.projects.nodes[0]).toEqual({
      id: project(120),
      owner: { id: user(5) },
      conversionJobs: { nodes: [{ id: job(600) }, { id: job(480) }, { id: job(360) }] },
    });
    expect(data.projects.nodes[99].conversionJobs.nodes.map(({ id }: { id: string }) => id)).toEqual([
      job(501),
      job(381),
      job(261),
    ]);
  });

  test("one list under aliases with different arguments still takes one statement for that level", async () => {
    const { data, tables } = await run(
      `{ projects(first: 50) { nodes {
           a: conversionJobs(first: 1) { nodes { id } }
           b: conversionJobs(first: 2, status: PENDING) { nodes { id } }
           c: conversionJobs(last: 1) { nodes { id } }
           d: conversionJobs(first: 1, orderBy: { by: CREATED_AT, direction: ASC }) { nodes { id } }
           e: conversionJobs(status: RUNNING) { totalCount }
           f: conversionJobs { totalCount }
           g: conversionJobs(first: 0) { pageInfo { hasNextPage } }
         } } }`,
    );

    expect(tables).toEqual(["projects", "conversion_jobs"]);
    expect(data.projects.nodes[0]).toEqual({
      a: { nodes: [{ id: job(600) }] },
      b: { nodes: [{ id: job(600) }, { id: job(480) }] },
      c: { nodes: [{ id: job(120) }] },
      d: { nodes: [{ id: job(120) }] },
      e: { totalCount: 0 },
      f: { totalCount: 5 },
      g: { pageInfo: { hasNextPage: true } },
    });
  });

  test("totalCount alone counts and reads no row", async () => {
    const { data, tables } = await run(`{ projects { totalCount } }`);

    expect(tables).toEqual(["projects"]);
    expect(recording.statements[0]?.text).toMatch(/count\(\*\)/);
    expect(recording.statements[0]?.text).not.toMatch(/"name"|LIMIT/);
    expect(data).toEqual({ projects: { totalCount: 120 } });
  });

  test("nodes alone read rows and count nothing", async () => {
    const { tables } = await run(`{ projects(first: 2) { nodes { id } } }`);

    expect(tables).toEqual(["projects"]);
    expect(recording.statements[0]?.text).not.toMatch(/count\(/);
  });

  test("totalCount, nodes, edges and pageInfo together take one statement", async () => {
    const { data, tables } = await run(
      `{ projects(first: 1) { totalCount nodes { id } edges { cursor node { name } } pageInfo { hasNextPage endCursor } } }`,
    );

    expect(tables).toEqual(["projects"]);
    expect(data.projects).toMatchObject({
      totalCount: 120,
      nodes: [{ id: project(120) }],
      edges: [{ cursor: data.projects.pageInfo.endCursor, node: { name: "project 120" } }],
      pageInfo: { hasNextPage: true },
    });
  });

  test("root lists of one entity with different filters take one statement", async () => {
    const { data, tables } = await run(
      `query ($owner: ID!) {
         a: projects(first: 1) { nodes { id } }
         b: projects(first: 1, ownerId: $owner) { nodes { id } }
         c: projects(first: 1, status: READY) { nodes { id } totalCount }
         d: projects(last: 1, orderBy: { by: UPDATED_AT, direction: ASC }) { nodes { id } }
         e: searchProjects(query: "PROJECT 77") { nodes { id } totalCount }
       }`,
      { owner: user(3) },
    );

    expect(tables).toEqual(["projects"]);
    expect(data).toEqual({
      a: { nodes: [{ id: project(120) }] },
      b: { nodes: [{ id: project(118) }] },
      c: { nodes: [], totalCount: 0 },
      d: { nodes: [{ id: project(120) }] },
      e: { nodes: [{ id: project(77) }], totalCount: 1 },
    });
  });

  test("user → projects → jobs → project → owner takes three statements: the rows on the way back are already read", async () => {
    const { data, tables } = await run(
      `query ($id: ID!) { user(id: $id) { projects(first: 10) { nodes {
           conversionJobs(first: 2) { nodes { project { id owner { username } } } }
         } } } }`,
      { id: user(1) },
    );

    expect(tables).toEqual(["users", "projects", "conversion_jobs"]);
    expect(data.user.projects.nodes).toHaveLength(10);
    expect(data.user.projects.nodes[9].conversionJobs.nodes).toEqual([
      { project: { id: project(71), owner: { username: "user 1" } } },
      { project: { id: project(71), owner: { username: "user 1" } } },
    ]);
  });

  test("jobs → project → owner takes one statement per level", async () => {
    const { data, tables } = await run(
      `{ conversionJobs(first: 100) { nodes { project { owner { username } } } } }`,
    );

    expect(tables).toEqual(["conversion_jobs", "projects", "users"]);
    expect(data.conversionJobs.nodes).toHaveLength(100);
  });

  test("fragments and inline fragments add no statement", async () => {
    const { data, tables } = await run(
      `query ($ids: [ID!]!) {
         nodes(ids: $ids) {
           ...A
           ... on Project { conversionJobs(first: 2) { nodes { ...Job } } owner { ...Owner } }
           ... on Node { ... on Project { two: conversionJobs(first: 1) { totalCount nodes { ...Job } } } }
         }
       }
       fragment A on Project { name owner { username } conversionJobs(first: 2) { ...Page } }
       fragment Page on ConversionJobConnection { pageInfo { hasNextPage } nodes { id } }
       fragment Job on ConversionJob { status project { name } }
       fragment Owner on User { email ... on Node { id } }`,
      { ids: [project(1), project(2), project(3)] },
    );

    expect(tables.sort()).toEqual(["conversion_jobs", "projects", "users"]);
    expect(data.nodes[2]).toEqual({
      name: "project 3",
      owner: { username: "user 3", email: null, id: user(3) },
      conversionJobs: {
        pageInfo: { hasNextPage: true },
        nodes: [483, 363].map((n) => ({ id: job(n), status: "PENDING", project: { name: "project 3" } })),
      },
      two: { totalCount: 5, nodes: [{ status: "PENDING", project: { name: "project 3" } }] },
    });
  });

  test("the active jobs with their projects take two statements", async () => {
    const { data, tables } = await run(
      `{ activeConversionJobs(first: 3) { totalCount nodes { id project { name } } } }`,
    );

    expect(tables).toEqual(["conversion_jobs", "projects"]);
    expect(data.activeConversionJobs).toEqual({
      totalCount: 600,
      nodes: [1, 2, 3].map((n) => ({ id: job(n), project: { name: `project ${n}` } })),
    });
  });

  test("the file structures of many projects take one statement", async () => {
    const { data, tables } = await run(
      `{ projects(first: 30) { nodes {
           all: fileStructure { totalCount nodes { path sizeBytes } }
           some: fileStructure(under: "src", first: 1) { nodes { path } pageInfo { hasNextPage } }
         } } }`,
    );

    expect(tables).toEqual(["projects", "project_files"]);
    expect(data.projects.nodes[29]).toEqual({
      all: { totalCount: 3, nodes: [1, 2, 3].map((n) => ({ path: `src/${n}.js`, sizeBytes: n })) },
      some: { nodes: [{ path: "src/1.js" }], pageInfo: { hasNextPage: true } },
    });
  });
});

describe("documents and statistics", () => {
  test("a job's plan and results are not read unless asked for, and then in one more statement", async () => {
    const without = await run(`{ conversionJobs(first: 50) { nodes { id status } } }`);
    expect(without.tables).toEqual(["conversion_jobs"]);
    expect(recording.statements[0]?.text).not.toMatch(/"plan"|"results"/);

    recording.reset();
    const { data, tables } = await run(
      `{ conversionJobs(first: 50) { nodes { plan { complexity tasks { id agentType } } results { taskId } } } }`,
    );
    expect(tables).toEqual(["conversion_jobs", "conversion_jobs"]);
    expect(data.conversionJobs.nodes[49]).toEqual({
      plan: { complexity: "LOW", tasks: [{ id: "t1", agentType: "converter" }] },
      results: [],
    });
  });

  test("statistics under any number of aliases take one statement per entity", async () => {
    const { data, tables } = await run(
      `query ($u1: ID!, $u2: ID!, $p1: ID!) {
         all: projectStatistics { total byStatus { status count } }
         one: projectStatistics(ownerId: $u1) { total }
         two: projectStatistics(ownerId: $u2) { total }
         again: projectStatistics(ownerId: $u1) { byStatus { count } }
         jobs: conversionJobStatistics { total successRate averageDurationSeconds }
         jobsOfOne: conversionJobStatistics(projectId: $p1) { total byStatus { status count } }
         users: userStatistics { total byRole { role count } withProjects }
         usersAgain: userStatistics { total }
       }`,
      { u1: user(1), u2: user(2), p1: project(1) },
    );

    expect(tables.sort()).toEqual(["conversion_jobs", "projects", "projects"]);
    // The users' statistics count their projects, too, and their statement names that table first.
    expect(recording.statements.filter(({ text }) => /FROM "users"/.test(text))).toHaveLength(1);
    expect(data).toEqual({
      all: { total: 120, byStatus: [{ status: "IMPORTED", count: 120 }] },
      one: { total: 24 },
      two: { total: 24 },
      again: { byStatus: [{ count: 24 }] },
      jobs: { total: 600, successRate: null, averageDurationSeconds: null },
      jobsOfOne: { total: 5, byStatus: [{ status: "PENDING", count: 5 }] },
      users: { total: 5, byRole: [{ role: "USER", count: 5 }], withProjects: 5 },
      usersAgain: { total: 5 },
    });
  });

  test("one bad page among many fails only its own alias and takes no further statement", async () => {
    const { data, errors } = await interpreted.execute(
      `{ projects(first: 2) { nodes { id } } bad: projects(first: 101) { nodes { id } } }`,
    );

    expect(recording.statements).toHaveLength(1);
    expect(errors).toMatchObject([{ path: ["bad", "nodes"], extensions: { code: "VALIDATION_FAILED" } }]);
    // Connections are non-null fields, so the answer has no data beside the error.
    expect(data).toBeNull();
  });
});
