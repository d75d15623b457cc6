import { getIntrospectionQuery } from "graphql";
import { beforeAll, describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { recordStatements } from "../support/sql.ts";

const { app, execute } = await createTestApp({
  MAX_TOKENS: "500",
  MAX_DEPTH: "6",
  MAX_ALIASES: "5",
  MAX_DIRECTIVES: "4",
  MAX_ROOT_FIELDS: "5",
  MAX_COMPLEXITY: "1000",
  MAX_LIST_SIZE: "10",
  MAX_VARIABLE_VALUES: "100",
});
const statements = recordStatements(app.database.pool);
beforeAll(() => insertRows(app.database.pool, { users: 1, projects: 3, jobs: 3 }));

/** Expects a refusal without any statement to the database, and returns its message and extensions. */
async function refusalOf(query: string, variables?: Record<string, unknown>) {
  statements.reset();
  const { data, errors } = await execute(query, variables);
  expect([data, statements.statements]).toEqual([undefined, []]);
  expect(errors).toHaveLength(1);
  const [{ message, extensions }] = errors!;
  return { message, ...extensions };
}

const nested = (depth: number) => `${"owner { projects { nodes { ".repeat(depth)}id${" } } }".repeat(depth)}`;
const repeat = (times: number, text: (index: number) => string) =>
  Array.from({ length: times }, (_, index) => text(index)).join(" ");

describe("a document is refused, with the limit and what to do, if it", () => {
  test("has more tokens than allowed", async () => {
    expect(await refusalOf(`{ ${"__typename ".repeat(600)} }`)).toEqual({
      code: "LIMIT_EXCEEDED",
      limit: "MAX_TOKENS",
      max: 500,
      message: "The document has more than 500 tokens: split the operation (MAX_TOKENS).",
    });
  });

  test("has more comments than tokens are allowed", async () => {
    expect(await refusalOf(`{ __typename }\n${"#\n".repeat(501)}`)).toEqual({
      code: "LIMIT_EXCEEDED",
      limit: "MAX_TOKENS",
      max: 500,
      message: "The document has more than 500 comments: leave some out (MAX_TOKENS).",
    });
    expect((await execute(`{ __typename }\n${"#\n".repeat(500)}`)).data).toEqual({ __typename: "Query" });
  });

  test("is deeper than allowed, fragments included", async () => {
    const tooDeep = { code: "LIMIT_EXCEEDED", limit: "MAX_DEPTH", max: 6 };
    expect(await refusalOf(`{ projects { nodes { ${nested(2)} } } }`)).toMatchObject({
      ...tooDeep,
      actual: 9,
      message:
        "The operation has 9, and may have 6, levels of fields: ask for what is deeper in another request (MAX_DEPTH).",
    });
    const fragments =
      "{ projects { ...a } } fragment a on ProjectConnection { nodes { ...b } } fragment b on Project { owner { projects { nodes { ... on Node { id ... on Project { owner { id } } } } } } }";
    expect(await refusalOf(fragments)).toMatchObject({ ...tooDeep, actual: 7 });
  });

  test("has more aliases than allowed, those multiplied by fragments included", async () => {
    const aliases = { code: "LIMIT_EXCEEDED", limit: "MAX_ALIASES", max: 5 };
    expect(await refusalOf(`{ health { ${repeat(6, (n) => `a${n}: status`)} } }`)).toMatchObject({
      ...aliases,
      actual: 6,
    });
    const doubling = repeat(20, (n) => `fragment f${n} on Health { ...f${n + 1} ...f${n + 1} }`);
    expect(
      await refusalOf(`{ health { ...f0 } } ${doubling} fragment f20 on Health { a: status }`),
    ).toMatchObject({
      ...aliases,
      actual: 2 ** 20,
    });
  });

  test("has more directives than allowed", async () => {
    const directives = "@include(if: true) ".repeat(5);
    for (const query of [
      `{ health { status ${directives} } }`,
      `{ health { ...f ${directives} } } fragment f on Health { status }`,
      `{ health { ... ${directives} { status } } }`,
      `query ${directives} { health { status } }`,
    ])
      expect(await refusalOf(query)).toMatchObject({
        code: "LIMIT_EXCEEDED",
        limit: "MAX_DIRECTIVES",
        actual: 5,
      });
  });

  test("has more root fields than allowed, those in a fragment included", async () => {
    const fields = "health { status } ".repeat(6);
    for (const query of [`{ ${fields} }`, `{ ...f } fragment f on Query { ${fields} }`])
      expect(await refusalOf(query)).toMatchObject({
        code: "LIMIT_EXCEEDED",
        limit: "MAX_ROOT_FIELDS",
        actual: 6,
      });
  });

  test("contains a list literal that is longer than allowed", async () => {
    expect(await refusalOf(`{ nodes(ids: [${'"Project:x" '.repeat(11)}]) { id } }`)).toMatchObject({
      code: "LIMIT_EXCEEDED",
      limit: "MAX_LIST_SIZE",
      max: 10,
      actual: 11,
    });
  });
});

describe("complexity", () => {
  const PAGES =
    "query ($n: Int, $m: Int = 2) { projects(first: $n) { nodes { id conversionJobs(first: $m) { nodes { id } } } } }";

  test.each([
    // The connection and its nodes, and for each row its id, the connection, its nodes and their ids.
    ["{ projects(first: 100) { totalCount nodes { id } } }", {}, undefined],
    [
      "{ projects(first: 100) { nodes { id name status version createdAt updatedAt owner { id username } conversionJobs { totalCount } } } }",
      {},
      1_102,
    ],
    [
      "{ projects(first: 100) { edges { node { id conversionJobs(last: 10) { edges { cursor } } } } } }",
      {},
      1_402,
    ],
    [PAGES, { n: 100, m: 10 }, 1_302],
    [PAGES, { n: 100 }, undefined],
    [PAGES, { n: 100, m: null }, 2_302],
    [PAGES, { m: 100 }, 2_062],
    [
      "query ($b: Boolean!) { projects(first: 100) { nodes { ...f @include(if: $b) } } } fragment f on Project { conversionJobs(first: 50) { nodes { id } } }",
      { b: true },
      5_202,
    ],
    [
      "query ($b: Boolean!) { projects(first: 100) { nodes { id ...f @include(if: $b) } } } fragment f on Project { conversionJobs(first: 50) { nodes { id } } }",
      { b: false },
      undefined,
    ],
  ])("of %s with %j is %j", async (query, variables, actual) => {
    if (actual === undefined) {
      expect((await execute(query, variables)).errors).toBeUndefined();
      return;
    }
    expect(await refusalOf(query, variables)).toEqual({
      code: "LIMIT_EXCEEDED",
      limit: "MAX_COMPLEXITY",
      max: 1_000,
      actual,
      message: `The operation asks for up to ${actual} values, and 1000 are allowed: ask for fewer rows by \`first\`, or for fewer fields (MAX_COMPLEXITY).`,
    });
  });

  test("of the same document depends on each request's variables", async () => {
    for (const n of [1, 100, 1]) {
      const { errors } = await execute(PAGES, { n, m: 10 });
      expect(errors?.[0].extensions.code).toBe(n === 1 ? undefined : "LIMIT_EXCEEDED");
    }
  });

  test("of exponential fragments is computed without visiting each spread", async () => {
    const doubling = repeat(40, (n) => `fragment f${n} on Health { ...f${n + 1} ...f${n + 1} }`);
    const { actual } = await refusalOf(`{ health { ...f0 } } ${doubling} fragment f40 on Health { status }`);
    expect(actual).toBe(2 ** 40 + 1);
  });
});

describe("variables are refused if they", () => {
  const QUERY = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";

  test("have longer lists or more values than allowed", async () => {
    expect(await refusalOf(QUERY, { ids: Array(11).fill("x") })).toMatchObject({
      limit: "MAX_LIST_SIZE",
      actual: 11,
    });
    expect(
      await refusalOf(QUERY, {
        ids: ["x"],
        more: Object.fromEntries(Array.from({ length: 100 }, (_, n) => [n, n])),
      }),
    ).toMatchObject({
      limit: "MAX_VARIABLE_VALUES",
      max: 100,
    });
  });

  test("are nested too deeply", async () => {
    for (const depth of [60, 100_000]) {
      const ids = `${"[".repeat(depth)}"x"${"]".repeat(depth)}`;
      const response = await app.fetch("http://test/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `{"query":${JSON.stringify(QUERY)},"variables":{"ids":${ids}}}`,
      });
      expect(await response.json()).toMatchObject({
        errors: [{ extensions: { code: "LIMIT_EXCEEDED", max: 50 } }],
      });
    }
  });
});

