import {
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  type OperationDefinitionNode,
  parse,
} from "graphql";
import { describe, expect, test } from "vitest";
import type { Viewer } from "../../src/auth/viewer.ts";
import { Dependencies } from "../../src/coherence/dependencies.ts";
import { uncached } from "../../src/coherence/uncached.ts";
import { Interruption } from "../../src/database/interruption.ts";
import { createLoaders } from "../../src/loaders.ts";
import { TO_EVERYTHING } from "../../src/repositories/access.ts";
import { schema as serviceSchema } from "../../src/schema/index.ts";
import { compileQuery } from "../../src/server/compiledQuery.ts";
import { compiledQueries } from "../../src/server/plugins/compiledQueries.ts";
import { QUERIES } from "../bench/comparison/work.ts";
import { createTestApp } from "../support/app.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { recordStatements } from "../support/sql.ts";

/** Compares src/server/plugins/compiledQueries.ts with the interpreter, on the same rows. */
const interpreted = await createTestApp({ COMPILE_AFTER: "0" });
const compiled = await createTestApp({ COMPILE_AFTER: "1", DATABASE_URL: interpreted.url });
await insertRows(interpreted.app.database.pool, { users: 3, projects: 7, jobs: 20 });

const NO_TIME = { user: 0, project: 0, conversionJob: 0, collection: 0, statistics: 0 };
const id = `Project:${keyOf(1)}`;
const ADMIN = `ADMIN ${keyOf(1)}`;
const USER = `USER ${keyOf(2)}`;

interface Asked {
  readonly query: string;
  readonly variables?: object;
  readonly authorization?: string;
}

