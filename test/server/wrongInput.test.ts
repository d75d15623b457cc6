import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { captureLogs } from "../support/logs.ts";
import { fingerprint, insertRows, keyOf } from "../support/rows.ts";

/** Every mistake of a client is answered with a stable error code, and changes nothing. */

const logs = captureLogs();
const { app, execute } = await createTestApp({ ENCRYPTION_KEY: "0".repeat(64) }, { log: logs.log });
const { url, port } = await app.listen();
const { pool } = app.database;

beforeAll(() => insertRows(pool, { users: 2, projects: 3, jobs: 3 }));

let before: unknown;
beforeEach(async () => {
  logs.lines.length = 0;
  before = await fingerprint(pool);
});
afterEach(async () => {
  expect(await fingerprint(pool)).toEqual(before);
  // The service does not log a client's mistake as a warning or an error.
  expect(logs.atLeast(40)).toEqual([]);
});

const project = `Project:${keyOf(1)}`;
const IMPORT = `mutation ($input: ImportProjectInput!) { importProject(input: $input) { project { id } } }`;
/** 900 characters of 3 bytes each, in an order that cannot be compressed. */
const LONG_PATH = Array.from({ length: 900 }, (_, index) =>
  String.fromCharCode(0x4e00 + ((index * 7_919 + index * index * 31) % 20_000)),
).join("");
const validImport = { ownerId: `User:${keyOf(1)}`, name: "n", githubUrl: "https://github.com/a/b" };

