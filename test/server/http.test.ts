import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { createClientAddress } from "../../src/server/clientAddress.ts";
import { createHttpServer, type HttpServerOptions } from "../../src/server/http.ts";
import { createHttpStatistics } from "../../src/server/httpStatistics.ts";
import { createTestApp } from "../support/app.ts";
import { captureLogs } from "../support/logs.ts";
import { insertRows } from "../support/rows.ts";

const logs = captureLogs("info");
const { app } = await createTestApp({}, { log: logs.log });
const { url } = await app.listen();
const origin = new URL(url).origin;

const ask = (query: string, headers: Record<string, string> = {}, to = url) =>
  fetch(to, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query }),
  });

describe("a request's id", () => {
  test("is the caller's if that is a plain name, both in the response and in the log", async () => {
    for (const id of ["abc-123", "trace:0af7651916cd43dd.1", "x".repeat(128)]) {
      const response = await ask("{ __typename }", { "x-request-id": id });
      expect(response.headers.get("x-request-id")).toBe(id);
      await response.text();
      await expect
        .poll(() => logs.lines.filter(({ requestId }) => requestId === id))
        .toMatchObject([{ method: "POST", path: "/graphql", status: 200, msg: "request" }]);
    }
  });

  test.each(["", "a b", "x".repeat(129), "a;b", '{"a":1}', "%0a", "ä"])(
    "is newly generated in place of %j",
    async (id) => {
      const response = await ask("{ __typename }", { "x-request-id": id });

      expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}$/);
    },
  );

  test("is on every kind of response", async () => {
    for (const path of ["/livez", "/readyz", "/nowhere", "/graphql"]) {
      const response = await fetch(origin + path, { headers: { "x-request-id": "mine" } });
      expect(response.headers.get("x-request-id")).toBe("mine");
    }
  });

  test("is different for each request", async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => (await ask("{ __typename }")).headers.get("x-request-id")),
    );
    expect(new Set(ids).size).toBe(20);
  });
});

test("the probes answer, and the root redirects to /graphql", async () => {
  expect(await (await fetch(`${origin}/livez`)).text()).toBe("alive\n");
  expect(await (await fetch(`${origin}/readyz`)).text()).toBe("ready\n");
  const root = await fetch(`${origin}/`, { redirect: "manual" });
  expect([root.status, root.headers.get("location")]).toEqual([302, "/graphql"]);
});

test("a request whose client goes away while its answer is looked up is over, and is not run", async () => {
  const recorded: string[] = [];
  let ran = 0;
  const answer = async () => {
    ran++;
    return [];
  };
  const server = createHttpServer({
    graphql: Object.assign(() => {}, { direct: { answer, count: () => 0, learn: () => {} } }),
    // Looks for the answer until the client has gone.
    replay: {
      nameOf: () => "name",
      answer: (_: unknown, __: unknown, res: ServerResponse, ___: unknown, otherwise: () => void) =>
        res.on("close", () => setImmediate(otherwise)),
    } as unknown as HttpServerOptions["replay"],
    probes: { answer: async () => false },
    statistics: { ...createHttpStatistics(), record: (route) => recorded.push(route) },
    tracing: undefined,
    limits: {
      maxBodyBytes: 1_000,
      headersTimeoutMs: 1_000,
      requestTimeoutMs: 1_000,
      maxHeaderBytes: 1_000,
      maxConnections: 10,
    },
    clients: createClientAddress([]),
    log: logs.log,
  });
  const { port } = await server.listen(0, "127.0.0.1");
  const socket = connect(port, "127.0.0.1");
  socket.write("POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}");
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.destroy();
  await expect.poll(() => recorded).toEqual(["graphql"]);
  expect(ran).toBe(0);
  await server.close(1_000);
});

test("the logged path leaves out the query string", async () => {
  await (await fetch(`${url}?query={__typename}&token=secret`)).text();

  await expect
    .poll(() => logs.lines.filter(({ method }) => method === "GET").at(-1))
    .toMatchObject({ path: "/graphql" });
  expect(logs.text()).not.toContain("secret");
});

describe("shutting down", () => {
  test("lets a running request finish, fails readiness first, refuses new connections, and happens only once", async () => {
    const { app: stopping } = await createTestApp();
    const { url: itsUrl, port } = await stopping.listen();
    await insertRows(stopping.database.pool, { users: 1 });

    // The request waits for this lock.
    const blocker = await stopping.database.pool.connect();
    await blocker.query("BEGIN");
    await blocker.query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    const slow = ask("{ users { totalCount } }", {}, itsUrl);
    await expect
      .poll(async () => {
        const { rows } = await blocker.query("SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted");
        return rows[0].n;
      })
      .toBe(1);
    // This connection is opened before the shutdown, and asks for readiness during it.
    const probe = connect(port, "127.0.0.1");
    let probeAnswer = "";
    probe.setEncoding("utf8").on("data", (chunk: string) => {
      probeAnswer += chunk;
    });
    const probeClosed = new Promise<void>((resolve) => probe.once("close", () => resolve()));
    // The head is incomplete, so to the server this connection is busy, not idle.
    probe.write("GET /readyz HTTP/1.1\r\nhost: x\r\n");
    await ask("{ __typename }", {}, itsUrl).then((response) => response.text());

    const first = stopping.close();
    const second = stopping.close();
    expect(second).toBe(first);
    await expect(fetch(itsUrl)).rejects.toThrow("fetch failed");
    probe.write("\r\n");
    await probeClosed;
    expect(probeAnswer).toMatch(/^HTTP\/1.1 503 /);
    expect(probeAnswer).toMatch(/connection: close/i);

    await blocker.query("COMMIT");
    blocker.release();
    const response = await slow;
    expect(await response.json()).toEqual({ data: { users: { totalCount: 1 } } });
    await first;
    expect(stopping.close()).toBe(first);
  });

  test("cuts off requests that outlast the time-out", async () => {
    const itsLogs = captureLogs("warn");
    const { app: stopping } = await createTestApp({ SHUTDOWN_TIMEOUT: "100" }, { log: itsLogs.log });
    const { url: itsUrl } = await stopping.listen();
    const blocker = await stopping.database.pool.connect();
    await blocker.query("BEGIN");
    await blocker.query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    const slow = ask("{ users { totalCount } }", {}, itsUrl).catch((error: unknown) => error);
    await expect
      .poll(async () => {
        const { rows } = await blocker.query("SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted");
        return rows[0].n;
      })
      .toBe(1);

    const closed = stopping.close();
    expect(await slow).toBeInstanceOf(TypeError);
    expect(itsLogs.lines).toMatchObject([
      { msg: "requests were cut off: they outlasted the shutdown time-out" },
    ]);
    await blocker.query("COMMIT");
    blocker.release();
    await closed;
  });
});