describe("a document that cannot be run", () => {
  test.each([
    [
      "a circle of fragments",
      "{ health { ...a } } fragment a on Health { ...b } fragment b on Health { ...a }",
      "GRAPHQL_VALIDATION_FAILED",
    ],
    [
      "a fragment within itself",
      "{ health { ...a } } fragment a on Health { ...a ...a }",
      "GRAPHQL_VALIDATION_FAILED",
    ],
    ["a fragment that is not there", "{ health { ...nowhere } }", "GRAPHQL_VALIDATION_FAILED"],
    [
      "two operations with one name",
      "query a { __typename } query a { __typename }",
      "OPERATION_RESOLUTION_FAILURE",
    ],
    ["half of a surrogate pair as a name", "{ \ud800 }", "GRAPHQL_PARSE_FAILED"],
    ["a right-to-left override", "{ \u202e__typename }", "GRAPHQL_PARSE_FAILED"],
    ["U+0000", "{ \u0000 }", "GRAPHQL_PARSE_FAILED"],
    ["brackets without end", `{ health(a: ${"[".repeat(400)}`, "GRAPHQL_PARSE_FAILED"],
    ["a directive that is not there", "{ health @nope { status } }", "GRAPHQL_VALIDATION_FAILED"],
  ])("%s is refused with a code", async (_, query, code) => {
    const { data, errors } = await execute(query);
    expect([data, errors![0].extensions.code]).toEqual([undefined, code]);
    expect(JSON.stringify(errors)).not.toMatch(/node_modules|\.[jt]s:|\n\s+at /);
  });

  test("a full-width or combining look-alike of a field's name is not accepted", async () => {
    for (const field of ["ｈealth", "heal\u0074\u0301h"]) {
      const { errors } = await execute(`{ ${field} { status } }`);
      expect(errors![0].extensions.code).toBe("GRAPHQL_PARSE_FAILED");
    }
  });
});

