import { get } from "node:http";
import { describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { startPostgres } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";

const TOKEN = "a token for Prometheus alone";
const PARTS = ["database", "migrations", "cache", "users", "projects", "conversionJobs"];
const ADMIN = "ADMIN 00000000-0000-7000-8000-000000000001";

async function ask(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  return { status: response.status, text: await response.text() };
}

describe("readiness", async () => {
  const redis = await startRedis();
  const { app } = await createTestApp({ METRICS_TOKEN: TOKEN, REDIS_URL: redis.url, CACHE_ENABLED: "true" });
  const { url, metricsPort } = await app.listen();
  const { origin } = new URL(url);
  const HEALTH = `{ health { status components { name status } } }`;
  const health = async () => {
    const response = await app.fetch(`http://test/graphql?query=${encodeURIComponent(HEALTH)}`);
    return (
      (await response.json()) as { data: { health: { components: { name: string; status: string }[] } } }
    ).data.health;
  };

  test("is public, and its components are shown to the metrics token and to administrators", async () => {
    expect(await ask(`${origin}/readyz`)).toEqual({ status: 200, text: "ready\n" });
    for (const authorization of [`Bearer ${TOKEN}`, ADMIN]) {
      const { status, text } = await ask(`${origin}/readyz?verbose`, { authorization });
      expect([status, text.replace(/[\d.]+ ms/g, "… ms")]).toEqual([
        200,
        [...PARTS.map((name) => `+ ${name} … ms\n`), "ready\n"].join(""),
      ]);
    }
    for (const authorization of ["nobody", "Bearer x", "USER 00000000-0000-7000-8000-000000000001"])
      expect((await ask(`${origin}/readyz?verbose`, { authorization })).status).toBe(401);
  });

  test("has the same components as the health query", async () => {
    expect((await health()).components.map(({ name }) => name)).toEqual(PARTS);
  });

  test("does not depend on Redis, whose loss is still reported", async () => {
    await redis.kill();
    expect(await ask(`${origin}/readyz`)).toEqual({ status: 200, text: "ready\n" });
    const { status, text } = await ask(`${origin}/readyz?verbose`, { authorization: ADMIN });
    expect([status, text]).toEqual([200, expect.stringContaining("- cache 0 ms: does not answer\n")]);
    expect(await health()).toMatchObject({ status: "HEALTHY" });
    await redis.restart();
  });

  test("ends when the database lacks a migration that this version needs", async () => {
    const undo = `UPDATE _prisma_migrations SET rolled_back_at = $1 WHERE migration_name = '20261124171757_warm_operations'`;
    await app.database.query(undo, [new Date()]);
    expect(await ask(`${origin}/readyz`)).toEqual({ status: 503, text: "not ready\n" });
    expect((await health()).components).toContainEqual({ name: "migrations", status: "UNHEALTHY" });
    await app.database.query(undo, [null]);
    expect((await ask(`${origin}/readyz`)).status).toBe(200);
  });

  test("is only on the service's port unless METRICS_PORT is set", () => {
    expect(metricsPort).toBeUndefined();
  });
});

describe("the metrics port", () => {
  test("serves the metrics and the probes, and nothing else, to everybody who can reach it", async () => {
    const { app } = await createTestApp({ METRICS_PORT: "0" });
    const { metricsPort } = await app.listen();
    const at = (path: string) => `http://127.0.0.1:${metricsPort}${path}`;
    expect((await ask(at("/metrics"))).text).toContain("\nstack_converter_db_pool_connections_max 20\n");
    expect(await ask(at("/livez"))).toEqual({ status: 200, text: "alive\n" });
    expect((await ask(at("/readyz?verbose"))).text).toMatch(/^\+ database [\s\S]*\nready\n$/);
    for (const path of ["/graphql", "/", "/metrics/"]) expect((await ask(at(path))).status).toBe(404);
  });

  test("asks for the token if there is one", async () => {
    const { app } = await createTestApp({ METRICS_PORT: "0", METRICS_TOKEN: TOKEN });
    const { metricsPort } = await app.listen();
    const metrics = `http://127.0.0.1:${metricsPort}/metrics`;
    expect((await ask(metrics)).status).toBe(401);
    expect((await ask(metrics, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
  });

  test("keeps the service from starting if it is taken", async () => {
    const { app } = await createTestApp({ METRICS_PORT: "0" });
    const { metricsPort } = await app.listen();
    const { app: other } = await createTestApp({ METRICS_PORT: String(metricsPort) });
    await expect(other.listen()).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

test("a service that stops reports that it is not ready before it stops accepting requests", async () => {
  const { app } = await createTestApp({ SHUTDOWN_DELAY: "1500" });
  const { url } = await app.listen();
  const { origin } = new URL(url);
  const status = (path: string) =>
    new Promise<number>((resolve, reject) => {
      // A new connection each time: an old one would be served even when the service accepts no new ones.
      get(origin + path, { agent: false }, (res) => resolve(res.resume().statusCode!)).on("error", reject);
    });
  expect(await status("/readyz")).toBe(200);

  const closed = app.close();
  await expect.poll(() => status("/readyz")).toBe(503);
  expect(await status("/graphql?query={__typename}")).toBe(200);
  expect(await status("/livez")).toBe(200);
  await closed;
  await expect(status("/livez")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("a probe is answered while the database is away", { timeout: 60_000 }, async () => {
  const postgres = await startPostgres();
  const { app } = await createTestApp({
    DATABASE_URL: postgres.url,
    METRICS_PORT: "0",
    DB_CONNECTION_TIMEOUT: "500",
  });
  const { url, metricsPort } = await app.listen();
  await postgres.kill();
  expect(await ask(new URL("/readyz", url).href)).toEqual({ status: 503, text: "not ready\n" });
  const { status, text } = await ask(`http://127.0.0.1:${metricsPort}/metrics`);
  expect(status).toBe(200);
  expect(text).toContain("\nstack_converter_jobs_known 0\n");
  expect(text).toMatch(/\nstack_converter_db_errors_total\{class="connection"\} [1-9]/);
  await app.close();
});
