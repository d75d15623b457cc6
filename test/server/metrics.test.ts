import { readFileSync } from "node:fs";
import { parser } from "@prometheus-io/lezer-promql";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { parse as parseYaml } from "yaml";
import { openEvents } from "../support/events.ts";
import { readScrape, type Scrape } from "../support/metrics.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { redisUrl } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

const TOKEN = "a token for Prometheus alone";
const { url: databaseUrl } = await createTestDatabase();
const service = await startServed({
  DATABASE_URL: databaseUrl,
  REDIS_URL: redisUrl(),
  METRICS_TOKEN: TOKEN,
  METRICS_PORT: "0",
  DB_SLOW_QUERY_MS: "5",
  CACHE_SAMPLE_RATE: "1",
});
const { app, ask, untilHit } = service;
const target = new URL("/metrics", service.url);

const scrape = async (headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }) => {
  const response = await fetch(target, { headers });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
};

describe("a service that was used", () => {
  const QUERY = "query Users { users(first: 5) { nodes { username } } }";
  let before: Scrape;
  let scraped: Scrape;
  let hits = 0;

  beforeAll(async () => {
    await insertRows(app.database.pool, { users: 3, projects: 3, jobs: 5 });
    before = readScrape((await scrape()).text);
    const { headers } = await untilHit(QUERY);
    hits = readScrape((await scrape()).text).value("stack_converter_http_requests_total", {
      status: "200",
      replayed: "true",
    });
    for (let n = 0; n < 3; n++) expect((await ask(QUERY)).cached).toBe("hit");
    const again = await ask(QUERY, undefined, { "if-none-match": headers.get("etag")! });
    expect(again.status).toBe(304);
    await ask("{ viewer { id } }");
    await ask("query Broken { nothing }");
    await ask(
      `mutation Rename { updateUser(input: { id: "User:${keyOf(99)}", username: "x" }) { user { id } } }`,
    );
    await ask("query Health { health { status } }", undefined, { authorization: "nobody" });
    await expect(app.database.query("SELECT 1 / 0")).rejects.toThrow();
    await app.database.query("SELECT pg_sleep(0.01)");
    await fetch(new URL("/nowhere", target));
    const stream = await openEvents(
      service.url,
      `subscription Follow { conversionJobEvents(jobId: "ConversionJob:${keyOf(1)}") { cursor } }`,
    );
    // A request's figures are counted when its response is closed, a stream's figures when it is open.
    scraped = await vi.waitFor(async () => {
      const found = readScrape((await scrape()).text);
      expect(found.value("stack_converter_subscriptions_open")).toBe(1);
      // On a busy machine the cache may have stopped serving for a moment.
      expect(found.value("stack_converter_cache_serving")).toBe(1);
      found.value("stack_converter_http_requests_total", { status: "404", route: "other" });
      found.value("stack_converter_graphql_operation_duration_seconds_count", { kind: "subscription" });
      return found;
    }, 10_000);
    stream.close();
  });

  test("counts what was answered, and how", () => {
    const requests = (labels: Record<string, string>) =>
      scraped.value("stack_converter_http_requests_total", labels);
    expect(requests({ status: "200", replayed: "true" }) - hits).toBe(3);
    expect(requests({ status: "304", replayed: "true" })).toBe(1);
    expect(requests({ status: "404", route: "other" })).toBe(1);
    expect(scraped.value("stack_converter_graphql_errors_total", { code: "GRAPHQL_VALIDATION_FAILED" })).toBe(
      1,
    );
    expect(scraped.value("stack_converter_graphql_errors_total", { code: "NOT_FOUND" })).toBe(1);
  });

  test.each([
    ["mutation", "Rename", 1],
    ["subscription", "Follow", 1],
    ["query", "(stranger)", 1],
    ["query", "(anonymous)", undefined],
    ["invalid", "", 1],
  ])("times each %s %s", (kind, name, count) => {
    const found = scraped.value("stack_converter_graphql_operation_duration_seconds_count", { kind, name });
    if (count === undefined) expect(found).toBeGreaterThan(0);
    else expect(found).toBe(count);
  });

  test("reports the pool, its failures and its slow statements", () => {
    expect(scraped.value("stack_converter_db_pool_connections_max")).toBe(20);
    expect(scraped.value("stack_converter_db_errors_total", { class: "22" })).toBe(1);
    expect(scraped.value("stack_converter_db_slow_queries_total")).toBeGreaterThan(0);
    expect(scraped.value("stack_converter_db_query_duration_seconds_count")).toBeGreaterThan(
      before.value("stack_converter_db_query_duration_seconds_count"),
    );
  });

  test("reports the cache, Redis, jobs and subscriptions", () => {
    expect(scraped.value("stack_converter_cache_serving")).toBe(1);
    expect(scraped.value("stack_converter_cache_violations_total")).toBe(0);
    expect(
      scraped.value("stack_converter_cache_lookups_total", { kind: "response", outcome: "local_hit" }),
    ).toBeGreaterThanOrEqual(4);
    expect(scraped.value("stack_converter_redis_state", { state: "ready" })).toBe(1);
    expect(scraped.value("stack_converter_jobs", { status: "PENDING" })).toBe(5);
    expect(scraped.value("stack_converter_jobs_oldest_age_seconds", { status: "PENDING" })).toBeGreaterThan(
      0,
    );
    expect(scraped.value("stack_converter_subscriptions_open")).toBe(1);
    expect(
      scraped.value("stack_converter_rate_limit_decisions_total", { policy: "viewer", decision: "admitted" }),
    ).toBeGreaterThan(0);
  });

  test("names its metrics by Prometheus' conventions: one prefix, base units, and _total for counters", () => {
    const own = [...scraped.types].filter(([name]) => !/^(process|nodejs)_/.test(name));
    expect(own.filter(([name]) => !name.startsWith("stack_converter_"))).toEqual([]);
    expect(own.filter(([name, type]) => (type === "counter") !== name.endsWith("_total"))).toEqual([]);
    expect(own.filter(([name, type]) => type === "histogram" && !name.endsWith("_seconds"))).toEqual([]);
    expect(own.filter(([name]) => /_(ms|millis|milliseconds)(_|$)/.test(name))).toEqual([]);
  });

  test("has histograms with cumulative buckets that end with +Inf", () => {
    const series = new Map<string, { le: number; value: number }[]>();
    for (const { name, labels, value } of scraped.samples) {
      const { le, ...rest } = labels;
      if (le === undefined) continue;
      const key = `${name} ${JSON.stringify(rest)}`;
      series.set(key, [...(series.get(key) ?? []), { le: Number(le.replace("+Inf", "Infinity")), value }]);
    }
    expect(series.size).toBeGreaterThan(5);
    for (const [key, buckets] of series) {
      const sorted = buckets.toSorted((one, other) => one.le - other.le);
      expect([key, sorted.map(({ value }) => value)]).toEqual([
        key,
        sorted.map(({ value }) => value).toSorted((one, other) => one - other),
      ]);
      expect(sorted.at(-1)!.le).toBe(Number.POSITIVE_INFINITY);
    }
  });

  test("reveals neither who asked for what, nor secrets", async () => {
    const { text } = await scrape();
    for (const secret of [TOKEN, "pg_sleep", "SELECT", databaseUrl, "User:"])
      expect(text).not.toContain(secret);
  });

  describe("has every metric and label that the files in ops/ use:", () => {
    const alerts = parseYaml(readFileSync(new URL("../../ops/alerts.yaml", import.meta.url), "utf8"));
    const dashboard = JSON.parse(readFileSync(new URL("../../ops/dashboard.json", import.meta.url), "utf8"));
    const expressions: [string, string][] = [
      ...alerts.groups.flatMap((group: { rules: { alert: string; expr: string }[] }) =>
        group.rules.map(({ alert, expr }) => [alert, expr]),
      ),
      ...dashboard.panels.flatMap((panel: { title: string; targets?: { expr: string }[] }) =>
        (panel.targets ?? []).map(({ expr }) => [panel.title, expr.replaceAll("$__rate_interval", "5m")]),
      ),
    ];

    test.each(expressions)("%s", (_, expression) => {
      const { problems, selectors } = readPromql(expression);
      expect(problems).toEqual([]);
      expect(selectors.length).toBeGreaterThan(0);
      for (const { metric, labels } of selectors) {
        if (metric === "up") continue;
        const samples = scraped.samples.filter(({ name }) => name === metric);
        expect([metric, samples.length > 0]).toEqual([metric, true]);
        const known = new Set([
          "instance",
          "job",
          ...samples.flatMap((sample) => Object.keys(sample.labels)),
        ]);
        expect([metric, labels.filter((label) => !known.has(label))]).toEqual([metric, []]);
      }
    });

    test("the dashboard's variable comes from an existing metric", () => {
      const { definition } = dashboard.templating.list[1];
      expect(scraped.types.has(/label_values\((\w+),/.exec(definition)![1]!)).toBe(true);
    });

    test("every alert says what is wrong, how bad that is, and what to do", () => {
      for (const { rules } of alerts.groups) {
        for (const { alert, labels, annotations } of rules) {
          expect([alert, labels.severity]).toEqual([
            alert,
            expect.stringMatching(/^(critical|warning|info)$/),
          ]);
          expect(annotations).toEqual({ summary: expect.any(String), action: expect.any(String) });
        }
      }
    });
  });
});

describe("the metrics are shown", () => {
  test("to the metrics token and to administrators", async () => {
    for (const authorization of [`Bearer ${TOKEN}`, `ADMIN ${keyOf(1)}`, `ADMIN ${keyOf(1)} admin`]) {
      const { status, type } = await scrape({ authorization });
      expect([status, type]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    }
  });

  test.each([
    [{}],
    [{ authorization: "nobody" }],
    [{ authorization: `Bearer ${TOKEN}x` }],
    [{ authorization: TOKEN }],
    [{ authorization: `USER ${keyOf(1)}` }],
    [{ authorization: `WORKER ${keyOf(1)}` }],
    [{ authorization: `ADMIN ${keyOf(1)} projects:read` }],
  ] as [Record<string, string>][])("to no one else: %j", async (headers) => {
    const { status, text } = await scrape(headers);
    expect([status, text]).toEqual([401, "This is for METRICS_TOKEN and for administrators.\n"]);
  });
});

/**
 * Reads a PromQL expression: the metrics that it selects, with the labels that it matches or groups by, and
 * the places where it does not parse.
 */
function readPromql(expression: string) {
  const problems: string[] = [];
  const selectors: { metric: string; labels: string[] }[] = [];
  const grouping: string[] = [];
  const textOf = (from: number, to: number) => expression.slice(from, to);
  parser.parse(expression).iterate({
    enter({ type, from, to, node }) {
      if (type.isError) problems.push(`${textOf(0, from)}⟨here⟩${textOf(from, expression.length)}`);
      if (type.name === "GroupingLabels")
        for (const label of node.getChildren("LabelName")) grouping.push(textOf(label.from, label.to));
      if (type.name !== "VectorSelector") return;
      const name = node.getChild("Identifier");
      const labels: string[] = [];
      node.cursor().iterate((inner) => {
        if (inner.name === "LabelName") labels.push(textOf(inner.from, inner.to));
      });
      selectors.push({ metric: name === null ? textOf(from, to) : textOf(name.from, name.to), labels });
    },
  });
  // With one metric, the grouping labels must be that metric's. With several, they may be any one's, and are
  // not checked.
  const [first] = selectors;
  if (first !== undefined && new Set(selectors.map(({ metric }) => metric)).size === 1)
    first.labels.push(...grouping);
  return { problems, selectors };
}