async function ask({ send }: typeof compiled, { query, variables, authorization = ADMIN }: Asked) {
  const response = await send(query, variables, { authorization });
  const text = await response.text();
  // Each unexpected failure has a reference of its own.
  return {
    status: response.status,
    answer: JSON.parse(text.replace(/"reference":"[^"]+"/g, '"reference":""')),
  };
}

const JOBS = "nodes { id status progress createdAt startedAt }";

describe("a compiled query is answered as an interpreted one is", () => {
  test.each<[string, Asked]>([
    [
      "lists of lists, with every field of a connection",
      {
        query: `{ projects(first: 3) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id name
          owner { username projects(first: 2) { nodes { conversionJobs(first: 2) { ${JOBS} } } } } } } } }`,
      },
    ],
    [
      "variables, with defaults and without",
      {
        query: `query ($id: ID!, $first: Int = 2, $last: Int) { project(id: $id) { name
          conversionJobs(first: $first, last: $last) { ${JOBS} } } }`,
        variables: { id },
      },
    ],
    [
      "aliases, fragments in fragments, and the same field twice",
      {
        query: `query ($id: ID!) { a: project(id: $id) { ...P } b: project(id: $id) { owner { id } ...P } }
          fragment P on Project { name owner { ...U } } fragment U on User { username __typename }`,
        variables: { id },
      },
    ],
    [
      "an interface's types",
      {
        query: `query ($id: ID!, $other: ID!) { one: node(id: $id) { __typename id ... on Project { name } }
          other: node(id: $other) { id ... on User { username } ... on Project { name } } }`,
        variables: { id, other: `User:${keyOf(1)}` },
      },
    ],
    [
      "fields that are skipped and fields that are included",
      {
        query: `query ($yes: Boolean!, $no: Boolean!) { users(first: 1) @skip(if: $no) { totalCount nodes { id username @include(if: $no) ... @include(if: $yes) { role } } }
          projects @include(if: $no) { totalCount } }`,
        variables: { yes: true, no: false },
      },
    ],
    [
      "objects that are stored as JSON",
      { query: `{ project(id: "${id}") { originalTechStack { language frameworks } version } }` },
    ],
    ["a row that does not exist", { query: `{ project(id: "Project:${keyOf(99)}") { name } }` }],
    [
      "another user's row",
      { query: `{ project(id: "${id}") { name } projects { totalCount } }`, authorization: USER },
    ],
    [
      "an argument that is refused",
      { query: `{ project(id: "${id}") { name conversionJobs(first: -1) { totalCount nodes { id } } } }` },
    ],
    [
      "two refused arguments that make the same place null",
      {
        query: `{ project(id: "${id}") { conversionJobs(first: -1) { nodes { id } edges { cursor } } } }`,
      },
    ],
    [
      "a nullable field that fails beside one that succeeds",
      { query: `{ project(id: "x") { id } health { status } }` },
    ],
    ["a forbidden field", { query: "{ poolStatistics { total } }", authorization: USER }],
    [
      "an unknown enum value",
      {
        query: "query ($s: ProjectStatus) { projects(filter: { status: $s }) { totalCount } }",
        variables: { s: "x" },
      },
    ],
    [
      "a variable of the wrong type",
      { query: "query ($id: ID!) { project(id: $id) { id } }", variables: { id: {} } },
    ],
    ["a variable that is missing", { query: "query ($id: ID!) { project(id: $id) { id } }" }],
    [
      "aliases that objects inherit as properties",
      { query: `{ __proto__: project(id: "${id}") { constructor: name toString: id } }` },
    ],
    ["introspection", { query: "{ __schema { queryType { name fields { name } } } }" }],
  ])("%s", async (_, asked) => {
    const expected = await ask(interpreted, asked);
    // The second run uses the compiled query again.
    for (let time = 0; time < 2; time++) expect(await ask(compiled, asked)).toEqual(expected);
  });

  test("also when it fails, and reads everything only once", async () => {
    const query = `{ project(id: "${id}") { name owner { username } conversionJobs(first: -1) { nodes { id } edges { cursor } } } }`;
    const statementsOf = async (which: typeof compiled) => {
      const recording = recordStatements(which.app.database.pool);
      const { answer } = await ask(which, { query });
      recording.stop();
      return { answer, statements: recording.statements.map(({ text }) => text) };
    };
    const expected = await statementsOf(interpreted);
    expect(expected.statements.length).toBeGreaterThan(0);
    expect(await statementsOf(compiled)).toEqual(expected);
  });
});

describe("a query that succeeds needs no interpreter", () => {
  const cases: [string, string, object][] = [
    ...Object.values(QUERIES).map(({ title, documents }): [string, string, object] => [
      title,
      documents.service,
      { id },
    ]),
    [
      "every field of a list, and an interface with fields of its own and of a type",
      `query ($id: ID!, $yes: Boolean!) { node(id: $id) { id __typename ... on Project { name } } users { edges { cursor node { email } } }
         projects(first: 2) @include(if: $yes) { totalCount pageInfo { hasNextPage endCursor } nodes { description targetTechStack { language } } } }`,
      { id, yes: true },
    ],
    [
      "a row that does not exist",
      "query ($id: ID!) { project(id: $id) { name owner { username } } }",
      { id: `Project:${keyOf(99)}` },
    ],
  ];
  test.each(cases)("%s", async (_, query, variables) => {
    const document = parse(query);
    const viewer: Viewer = {
      userId: keyOf(1),
      role: "ADMIN",
      scopes: null,
      credential: null,
      expiresAt: null,
    };
    const { repositories } = interpreted.app;
    const loaders = createLoaders(repositories, {
      reads: new Dependencies(),
      store: uncached,
      ttlMs: NO_TIME,
    });
    const context = { viewer, access: TO_EVERYTHING, loaders, repositories };
    // Safe: the first definition of these documents is an operation.
    const compiledQuery = compileQuery(
      serviceSchema,
      document,
      document.definitions[0] as OperationDefinitionNode,
    )!;

    const result = await compiledQuery.run(context, variables as Record<string, unknown>);

    expect(result).toBeDefined();
    const { answer } = await ask(interpreted, { query, variables });
    expect(JSON.parse(JSON.stringify(result))).toEqual(answer);
  });
});

test("a query that was given up is not run again", async () => {
  let begun = 0;
  const { onExecute } = compiledQueries({ schema: serviceSchema, after: 1 });
  const document = parse("{ projects { totalCount } }");
  const interruption = new Interruption();
  interruption.interrupt(new Error("Given up."));
  let result: unknown;
  onExecute?.({
    args: { document },
    executeFn: () => begun++,
    setExecuteFn: (execute: (given: object) => unknown) => {
      // The context has no loaders, so the compiled query fails at once.
      const contextValue = { viewer: null, execution: { interruption } };
      result = execute({ contextValue });
    },
  } as never); // Safe: the plugin reads nothing else.

  expect(await result).toEqual({ data: null });
  expect(begun).toBe(0);
});

describe("a query is compiled", () => {
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({
      name: "Query",
      fields: { word: { type: GraphQLString, resolve: () => "said" } },
    }),
    mutation: new GraphQLObjectType({
      name: "Mutation",
      fields: { say: { type: GraphQLString, resolve: () => "said" } },
    }),
  });

  /** How each execution runs: "interpreted", or the result of the compiled query. */
  function runsOf(documents: readonly ReturnType<typeof parse>[], after: number): string[] {
    const { onExecute } = compiledQueries({ schema, after });
    return documents.map((document) => {
      let how = "interpreted";
      onExecute?.({
        args: { schema, document, contextValue: {} },
        executeFn: () => {},
        setExecuteFn: (execute: (given: object) => unknown) => {
          how = JSON.stringify(execute({ contextValue: {} }));
        },
      } as never); // Safe: the plugin reads nothing else.
      return how;
    });
  }
  const repeated = (text: string, times: number) => {
    const document = parse(text);
    return new Array<typeof document>(times).fill(document);
  };
  const SAID = JSON.stringify({ data: { word: "said" } });

  test("at the execution whose number is `after`", () => {
    expect(runsOf(repeated("{ word }", 4), 3)).toEqual(["interpreted", "interpreted", SAID, SAID]);
  });

  test.each([
    ["never if `after` is 0", "{ word }", 0],
    ["not if it is a mutation", "mutation { say }", 1],
    ["not if it is introspection", "{ __schema { queryType { name } } }", 1],
    ["not if it has the alias __proto__", "{ __proto__: word }", 1],
  ])("%s", (_, text, after) => {
    expect(new Set(runsOf(repeated(text, 4), after))).toEqual(new Set(["interpreted"]));
  });

  test("again after other queries have evicted it", () => {
    const [first] = repeated("{ word }", 1);
    const others = Array.from({ length: 250 }, (_, index) => parse(`{ w${index}: word }`));
    const runs = runsOf([first!, first!, ...others.flatMap((other) => [other, other]), first!, first!], 2);
    expect(runs.slice(0, 2)).toEqual(["interpreted", SAID]);
    expect(runs.slice(-2)).toEqual(["interpreted", SAID]);
  });
});
