import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { type ClientOptions, createClient, StackConverterError } from "../../src/sdk/index.ts";
import { atEndOfFile } from "../support/cleanup.ts";

const token = "s3cret-t0ken";

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEndOfFile(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  // Safe: a server that listens on a port has an address of this kind.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
}

const answering = (body: string, { status = 200, type = "application/json" } = {}) =>
  serve((_, response) => response.writeHead(status, { "content-type": type }).end(body));

async function failure(options: ClientOptions, signal?: AbortSignal): Promise<StackConverterError> {
  const error: unknown = await createClient({ token, ...options })
    .viewer({}, { signal })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  if (!(error instanceof StackConverterError)) throw new Error("expected the call to fail", { cause: error });
  // Nothing that a logger may show of the error has the token: message, stack, fields, causes.
  expect(inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error)).not.toContain(token);
  return error;
}

describe("a request", () => {
  it("carries the document, the variables and the headers, of which the call's own take precedence", async () => {
    const seen: { method?: string | undefined; headers: Record<string, unknown>; body: unknown }[] = [];
    const url = await serve(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      seen.push({ method: request.method, headers: request.headers, body: JSON.parse(body) });
      response.end('{"data":{"deleteUser":{"deletedId":"User:1"}}}');
    });
    let renewals = 0;
    const client = createClient({
      url,
      token: async () => `t${++renewals}`,
      headers: () => ({ "X-Tenant": "a", "X-Trace": "client" }),
    });
    for (const headers of [{ "x-trace": "call" }, {}])
      await client.deleteUser({ input: { id: "User:1" } }, { headers });
    expect(seen.map(({ method, body }) => [method, body])).toEqual(
      Array(2).fill([
        "POST",
        {
          query: "mutation DeleteUser($input:DeleteUserInput!){deleteUser(input:$input){deletedId}}",
          variables: { input: { id: "User:1" } },
        },
      ]),
    );
    expect(seen.map(({ headers }) => headers)).toMatchObject([
      {
        authorization: "Bearer t1",
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json",
        "x-tenant": "a",
        "x-trace": "call",
      },
      { authorization: "Bearer t2", "x-trace": "client" },
    ]);
  });

  it("has no authorization without a token", async () => {
    const headers: unknown[] = [];
    const url = await serve((request, response) => {
      headers.push(request.headers.authorization);
      response.end('{"data":{"viewer":null}}');
    });
    await createClient({ url }).viewer();
    await createClient({ url, token: () => undefined }).viewer();
    expect(headers).toEqual([undefined, undefined]);
  });
});

describe("a request without a whole answer", () => {
  it("is a NETWORK_ERROR without a connection", async () => {
    const url = await serve(() => {});
    const error = await failure({ url: url.replace(/:\d+/, ":1") });
    expect(error).toMatchObject({ code: "NETWORK_ERROR", status: undefined, path: undefined, errors: [] });
    expect(error.message).toBe("No whole answer from http://127.0.0.1:1/graphql.");
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  it("is a NETWORK_ERROR if the answer breaks off", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-length": "1000" }).write('{"data":');
      setImmediate(() => response.destroy());
    });
    expect((await failure({ url: `${url}?key=${token}` })).code).toBe("NETWORK_ERROR");
  });

  it("is a TIMEOUT if the headers or the body take too long", async () => {
    const silent = await serve(() => {});
    const slow = await serve((_, response) => response.writeHead(200).write('{"data":'));
    for (const url of [silent, slow]) {
      expect(await failure({ url, timeoutMs: 30 })).toMatchObject({
        code: "TIMEOUT",
        message: "No whole answer within 30 ms.",
      });
    }
  });

  it("is no TIMEOUT where the time is longer than a timer takes", async () => {
    const url = await serve((_, response) => setTimeout(() => response.writeHead(418).end("late"), 100));
    for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 31]) {
      expect((await failure({ url, timeoutMs })).code).toBe("BAD_RESPONSE");
    }
  });

  it("is a TIMEOUT even if `fetch` ignores its signal", async () => {
    const error = await failure({ url: "http://x.test/", timeoutMs: 10, fetch: () => new Promise(() => {}) });
    expect(error.code).toBe("TIMEOUT");
  });

  it("is ABORTED with the signal's reason, both before it is sent and while it is under way", async () => {
    const reason = new Error("the user left");
    let requests = 0;
    const controller = new AbortController();
    const url = await serve(() => {
      requests++;
      controller.abort(reason);
    });
    expect(await failure({ url }, controller.signal)).toMatchObject({ code: "ABORTED", cause: reason });
    expect(await failure({ url }, controller.signal)).toMatchObject({ code: "ABORTED", cause: reason });
    expect(requests).toBe(1);
  });
});

describe("an answer that is not GraphQL's", () => {
  it("is a BAD_RESPONSE with its status, and without anything of its text", async () => {
    const url = await answering(`<h1>502</h1> You sent: Bearer ${token}`, { status: 502, type: "text/html" });
    expect(await failure({ url })).toMatchObject({
      code: "BAD_RESPONSE",
      status: 502,
      message: "Expected a GraphQL answer in JSON, got 42 characters of text/html with the status 502.",
    });
  });

  it.each(["", "null", "[]", "{}", '{"data":null}', '{"data":[]}', '{"errors":[]}', '{"errors":"no"}', "{"])(
    "is a BAD_RESPONSE for the body %j",
    async (body) => {
      expect((await failure({ url: await answering(body) })).code).toBe("BAD_RESPONSE");
    },
  );

  it("is a BAD_RESPONSE for data with an error status", async () => {
    const url = await answering('{"data":{"viewer":null}}', { status: 500 });
    expect((await failure({ url })).code).toBe("BAD_RESPONSE");
  });
});

describe("an answer with errors", () => {
  it("gives the first error's code and path, keeps all errors, and leaves out malformed issues", async () => {
    const errors = [
      {
        message: "first",
        path: ["viewer"],
        extensions: { code: "CONFLICT", requestId: "r-2", issues: [{}, 1] },
      },
      { message: "second" },
    ];
    const url = await answering(JSON.stringify({ errors, data: { viewer: null } }));
    const error = await failure({ url });
    expect(error).toMatchObject({
      name: "StackConverterError",
      message: "first",
      code: "CONFLICT",
      path: ["viewer"],
      requestId: "r-2",
      issues: [],
      data: { viewer: null },
    });
    expect(error.errors).toEqual(errors);
  });

  it("is a GRAPHQL_ERROR if it has no code, whatever its status", async () => {
    const url = await answering('{"errors":[{"message":"no"}]}', { status: 400 });
    expect(await failure({ url })).toMatchObject({ code: "GRAPHQL_ERROR", status: 400, data: null });
  });
});

describe("options that cannot work", () => {
  it("are refused, and the error does not quote them", async () => {
    expect(() => createClient({ url: `http://user:${token}@127.0.0.1/` })).toThrow(
      new TypeError("Expected a URL without a user name and password: use `token` or `headers` for them."),
    );
    await expect(createClient({ url: "http://127.0.0.1/", token: `${token}\n` }).viewer()).rejects.toThrow(
      new TypeError('The header "authorization" has characters that HTTP does not allow in a header.'),
    );
  });
});
