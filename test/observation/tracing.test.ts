import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { ACCESS_ENV, ADMINISTRATOR_TOKEN, addAdministrator } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startProgram } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { type ReceivedSpan, startCollector } from "../support/traces.ts";

/** One real service sends its traces to a collector. Its clients send a trace id with each request. */
describe("a service with traces", async () => {
  const NEEDLE = "needle in a haystack";
  const collector = await startCollector();
  const { url: databaseUrl } = await createTestDatabase();
  const outside = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  atEndOfFile(() => outside.end());
  let output = "";
  const answers = new Map<string, string>();

  const newTrace = () => ({
    traceId: randomBytes(16).toString("hex"),
    parentId: randomBytes(8).toString("hex"),
  });
  const [first, replayed, failed, written, leader, follower, unsampled] = Array.from({ length: 7 }, newTrace);
  const LIST = `query Listing { projects(first: 2) { nodes { name owner { username } } } }`;
  const ONE = `query One($id: ID!) { project(id: $id) { name conversionJobs(first: 3) { nodes { id } } } }`;

  beforeAll(async () => {
    await insertRows(outside, { users: 2, projects: 2, jobs: 2 });
    await addAdministrator(databaseUrl);
    const service = startProgram("src/cli.ts", {
      args: ["serve"],
      env: {
        ...ACCESS_ENV,
        PORT: "0",
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl(),
        LOG_LEVEL: "info",
        CACHE_WARM_COUNT: "0",
        OTEL_TRACES_EXPORTER: "otlp",
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_SERVICE_NAME: "converter under test",
        OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
      },
    });
    const line = await service.waitForLine("GraphQL is at");
    const { url } = JSON.parse(line) as { url: string };
    const ask = async (
      { traceId, parentId }: { traceId: string; parentId: string },
      query: string,
      variables: object = {},
      flags = "01",
    ) => {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${ADMINISTRATOR_TOKEN}`,
          traceparent: `00-${traceId}-${parentId}-${flags}`,
        },
        body: JSON.stringify({ query, variables }),
      });
      answers.set(traceId, await response.text());
      return response.headers.get("cache-status") ?? "";
    };
    // Repeats until the cache serves. From then on, the caller's identity comes from the cache too.
    await vi.waitFor(async () => expect(await ask(newTrace(), "{ viewer { id } }")).toContain("; hit"), {
      timeout: 20_000,
    });

    await ask(first!, LIST);
    await vi.waitFor(async () => expect(await ask(newTrace(), LIST)).toContain("; hit"), { timeout: 20_000 });
    expect(await ask(replayed!, LIST)).toContain("; hit");
    await ask(failed!, `query Failing { project(id: "${NEEDLE}") { id } }`);
    await ask(
      written!,
      `mutation Renaming($name: String!) { updateProject(input: { id: "Project:${keyOf(1)}", name: $name }) { project { name } } }`,
      { name: NEEDLE },
    );
    await ask(unsampled!, "query Unseen { viewer { username } }", {}, "00");

    // The leader waits for the database, and the follower for the leader.
    const lock = await outside.connect();
    const asked: Promise<unknown>[] = [];
    try {
      await lock.query("BEGIN; LOCK TABLE conversion_jobs IN ACCESS EXCLUSIVE MODE");
      const id = `Project:${keyOf(2)}`;
      asked.push(ask(leader!, ONE, { id }));
      await vi.waitFor(
        async () => {
          // Without the search for expired leases, which waits as well.
          const { rows } = await outside.query(
            `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                AND query NOT LIKE 'SELECT EXISTS%'`,
          );
          expect(rows).toHaveLength(1);
        },
        { timeout: 20_000, interval: 20 },
      );
      asked.push(ask(follower!, ONE, { id }));
      await sleep(300);
    } finally {
      await lock.query("COMMIT");
      lock.release();
    }
    await Promise.all(asked);

    // Stopping sends the spans that have not been sent yet.
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    output = service.output();
  }, 90_000);

  const spansOf = ({ traceId }: { traceId: string }) =>
    collector.spans.filter((span) => span.traceId === traceId);
  const named = (spans: readonly ReceivedSpan[], name: string | RegExp) => {
    const found = spans.filter((span) =>
      typeof name === "string" ? span.name === name : name.test(span.name),
    );
    if (found.length !== 1)
      throw new Error(
        `Expected one span ${name}, got ${found.length}: ${JSON.stringify(spans.map((s) => s.name))}`,
      );
    return found[0]!;
  };

  test("has one trace from the client's span over HTTP and GraphQL to SQL", () => {
    const spans = spansOf(first!);
    const server = named(spans, "POST /graphql");
    expect(server).toMatchObject({
      parentSpanId: first!.parentId,
      service: "converter under test",
      isError: false,
      attributes: {
        "http.request.method": "POST",
        "url.path": "/graphql",
        "stack_converter.replayed": false,
        "stack_converter.cache": "miss",
      },
    });
    const operation = named(spans, "query Listing");
    expect(operation.parentSpanId).toBe(server.spanId);
    const statements = spans.filter(({ attributes }) => attributes["db.system.name"] === "postgresql");
    expect(statements.map(({ parentSpanId }) => parentSpanId)).toEqual([operation.spanId, operation.spanId]);
    expect(statements.map(({ attributes }) => String(attributes["db.query.text"]))).toEqual([
      expect.stringContaining('"projects"'),
      expect.stringContaining('"users"'),
    ]);
  });

  test("includes the calls to Redis, with nothing but their command", () => {
    const calls = collector.spans.filter(({ attributes }) => attributes["db.system.name"] === "redis");
    expect(calls.length).toBeGreaterThan(0);
    // EVAL sends a script that this Redis does not know yet.
    expect(calls.filter(({ name }) => name !== "EVALSHA" && name !== "EVAL")).toEqual([]);
    const answered = calls.filter(({ attributes }) => attributes["error.type"] !== "NOSCRIPT");
    expect(new Set(answered.flatMap(({ attributes }) => Object.keys(attributes)))).toEqual(
      new Set(["db.system.name", "db.operation.name"]),
    );
  });

  test("has one span for a replayed request, and perhaps that of the question whether anything has changed", () => {
    const spans = spansOf(replayed!);
    expect(named(spans, "POST /graphql")).toMatchObject({
      parentSpanId: replayed!.parentId,
      attributes: { "stack_converter.replayed": true, "http.response.status_code": 200 },
    });
    expect(spans.filter(({ name }) => name !== "POST /graphql" && name !== "EVALSHA")).toEqual([]);
    expect(answers.get(replayed!.traceId)).toBe(answers.get(first!.traceId));
  });

  test("has the statements of a shared answer in the trace of the request that ran them", () => {
    const reads = (trace: { traceId: string }) =>
      spansOf(trace).filter(({ attributes }) => attributes["db.system.name"] === "postgresql");
    const operation = named(spansOf(leader!), "query One");
    expect(reads(leader!).map(({ parentSpanId }) => parentSpanId)).toEqual([
      operation.spanId,
      operation.spanId,
    ]);
    expect(reads(follower!)).toEqual([]);
    expect(named(spansOf(follower!), "POST /graphql").parentSpanId).toBe(follower!.parentId);
    expect(answers.get(follower!.traceId)).toBe(answers.get(leader!.traceId));
  });

  test("has the statements of a write's transaction in order", () => {
    const operation = named(spansOf(written!), "mutation Renaming");
    const verbs = spansOf(written!)
      .filter(({ attributes }) => attributes["db.system.name"] === "postgresql")
      .map(({ name, parentSpanId }) => [name, parentSpanId === operation.spanId]);
    expect(verbs.filter(([, isWithin]) => !isWithin)).toEqual([]);
    const names = verbs.map(([name]) => name);
    expect(names[0]).toBe("BEGIN");
    expect(names).toContain("UPDATE");
    expect(names.filter((name) => name === "COMMIT")).toHaveLength(1);
  });

  test("marks a failed operation with its error code", () => {
    expect(named(spansOf(failed!), "query Failing")).toMatchObject({
      isError: true,
      attributes: { "error.type": "VALIDATION_FAILED" },
    });
  });

  test("has no spans for a request that its client did not sample", () => {
    expect(spansOf(unsampled!)).toEqual([]);
  });

  test("traces nothing outside of requests", () => {
    const roots = collector.spans.filter(
      ({ parentSpanId, spanId }) => parentSpanId === "" || parentSpanId === spanId,
    );
    expect(roots).toEqual([]);
  });

  test("exports no value of a request, no token and no address of the database", () => {
    const { password, host } = new URL(databaseUrl);
    for (const secret of [
      NEEDLE,
      ADMINISTRATOR_TOKEN,
      databaseUrl,
      host,
      ...(password ? [`:${password}@`] : []),
      keyOf(1),
    ])
      expect(collector.text()).not.toContain(secret);
  });

  test("has the trace id in its log", () => {
    const lines = output.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
    const server = named(spansOf(first!), "POST /graphql");
    expect(lines.filter(({ trace_id }) => trace_id === first!.traceId)).toMatchObject([
      { msg: "request", trace_id: first!.traceId, span_id: server.spanId },
    ]);
    expect(lines.find(({ msg }) => String(msg).startsWith("GraphQL is at"))).not.toHaveProperty("trace_id");
  });
});

test("without traces neither OpenTelemetry nor prom-client is loaded at the start", async () => {
  const script = `
    import { createRequire } from "node:module";
    await import("./dist/app.js");
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    console.log(JSON.stringify(loaded.filter((file) => /@opentelemetry|prom-client/.test(file))), loaded.length > 100);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: new URL("../..", import.meta.url),
  });
  expect(stdout).toBe("[] true\n");
});
