import { beforeAll, describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { readScrape } from "../support/metrics.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { recordStatements } from "../support/sql.ts";

/** src/server/directOperations.ts beside Yoga, which alone answers what comes without a socket (`app.fetch`). */
const METRICS_TOKEN = "a token for Prometheus alone";
const { app } = await createTestApp({
  METRICS_TOKEN,
  CACHE_ENABLED: "true",
  CORS_ORIGINS: "https://app.example",
  MAX_COMPLEXITY: "1000",
  MAX_LIST_SIZE: "20",
});
const { pool } = app.database;
const { url } = await app.listen();

const ADMIN = `ADMIN ${keyOf(1)}`;
const JSON_TYPE = "application/json";
const PROJECT = `query One($id: ID!) { project(id: $id) { name owner { username } } }`;
const id = `Project:${keyOf(1)}`;

beforeAll(() => insertRows(pool, { users: 2, projects: 30, jobs: 10 }));

let sent = 0;
interface Sent {
  readonly headers?: Record<string, string>;
  /** Text is sent as it is. */
  readonly body: Record<string, unknown> | string;
  readonly path?: string;
}

/** Over HTTP. No two requests have the same bytes, so none is replayed. */
async function overHttp({ headers = {}, body, path = "" }: Sent) {
  return answerOf(await fetch(url + path, init(headers, body)));
}

async function throughYoga({ headers = {}, body, path = "" }: Sent) {
  return answerOf(await app.fetch(`http://test/graphql${path}`, init(headers, body)));
}

function init(headers: Record<string, string>, body: Sent["body"]): RequestInit {
  const text = typeof body === "string" ? body : JSON.stringify({ ...body, extensions: { sent: ++sent } });
  return {
    method: "POST",
    headers: { authorization: ADMIN, "content-type": JSON_TYPE, ...headers },
    body: text,
  };
}

/** What HTTP adds below GraphQL, and what is of the moment: whether it is the first, and how much is left of a limit. */
const ELSEWHERE = [
  "cache-status",
  "connection",
  "content-length",
  "content-security-policy",
  "date",
  "keep-alive",
  "ratelimit",
  "ratelimit-policy",
  "x-content-type-options",
  "x-request-id",
];

async function answerOf(response: Response) {
  const headers = Object.fromEntries(
    [...response.headers]
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => !ELSEWHERE.includes(name)),
  );
  // An unexpected failure has a reference of its own; there is none in these tests.
  return { status: response.status, headers, text: await response.text() };
}

/** What the service has counted. */
async function counts() {
  const response = await fetch(new URL("/metrics", url), {
    headers: { authorization: `Bearer ${METRICS_TOKEN}` },
  });
  const { samples } = readScrape(await response.text());
  const sum = (name: string) =>
    samples
      .filter((sample) => sample.name === `stack_converter_${name}`)
      .reduce((total, { value }) => total + value, 0);
  return {
    direct: sum("graphql_direct_operations_total"),
    operations: sum("graphql_operation_duration_seconds_count"),
    errors: sum("graphql_errors_total"),
    decisions: sum("rate_limit_decisions_total"),
  };
}

/** What a request adds to it. */
async function counted<Result>(work: () => Promise<Result>) {
  const before = await counts();
  const result = await work();
  const after = await counts();
  const added = {
    direct: after.direct - before.direct,
    operations: after.operations - before.operations,
    errors: after.errors - before.errors,
    decisions: after.decisions - before.decisions,
  };
  return { result, added };
}

/** Sends it once so that its sort is known, and then again. */
async function answerOfKnownSort(given: Sent) {
  await overHttp(given);
  const { result: answer, added } = await counted(() => overHttp(given));
  return { answer, added };
}

/** It says what there is already, so that it can be done again and again. */
const UPSERT = `mutation { upsertUser(input: { githubId: "1001", username: "ada" }) { user { username } } }`;
/** Nobody's project cannot be deleted. */
const DELETE = `mutation { deleteProject(input: { id: "Project:${keyOf(99)}" }) { deletedId } }`;

describe("a query or a mutation is answered as Yoga answers it, head and body", () => {
  test.each<[string, Sent]>([
    ["with variables", { body: { query: PROJECT, variables: { id }, operationName: "One" } }],
    [
      "with null in the place of what is left out",
      { body: { query: "{ viewer { role } }", variables: null, operationName: null } },
    ],
    [
      "of several operations",
      { body: { query: `${PROJECT} query Other { users { totalCount } }`, operationName: "Other" } },
    ],
    ["that is kept for nobody", { body: { query: "{ health { status } }" } }],
    ["of the schema", { body: { query: "{ __schema { queryType { name } } }" } }],
    [
      "for a client that knows the specification's type",
      {
        headers: { accept: "application/graphql-response+json, application/json;q=0.9" },
        body: { query: PROJECT, variables: { id } },
      },
    ],
    [
      "for one that takes anything",
      { headers: { accept: "*/*" }, body: { query: PROJECT, variables: { id } } },
    ],
    [
      "from a page of another origin that may ask",
      { headers: { origin: "https://app.example" }, body: { query: PROJECT, variables: { id } } },
    ],
    [
      "from a page of one that may not",
      { headers: { origin: "https://evil.example" }, body: { query: PROJECT, variables: { id } } },
    ],
    [
      "as a user",
      { headers: { authorization: `USER ${keyOf(1)}` }, body: { query: "{ projects { totalCount } }" } },
    ],
    ["that changes something", { body: { query: UPSERT } }],
    ["that is done again", { headers: { "idempotency-key": "k" }, body: { query: UPSERT } }],
    [
      "with a charset",
      {
        headers: { "content-type": "application/json; charset=utf-8" },
        body: { query: "{ viewer { role } }" },
      },
    ],
  ])("%s", async (_, given) => {
    const expected = await throughYoga(given);
    const { answer, added } = await answerOfKnownSort(given);

    expect(added).toEqual({ direct: 1, operations: 1, errors: 0, decisions: 1 });
    expect(answer.status).toBe(200);
    expect(answer).toEqual(expected);
  });

  test("of a document that was asked for by another of its operations, or will be by one that it has not", async () => {
    const query = "query A { viewer { role } } query B { users { totalCount } } subscription C { jobs }";
    const valid = query.replace(" subscription C { jobs }", "");
    for (const given of [
      { query: valid, operationName: "A" },
      { query: valid, operationName: "B" },
      { query: valid, operationName: "C" },
      { query: valid },
      { query, operationName: "A" },
      { query: valid, operationName: "B" },
    ])
      expect([given, await overHttp({ body: given })]).toEqual([given, await throughYoga({ body: given })]);
  });

  test("to whoever has it already, by 304", async () => {
    const given = { body: { query: PROJECT, variables: { id } } };
    const { etag } = (await throughYoga(given)).headers;
    const again = { ...given, headers: { "if-none-match": etag! } };
    const expected = await throughYoga(again);
    const { answer, added } = await answerOfKnownSort(again);

    expect(added.direct).toBe(1);
    expect(answer).toMatchObject({ status: 304, text: "" });
    expect(answer.headers).toEqual(expected.headers);
  });
});