test("keys that could change prototypes are ordinary keys", async () => {
  const response = await app.fetch("http://test/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"query":"query($p: String){ searchProjects(query: $p) { totalCount } __typename }","variables":{"p":"x","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}},"extensions":{"__proto__":{"polluted":true}}}`,
  });
  expect(response.status).toBe(200);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  const variable = await execute(
    "query ($__proto__: Int) { projects(first: $__proto__) { totalCount } }",
    {},
  );
  expect(variable.data).toEqual({ projects: { totalCount: 3 } });
});

test("GraphiQL's introspection is within the limits, although it is deep", async () => {
  const { errors, data } = await execute(getIntrospectionQuery({ inputValueDeprecation: true }));
  expect(errors).toBeUndefined();
  expect(data.__schema.queryType.name).toBe("Query");
});

test("a batch of operations is refused", async () => {
  const response = await app.fetch("http://test/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([
      { query: "{ __typename }" },
      { query: `{ project(id: "Project:${keyOf(1)}") { id } }` },
    ]),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "BAD_REQUEST" } }] });
});

describe("without introspection", async () => {
  const { execute: ask } = await createTestApp({ INTROSPECTION: "false" });

  test("the schema is not shown, and wrong names are not corrected", async () => {
    for (const query of ["{ __schema { queryType { name } } }", '{ __type(name: "User") { name } }'])
      expect((await ask(query)).errors![0]).toMatchObject({
        extensions: { code: "GRAPHQL_VALIDATION_FAILED" },
      });
    const { errors } = await ask("{ project { id } healt { status } }");
    expect(errors!.length).toBeGreaterThan(0);
    expect(JSON.stringify(errors)).not.toContain("Did you mean");
    expect((await ask("{ __typename }")).data).toEqual({ __typename: "Query" });
  });
});
