import { beforeAll, describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { readScrape } from "../support/metrics.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { recordStatements } from "../support/sql.ts";

/**
 * Compares src/server/directOperations.ts with Yoga, which answers every request that comes without a socket
 * (`app.fetch`).
 */
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
  /** A string is sent as it is. */
  readonly body: Record<string, unknown> | string;
  readonly path?: string;
}

/** Sends the request over HTTP. No two requests have the same bytes, so none is replayed. */
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

/**
 * Headers that are not compared: those that HTTP adds below GraphQL, and those that depend on the moment,
 * such as whether the answer was cached and how much of a limit is left.
 */
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
  // The texts can be compared: only an unexpected failure has a reference of its own, and there is none here.
  return { status: response.status, headers, text: await response.text() };
}

/** The service's counters. */
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

/** The result of the work, and what the work has added to the counters. */
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

/** Sends the request once, so that the head for its kind is learned, and then again. */
async function answerOfKnownSort(given: Sent) {
  await overHttp(given);
  const { result: answer, added } = await counted(() => overHttp(given));
  return { answer, added };
}

/** Sets the same values each time, so that it can be repeated. */
const UPSERT = `mutation { upsertUser(input: { githubId: "1001", username: "ada" }) { user { username } } }`;
/** Fails, because there is no such project. */
const DELETE = `mutation { deleteProject(input: { id: "Project:${keyOf(99)}" }) { deletedId } }`;

describe("a query or a mutation is answered as Yoga answers it, head and body", () => {
  test.each<[string, Sent]>([
    ["with variables", { body: { query: PROJECT, variables: { id }, operationName: "One" } }],
    [
      "with null for the parameters that are left out",
      { body: { query: "{ viewer { role } }", variables: null, operationName: null } },
    ],
    [
      "of several operations",
      { body: { query: `${PROJECT} query Other { users { totalCount } }`, operationName: "Other" } },
    ],
    ["that is never cached", { body: { query: "{ health { status } }" } }],
    ["for introspection", { body: { query: "{ __schema { queryType { name } } }" } }],
    [
      "for a client that accepts the specification's media type",
      {
        headers: { accept: "application/graphql-response+json, application/json;q=0.9" },
        body: { query: PROJECT, variables: { id } },
      },
    ],
    [
      "for a client that accepts anything",
      { headers: { accept: "*/*" }, body: { query: PROJECT, variables: { id } } },
    ],
    [
      "from a page of an allowed origin",
      { headers: { origin: "https://app.example" }, body: { query: PROJECT, variables: { id } } },
    ],
    [
      "from a page of a forbidden origin",
      { headers: { origin: "https://evil.example" }, body: { query: PROJECT, variables: { id } } },
    ],
    [
      "as a user",
      { headers: { authorization: `USER ${keyOf(1)}` }, body: { query: "{ projects { totalCount } }" } },
    ],
    ["that writes", { body: { query: UPSERT } }],
    ["that is repeated", { headers: { "idempotency-key": "k" }, body: { query: UPSERT } }],
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

  test("for a document that was run with another of its operations, or that lacks the operation", async () => {
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

  test("with 304 for a client that has the answer already", async () => {
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

describe("what is out of the ordinary is left to Yoga", () => {
  test.each<[string, Sent]>([
    ["a body that is not JSON", { body: "{" }],
    ["a body that is a list", { body: `[{"query":"{ __typename }"}]` }],
    ["a body that is null", { body: "null" }],
    ["an unknown parameter", { body: { query: "{ __typename }", "x-y": 1 } }],
    ["an operationName that is not a string", { body: { query: "{ __typename }", operationName: 1 } }],
    ["variables that are a list", { body: { query: "{ __typename }", variables: [] } }],
    ["__proto__", { body: `{"query":"{ __typename }","__proto__":{"query":"{ x }"}}` }],
    ["no document", { body: { variables: {} } }],
    ["a document that does not parse", { body: { query: "{" } }],
    ["a document that is not valid", { body: { query: "{ nothing }" } }],
    ["an unknown operationName", { body: { query: PROJECT, operationName: "Another" } }],
    ["an unknown digest", { body: { documentId: `sha256:${"0".repeat(64)}` } }],
    ["a subscription", { body: { query: "subscription { projectActivity(projectId: 1) { cursor } }" } }],
    [
      "variables that are too long a list",
      { body: { query: PROJECT, variables: { id: Array(21).fill("a") } } },
    ],
    [
      "a content type that any page could send",
      { headers: { "content-type": "text/plain" }, body: { query: "{ __typename }" } },
    ],
    ["a parameter in the URL", { path: "?operationName=x", body: { query: "{ __typename }" } }],
    ["an unsupported media type", { headers: { accept: "text/html" }, body: { query: "{ __typename }" } }],
  ])("%s", async (_, given) => {
    const expected = await throughYoga(given);
    const { answer, added } = await answerOfKnownSort(given);

    expect(added.direct).toBe(0);
    expect(answer).toEqual(expected);
  });

  const LARGE = "{ projects(first: 100) { nodes { conversionJobs(first: 100) { nodes { id } } } } }";
  test.each<[string, Sent, { status: number; statements: number }]>([
    [
      "a field that fails beside one that succeeds",
      { body: { query: `{ project(id: "x") { id } health { status } }` } },
      { status: 200, statements: 1 },
    ],
    [
      "a query that fails as a whole",
      { headers: { authorization: `USER ${keyOf(1)}` }, body: { query: "{ poolStatistics { total } }" } },
      { status: 200, statements: 0 },
    ],
    [
      "a variable of the wrong type",
      { body: { query: PROJECT, variables: { id: {} } } },
      { status: 400, statements: 0 },
    ],
    ["a mutation that fails", { body: { query: DELETE } }, { status: 200, statements: 0 }],
    ["a query over a limit", { body: { query: LARGE } }, { status: 200, statements: 0 }],
    [
      "a query over a limit, to a client that accepts the specification's media type",
      { headers: { accept: "application/graphql-response+json" }, body: { query: LARGE } },
      { status: 400, statements: 0 },
    ],
  ])("so is sending the result of %s, which is run once", async (_, given, { status, statements }) => {
    // Makes sure that the head of a successful answer to such a client is known.
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

  test("so is sending the result of a mutation that is done only in part, and that part is done once", async () => {
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