describe("an operation", () => {
  test.each<[string, string, Record<string, unknown> | undefined, string]>([
    ["with a bad uuid", `{ project(id: "Project:not-a-uuid") { id } }`, undefined, "VALIDATION_FAILED"],
    ["with a bare uuid", `{ project(id: "${keyOf(1)}") { id } }`, undefined, "VALIDATION_FAILED"],
    [
      "with the id of another type",
      `{ project(id: "User:${keyOf(1)}") { id } }`,
      undefined,
      "VALIDATION_FAILED",
    ],
    [
      "with a node id of an unknown type",
      `{ node(id: "Secret:${keyOf(1)}") { id } }`,
      undefined,
      "VALIDATION_FAILED",
    ],
    ["with a number as id", `{ node(id: 7) { id } }`, undefined, "VALIDATION_FAILED"],
    [
      "with the node id __proto__",
      `{ node(id: "__proto__:${keyOf(1)}") { id } }`,
      undefined,
      "VALIDATION_FAILED",
    ],
    [
      "with 101 ids",
      `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`,
      { ids: Array(101).fill(project) },
      "VALIDATION_FAILED",
    ],
    [
      "with a cursor that is nonsense",
      `{ projects(after: "nonsense") { nodes { id } } }`,
      undefined,
      "VALIDATION_FAILED",
    ],
    ["with an empty cursor", `{ projects(after: "") { nodes { id } } }`, undefined, "VALIDATION_FAILED"],
    ["with first: -1", `{ projects(first: -1) { nodes { id } } }`, undefined, "VALIDATION_FAILED"],
    ["with first: 101", `{ projects(first: 101) { nodes { id } } }`, undefined, "VALIDATION_FAILED"],
    [
      "with first and last",
      `{ projects(first: 1, last: 1) { nodes { id } } }`,
      undefined,
      "VALIDATION_FAILED",
    ],
    [
      "with a first beyond 32 bits",
      `{ projects(first: 2147483648) { nodes { id } } }`,
      undefined,
      "GRAPHQL_VALIDATION_FAILED",
    ],
    [
      "with fileStructure(first: 1001)",
      `{ project(id: "${project}") { fileStructure(first: 1001) { nodes { path } } } }`,
      undefined,
      "VALIDATION_FAILED",
    ],
    ["with neither id nor githubId", `{ user { id } }`, undefined, "VALIDATION_FAILED"],
    ["with a githubId of letters", `{ user(githubId: "abc") { id } }`, undefined, "VALIDATION_FAILED"],
    [
      "with an empty search",
      `{ searchProjects(query: "  ") { nodes { id } } }`,
      undefined,
      "VALIDATION_FAILED",
    ],
    [
      "with a search of 201 characters",
      `{ searchProjects(query: "${"x".repeat(201)}") { nodes { id } } }`,
      undefined,
      "VALIDATION_FAILED",
    ],
    [
      "with U+0000 in a search",
      `query ($q: String!) { searchProjects(query: $q) { nodes { id } } }`,
      { q: "a\0b" },
      "VALIDATION_FAILED",
    ],
    [
      "with U+0000 in a directory",
      `query ($u: String) { project(id: "${project}") { fileStructure(under: $u) { totalCount } } }`,
      { u: "a\0b" },
      "VALIDATION_FAILED",
    ],
    [
      "with an unknown enum value",
      `{ projects(status: DONE) { nodes { id } } }`,
      undefined,
      "GRAPHQL_VALIDATION_FAILED",
    ],
    [
      "with an unknown enum value in a variable",
      `query ($s: ProjectStatus) { projects(status: $s) { nodes { id } } }`,
      { s: "DONE" },
      "BAD_USER_INPUT",
    ],
    ["with an unknown field", `{ projects { nodes { secret } } }`, undefined, "GRAPHQL_VALIDATION_FAILED"],
    [
      "with an unknown argument",
      `{ projects(limit: 1) { nodes { id } } }`,
      undefined,
      "GRAPHQL_VALIDATION_FAILED",
    ],
    ["without a required variable", IMPORT, {}, "BAD_USER_INPUT"],
    [
      "with an unknown field in a variable",
      IMPORT,
      { input: { ...validImport, isAdmin: true } },
      "BAD_USER_INPUT",
    ],
    ["with a number as a name", IMPORT, { input: { ...validImport, name: 7 } }, "BAD_USER_INPUT"],
    ["with U+0000 in a name", IMPORT, { input: { ...validImport, name: "a\0b" } }, "VALIDATION_FAILED"],
    [
      "with U+0000 in an address",
      IMPORT,
      { input: { ...validImport, githubUrl: "https://x/\0" } },
      "VALIDATION_FAILED",
    ],
    [
      "with U+0000 in a tech stack",
      IMPORT,
      { input: { ...validImport, originalTechStack: { language: "a\0b" } } },
      "VALIDATION_FAILED",
    ],
    [
      "with U+0000 in a list of a tech stack",
      IMPORT,
      { input: { ...validImport, targetTechStack: { additional: ["a\0b"] } } },
      "VALIDATION_FAILED",
    ],
    [
      "with a lone surrogate in a tech stack",
      IMPORT,
      { input: { ...validImport, originalTechStack: { language: "a\ud800b" } } },
      "VALIDATION_FAILED",
    ],
    [
      "with a lone surrogate in a name",
      IMPORT,
      { input: { ...validImport, name: "a\udc00" } },
      "VALIDATION_FAILED",
    ],
    [
      "with U+0000 in a plan",
      `mutation ($input: CreateConversionJobInput!) { createConversionJob(input: $input) { conversionJob { id } } }`,
      {
        input: {
          projectId: project,
          plan: { tasks: [{ id: "t", type: "x", description: "a\0b", agentType: "x" }] },
        },
      },
      "VALIDATION_FAILED",
    ],
    [
      "with a lone surrogate in a plan",
      `mutation ($input: CreateConversionJobInput!) { createConversionJob(input: $input) { conversionJob { id } } }`,
      {
        input: {
          projectId: project,
          plan: { tasks: [{ id: "t", type: "x", description: "ok", agentType: "x" }], warnings: ["\ud83e"] },
        },
      },
      "VALIDATION_FAILED",
    ],
    [
      "with U+0000 in a user's name",
      `mutation ($input: UpsertUserInput!) { upsertUser(input: $input) { user { id } } }`,
      { input: { githubId: "7", username: "a\0b" } },
      "VALIDATION_FAILED",
    ],
    [
      "with U+0000 in a token",
      `mutation ($input: SetGithubTokenInput!) { setGithubToken(input: $input) { user { id } } }`,
      { input: { userId: `User:${keyOf(1)}`, token: "a\0b" } },
      "VALIDATION_FAILED",
    ],
    [
      "with U+0000 in a file's path",
      `mutation ($input: AddProjectFilesInput!) { addProjectFiles(input: $input) { project { id } } }`,
      { input: { projectId: project, files: [{ path: "a\0b", sizeBytes: 1 }], isLast: true } },
      "VALIDATION_FAILED",
    ],
    [
      "with a path that is too long for the index, although it has few characters",
      `mutation ($input: AddProjectFilesInput!) { addProjectFiles(input: $input) { project { id } } }`,
      { input: { projectId: project, files: [{ path: LONG_PATH, sizeBytes: 1 }], isLast: true } },
      "VALIDATION_FAILED",
    ],
    [
      "with a path outside of its project",
      `mutation ($input: AddProjectFilesInput!) { addProjectFiles(input: $input) { project { id } } }`,
      { input: { projectId: project, files: [{ path: "../../etc/passwd", sizeBytes: 1 }], isLast: true } },
      "VALIDATION_FAILED",
    ],
    [
      "with an owner that does not exist",
      IMPORT,
      { input: { ...validImport, ownerId: `User:${keyOf(9)}` } },
      "CONFLICT",
    ],
    [
      "without an owner, from a viewer who has no row",
      IMPORT,
      { input: { ...validImport, ownerId: null } },
      "CONFLICT",
    ],
    [
      "on an unknown project",
      `mutation { deleteProject(input: { id: "Project:${keyOf(9)}" }) { deletedId } }`,
      undefined,
      "NOT_FOUND",
    ],
    ...[
      ["in a year that its offset makes 10000", "9999-12-31T23:59:59-23:59"],
      ["on a day that is in no calendar", "2999-02-30T00:00:00Z"],
      ["at 24 o'clock", "2999-01-01T24:00:00Z"],
    ].map(([which, expiresAt]): [string, string, Record<string, unknown>, string] => [
      `with a time ${which}`,
      `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }`,
      { input: { userId: `User:${keyOf(1)}`, name: "ci", scopes: ["PROJECTS_READ"], expiresAt } },
      "BAD_USER_INPUT",
    ]),
    ["that does not parse", `{ projects { nodes { id } `, undefined, "GRAPHQL_PARSE_FAILED"],
    ["that is empty", ``, undefined, "GRAPHQL_PARSE_FAILED"],
    ["that subscribes to an unknown field", `subscription { x }`, undefined, "GRAPHQL_VALIDATION_FAILED"],
  ])("%s is refused", async (_, query, variables, code) => {
    const { errors, data } = await execute(query, variables);

    expect(errors?.map(({ extensions }) => extensions.code)).toEqual([code]);
    // Every field is null. For a mutation, that means that nothing was done.
    for (const value of Object.values(data ?? {})) expect(value).toBeNull();
  });

  test("with another list's cursor, or a changed one, is refused", async () => {
    const { data } = await execute(
      `{ projects(first: 1) { pageInfo { endCursor } } users(first: 1) { pageInfo { endCursor } } }`,
    );
    const cursor: string = data.projects.pageInfo.endCursor;
    const changed = Buffer.from(
      Buffer.from(cursor, "base64url").toString().replace("-7000-", "-zzzz-"),
    ).toString("base64url");

    for (const after of [data.users.pageInfo.endCursor, changed, `${cursor}x`, cursor.slice(1)]) {
      const answer = await execute(`query ($after: String) { projects(after: $after) { nodes { id } } }`, {
        after,
      });
      expect(answer.errors).toMatchObject([
        { extensions: { code: "VALIDATION_FAILED", issues: [{ path: ["after"] }] } },
      ]);
    }
    const filtered = await execute(
      `query ($after: String) { projects(after: $after, status: READY) { nodes { id } } }`,
      {
        after: cursor,
      },
    );
    expect(filtered.errors).toMatchObject([{ extensions: { code: "VALIDATION_FAILED" } }]);
  });

  test("with __proto__ and constructor keys in its variables changes no prototype", async () => {
    const variables = `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"input":{"__proto__":{"polluted":1},"name":"n","githubUrl":"https://x/y"}}`;
    const answer = await post(`{"query":${JSON.stringify(IMPORT)},"variables":${variables}}`);

    expect(answer.code).toBe("BAD_USER_INPUT");
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

interface HttpAnswer {
  readonly status: number;
  readonly code: unknown;
}

/** Posts a body as it is, with any headers. */
function post(body: string | Buffer, headers: Record<string, string> = {}): Promise<HttpAnswer> {
  return send("POST", url, { "content-type": "application/json", ...headers }, body);
}

function send(
  method: string,
  to: string,
  headers: Record<string, string>,
  body?: string | Buffer,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const req = request(to, { method, headers: { accept: "application/json", ...headers } }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      res.on("end", () => {
        const { errors } = JSON.parse(text || "{}") as { errors?: { extensions: { code: unknown } }[] };
        resolve({ status: res.statusCode ?? 0, code: errors?.[0]?.extensions.code });
      });
    });
    // The server closes the connection while the test still writes a body that is too long. It has sent its
    // answer before.
    req.on("error", (error: NodeJS.ErrnoException) => {
      if (!["EPIPE", "ECONNRESET"].includes(error.code ?? "")) reject(error);
    });
    if (body !== undefined) req.write(body);
    req.end();
  });
}

describe("a request", () => {
  const tenMegabytes = Buffer.alloc(10 * 1024 * 1024, "x");

  test("of 10 MB is refused with 413, with a content-length and without", async () => {
    expect(await post(tenMegabytes, { "content-length": String(tenMegabytes.length) })).toEqual({
      status: 413,
      code: "PAYLOAD_TOO_LARGE",
    });
    expect(await post(tenMegabytes, { "transfer-encoding": "chunked" })).toEqual({
      status: 413,
      code: "PAYLOAD_TOO_LARGE",
    });
  });

  test("of exactly the limit is read, one byte more is not", async () => {
    const of = (length: number) => {
      const frame = `{"query":"{ __typename }","extensions":{"x":""}}`;
      return frame.replace(`"x":"`, `"x":"${"x".repeat(length - frame.length)}`);
    };

    expect(await post(of(4_194_304))).toEqual({ status: 200, code: undefined });
    expect(await post(of(4_194_305))).toEqual({ status: 413, code: "PAYLOAD_TOO_LARGE" });
  });

  test("that breaks off within its body has no effect, and the service goes on", async () => {
    const body = JSON.stringify({ query: IMPORT, variables: { input: validImport } });
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.write(
          `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length + 1}\r\n\r\n${body}`,
          () => socket.resetAndDestroy(),
        );
      });
      socket.on("error", reject).on("close", () => resolve());
    });

    expect(await post(`{"query":"{ __typename }"}`)).toEqual({ status: 200, code: undefined });
  });

  test.each<[string, string | Buffer]>([
    ["broken JSON", `{"query": "{ __typename }"`],
    ["an empty body", ""],
    ["null", "null"],
    ["a number", "7"],
    ["a string", `"{ __typename }"`],
    ["bytes that are not UTF-8", Buffer.from([0xff, 0xfe, 0x00])],
    ["no query", `{"variables":{}}`],
    ["a query that is a number", `{"query":7}`],
    ["variables that are a list", `{"query":"{ __typename }","variables":[1]}`],
    ["variables that are a string", `{"query":"{ __typename }","variables":"{}"}`],
  ])("with %s is refused with 400", async (_, body) => {
    expect(await post(body)).toEqual({ status: 400, code: "BAD_REQUEST" });
    expect(await post(body, { accept: "application/graphql-response+json" })).toEqual({
      status: 400,
      code: "BAD_REQUEST",
    });
  });

  test.each([
    ["an unknown operationName", `{"query":"query A { __typename }","operationName":"B"}`],
    ["two operations and no name", `{"query":"query A { __typename } query B { __typename }"}`],
  ])("with %s is refused", async (_, body) => {
    expect(await post(body, { accept: "application/graphql-response+json" })).toEqual({
      status: 400,
      code: "OPERATION_RESOLUTION_FAILURE",
    });
  });

  test("that accepts none of the service's content types is refused with 406", async () => {
    expect(await post(`{"query":"{ __typename }"}`, { accept: "image/png" })).toEqual({
      status: 406,
      code: "BAD_REQUEST",
    });
  });

  test("in another content type is refused", async () => {
    const body = `{"query":"{ __typename }"}`;
    expect(await post(body, { "content-type": "text/plain" })).toEqual({
      status: 403,
      code: "CSRF_PREVENTED",
    });
    expect(await post(body, { "content-type": "application/xml" })).toEqual({
      status: 415,
      code: "BAD_REQUEST",
    });
  });

  test.each(["variables", "extensions"])(
    "by GET with broken JSON in its %s is refused with 400",
    async (name) => {
      expect(await send("GET", `${url}?query={__typename}&${name}={`, {})).toEqual({
        status: 400,
        code: "BAD_REQUEST",
      });
    },
  );

  test("that mutates by GET is refused with 405", async () => {
    const query = encodeURIComponent(`mutation { deleteProject(input: { id: "${project}" }) { deletedId } }`);
    expect(await send("GET", `${url}?query=${query}`, {})).toEqual({ status: 405, code: "BAD_REQUEST" });
  });

  test("in an unknown method or to an unknown path is refused", async () => {
    expect(await send("DELETE", url, {})).toMatchObject({ status: 405, code: "BAD_REQUEST" });
    expect(await send("GET", url.replace("/graphql", "/nowhere"), {})).toEqual({
      status: 404,
      code: "NOT_FOUND",
    });
  });
});
