import {
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  isInterfaceType,
  isLeafType,
} from "graphql";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { schema } from "../../src/schema/index.ts";
import { createTestApp } from "../support/app.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { recordStatements } from "../support/sql.ts";

/** A page is read with only the columns that are asked for, and gives the same values as with all columns. */

const { app, execute } = await createTestApp();
const recording = recordStatements(app.database.pool);

beforeAll(async () => {
  const { pool } = app.database;
  await insertRows(pool, { users: 3, projects: 12, jobs: 36 });
  // Every column gets a value.
  await pool.query(
    `UPDATE users SET email = username || '@example.com', avatar_url = 'https://example.com/a.png'`,
  );
  await pool.query(
    `UPDATE projects SET description = 'What it is', original_tech_stack = '{"language":"Java"}', target_tech_stack = '{"language":"Go"}'`,
  );
  await pool.query(
    `UPDATE conversion_jobs SET status = 'FAILED', progress = 40, current_task = 'a task', error_message = 'It failed.', priority = 3,
            started_at = now(), completed_at = now()`,
  );
  await pool.query(
    `UPDATE conversion_jobs SET status = 'RUNNING', error_message = NULL, completed_at = NULL, worker_id = 'worker', lease_seconds = 30,
            lease_expires_at = now() + interval '1 hour', fencing_token = 7 WHERE id IN (SELECT id FROM conversion_jobs ORDER BY id DESC LIMIT 3)`,
  );
  await pool.query(
    "INSERT INTO project_files (project_id, path, size_bytes, language) SELECT id, 'a.js', 7, 'JavaScript' FROM projects",
  );
});
beforeEach(() => recording.reset());

/** The field that gives a page of each type. */
const LISTS = {
  User: "users(first: 2)",
  Project: "projects(first: 5)",
  ConversionJob: "conversionJobs(first: 5)",
} as const;

const typeNamed = (name: string) => schema.getType(name) as GraphQLObjectType;

/** A selection of the field that needs no arguments. */
function selectionOf(field: GraphQLField<unknown, unknown>): string {
  const type = getNamedType(field.type);
  if (isLeafType(type)) return field.name;
  if (isInterfaceType(type)) return `${field.name} { __typename }`;
  const fields = Object.values((type as GraphQLObjectType).getFields());
  const nodes = fields.find(({ name }) => name === "nodes");
  const parts = nodes
    ? [selectionOf(nodes)]
    : fields.filter((each) => isLeafType(getNamedType(each.type))).map(({ name }) => name);
  return `${field.name} { ${parts.join(" ")} }`;
}

const fields = Object.keys(LISTS).flatMap((type) =>
  Object.values(typeNamed(type).getFields()).map((field) => ({
    type: type as keyof typeof LISTS,
    name: field.name,
    selection: selectionOf(field),
  })),
);

/** The columns of the statements that read a table's pages, in their order. */
function columnsRead(table: string): string[][] {
  return recording.statements.flatMap(({ text }) => {
    const list = new RegExp(`SELECT ((?:(?!SELECT).)*) FROM "${table}"`).exec(text)?.[1];
    return list === undefined ? [] : [[...list.matchAll(/ AS "(\w+)"/g)].map(([, name]) => name!)];
  });
}

test.each(fields)("$type.$name alone is the same as beside all others", async ({ type, name, selection }) => {
  const list = LISTS[type];
  const all = fields.filter((field) => field.type === type).map((field) => field.selection);

  const alone = await execute(`{ page: ${list} { nodes { ${selection} } } }`);
  const beside = await execute(`{ page: ${list} { nodes { ${all.join(" ")} } } }`);

  expect(alone.errors).toBeUndefined();
  expect(beside.errors).toBeUndefined();
  const values = alone.data.page.nodes.map((node: Record<string, unknown>) => node[name]);
  expect(values).toEqual(beside.data.page.nodes.map((node: Record<string, unknown>) => node[name]));
  expect(values).not.toContain(undefined);
});

describe("a page is read with", () => {
  const cases: [string, string, string, string[]][] = [
    [
      "the columns of its fields, and the key",
      "{ projects { nodes { name owner { username } } } }",
      "projects",
      ["id", "userId", "name"],
    ],
    [
      "only its key, if it selects no field of its rows",
      "{ projects { nodes { __typename } } }",
      "projects",
      ["id"],
    ],
    [
      "the column that decides whether it may be cached",
      "{ conversionJobs { nodes { progress } } }",
      "conversion_jobs",
      ["id", "status", "progress"],
    ],
    [
      "the columns of its cursors",
      "{ projects { edges { cursor node { name } } } }",
      "projects",
      ["id", "name", "createdAt"],
    ],
    [
      "the columns of the cursors in its pageInfo",
      "{ projects { nodes { name } pageInfo { endCursor } } }",
      "projects",
      ["id", "name", "createdAt"],
    ],
    [
      "the column that it is ordered by",
      "{ projects(orderBy: { by: UPDATED_AT, direction: ASC }) { nodes { name } pageInfo { hasNextPage } } }",
      "projects",
      ["id", "name", "updatedAt"],
    ],
    [
      "all columns that its fragments select, whether they are included or not",
      `query ($no: Boolean = false) { projects { nodes { ...Named ... on Node { id } ... @include(if: $no) { githubUrl } } } }
       fragment Named on Project { alias: name ... on Project { status } }`,
      "projects",
      ["id", "name", "githubUrl", "status"],
    ],
    [
      "all columns that are selected in several places",
      "{ projects { nodes { name } } projects { edges { node { status } } nodes { githubUrl } } }",
      "projects",
      ["id", "name", "githubUrl", "status"],
    ],
  ];
  test.each(cases)("%s", async (_, query, table, columns) => {
    expect((await execute(query)).errors).toBeUndefined();
    expect(columnsRead(table)).toEqual([columns]);
  });

  test("all columns, if the operation leads back to its rows", async () => {
    await execute("{ projects { nodes { conversionJobs { nodes { project { name } } } } } }");
    expect(columnsRead("projects")[0]).toContain("githubUrl");
    expect(columnsRead("projects")).toHaveLength(1);
  });
});

test("a row that was read with some columns does not answer a read by its id", async () => {
  const { data } = await execute(
    `query ($id: ID!) { projects(first: 100) { nodes { id } } project(id: $id) { name }
       conversionJobs(first: 1) { nodes { id project { name githubUrl } } } }`,
    { id: `Project:${keyOf(12)}` },
  );
  expect(data.project).toEqual({ name: "project 12" });
  expect(data.conversionJobs.nodes[0].project.githubUrl).toMatch(/^https:/);
});

test("the same list with other columns is a different answer, for later requests as well", async () => {
  const page = async (selection: string) =>
    (await execute(`{ projects(first: 2) { nodes { ${selection} } } }`)).data.projects.nodes;
  const [names, states] = [await page("name"), await page("status")];

  expect(names).toEqual([{ name: "project 12" }, { name: "project 11" }]);
  expect(states.map(({ status }: { status: string }) => status)).not.toContain(undefined);
  expect(await page("status name")).toEqual(
    names.map((row: object, index: number) => ({ ...states[index], ...row })),
  );
});