describe("what is out of the ordinary is Yoga's", () => {
  test.each<[string, Sent]>([
    ["a body that is no JSON", { body: "{" }],
    ["a list", { body: `[{"query":"{ __typename }"}]` }],
    ["nothing", { body: "null" }],
    ["a parameter that there is none of", { body: { query: "{ __typename }", "x-y": 1 } }],
    ["a name that is no text", { body: { query: "{ __typename }", operationName: 1 } }],
    ["variables that are a list", { body: { query: "{ __typename }", variables: [] } }],
    ["__proto__", { body: `{"query":"{ __typename }","__proto__":{"query":"{ x }"}}` }],
    ["no document", { body: { variables: {} } }],
    ["a document that does not parse", { body: { query: "{" } }],
    ["a document that is not valid", { body: { query: "{ nothing }" } }],
    ["an operation that is not in it", { body: { query: PROJECT, operationName: "Another" } }],
    ["an unknown digest", { body: { documentId: `sha256:${"0".repeat(64)}` } }],
    ["a subscription", { body: { query: "subscription { projectActivity(projectId: 1) { cursor } }" } }],
    [
      "variables that are too long a list",
      { body: { query: PROJECT, variables: { id: Array(21).fill("a") } } },
    ],
    [
      "what any page could send",
      { headers: { "content-type": "text/plain" }, body: { query: "{ __typename }" } },
    ],
    ["a parameter in the URL", { path: "?operationName=x", body: { query: "{ __typename }" } }],
    ["a type that is not given out", { headers: { accept: "text/html" }, body: { query: "{ __typename }" } }],
  ])("%s", async (_, given) => {
    const expected = await throughYoga(given);
    const { answer, added } = await answerOfKnownSort(given);

    expect(added.direct).toBe(0);
    expect(answer).toEqual(expected);
  });

  const LARGE = "{ projects(first: 100) { nodes { conversionJobs(first: 100) { nodes { id } } } } }";
  test.each<[string, Sent, { status: number; statements: number }]>([
    [
      "a field that fails beside one that does not",
      { body: { query: `{ project(id: "x") { id } health { status } }` } },
      { status: 200, statements: 1 },
    ],
    [
      "everything that fails",
      { headers: { authorization: `USER ${keyOf(1)}` }, body: { query: "{ poolStatistics { total } }" } },
      { status: 200, statements: 0 },
    ],
    [
      "a variable that does not fit",
      { body: { query: PROJECT, variables: { id: {} } } },
      { status: 400, statements: 0 },
    ],
    ["a mutation that fails", { body: { query: DELETE } }, { status: 200, statements: 0 }],
    ["more than is allowed", { body: { query: LARGE } }, { status: 200, statements: 0 }],
    [
      "more than is allowed, to a client that knows the specification's type",
      { headers: { accept: "application/graphql-response+json" }, body: { query: LARGE } },
      { status: 400, statements: 0 },
    ],
  ])("so is the sending of %s, which is run once", async (_, given, { status, statements }) => {
    // The head of a good answer to such a client is known.
    await overHttp({
      headers: { ...given.headers, authorization: ADMIN },
      body: { query: "{ viewer { role } }" },
    });
    const expected = await throughYoga(given);
    const recording = recordStatements(pool);
    const { result: answer, added } = await counted(() => overHttp(given));
    recording.stop();

    expect(answer).toEqual(expected);
    expect(answer.status).toBe(status);
    expect(added).toEqual({ direct: 0, operations: 1, errors: 1, decisions: 1 });
    expect(recording.statements.filter(({ text }) => text.includes("server_version")).length).toBe(
      statements,
    );
  });

  test("so is the sending of a mutation of which only a part is done, and that is done once", async () => {
    const body = `first: importProject(input: { ownerId: "User:${keyOf(1)}", name: "once", githubUrl: "https://github.com/acme/x" }) { project { name } }`;
    const query = `mutation { ${body} second: ${DELETE.slice("mutation { ".length, -1)} }`;
    const { result: answer, added } = await counted(() => overHttp({ body: { query } }));

    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({
      errors: [{ path: ["second"], extensions: { code: "NOT_FOUND" } }],
    });
    expect(added).toMatchObject({ direct: 0, operations: 1 });
    const { rows } = await pool.query("SELECT name FROM projects WHERE name = 'once'");
    expect(rows).toHaveLength(1);
  });
});
