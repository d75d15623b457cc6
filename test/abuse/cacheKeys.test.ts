import { expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { readAnswer, startServed } from "../support/served.ts";
import { UNLIMITED } from "../support/unlimited.ts";

// Two databases with the same rows, because without a Redis only one instance per database may cache.
const plain = await createTestApp();
const database = await createTestDatabase();
const cached = await startServed({ ...UNLIMITED, DATABASE_URL: database.url });
for (const { database } of [plain.app, cached.app])
  await insertRows(database.pool, { users: 2, projects: 4 });

type Body = Readonly<Record<string, unknown>>;
const TWO =
  "query a($n: Int) { projects(first: $n) { nodes { id } } } query b($n: Int) { users(first: $n) { nodes { id } } }";
const NODE = "query ($id: ID!) { node(id: $id) { id __typename } }";
const SEARCH = "query ($q: String!) { searchProjects(query: $q) { totalCount } }";

/** Pairs of requests. A cache that gives both the same key answers the second with the first one's answer. */
const PAIRS: [string, Body, Body][] = [
  ["the operation's name", { query: TWO, operationName: "a" }, { query: TWO, operationName: "b" }],
  [
    "a variable's value",
    { query: NODE, variables: { id: `Project:${keyOf(1)}` } },
    { query: NODE, variables: { id: `User:${keyOf(1)}` } },
  ],
  [
    "a variable that is null or left out",
    { query: TWO, operationName: "a", variables: { n: 1 } },
    { query: TWO, operationName: "a", variables: { n: null } },
  ],
  [
    "which half of a surrogate pair",
    { query: SEARCH, variables: { q: "\ud800" } },
    { query: SEARCH, variables: { q: "\udc00" } },
  ],
  [
    "half of a pair and its replacement",
    { query: SEARCH, variables: { q: "\ud800" } },
    { query: SEARCH, variables: { q: "\ufffd" } },
  ],
  [
    "a key of every object",
    { query: TWO, operationName: "a", variables: { n: 1 } },
    { query: TWO, operationName: "a", variables: JSON.parse('{"__proto__":{"n":1}}') as Body },
  ],
  [
    "what stands in quotes",
    { query: "query a { a: __typename users(first: 1) { nodes { id } } }", operationName: "a" },
    { query: "query a { a: __typename users(first: 2) { nodes { id } } }", operationName: "a" },
  ],
  [
    "an alias like another's field",
    { query: "{ id: projects(first: 1) { totalCount } }" },
    { query: "{ id: users(first: 1) { totalCount } }" },
  ],
];

async function directly(body: Body) {
  const response = await plain.app.fetch("http://test/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const { data, errors } = await readAnswer(response);
  return { data, codes: errors?.map(({ extensions }) => extensions.code) };
}

test.each(PAIRS)("answers are told apart by %s", { timeout: 60_000 }, async (_, one, other) => {
  await expect
    .poll(async () => (await cached.send({ query: "{ users { totalCount } }" })).cached, { timeout: 30_000 })
    .toBe("hit");
  for (let round = 0; round < 4; round++) {
    for (const body of [one, other]) {
      const { data, errors } = await cached.send(body);
      expect({ data, codes: errors?.map(({ extensions }) => extensions.code) }).toEqual(await directly(body));
    }
  }
});
