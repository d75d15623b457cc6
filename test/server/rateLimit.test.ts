import { describe, expect, test } from "vitest";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

const redis = await startRedis();
const database = await createTestDatabase();
const start = (env: Record<string, string> = {}) =>
  startServed({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    RATE_LIMIT_STRANGERS: "100",
    TRUST_PROXY: "loopback",
    ...env,
  });
const one = await start();
const other = await start();
await insertRows(one.app.database.pool, { users: 1, projects: 3 });

const from = (address: string) => ({ "x-forwarded-for": address });
const READ = "{ projects { totalCount } }";
/** 100 rows of one field, their list and its rows: 102 values. */
const WIDE = "{ projects(first: 100) { nodes { id } } }";

describe("an answer", () => {
  test("says what is left, and costs one unit and one for each 100 values", async () => {
    const first = await one.ask(READ, undefined, from("192.0.2.1"));
    const second = await one.ask(WIDE, undefined, from("192.0.2.1"));
    expect([first, second].map(({ headers }) => headers.get("ratelimit-policy"))).toEqual([
      '"stranger";q=100;w=60',
      '"stranger";q=100;w=60',
    ]);
    expect([first, second].map(({ headers }) => headers.get("ratelimit"))).toEqual([
      '"stranger";r=99;t=1',
      '"stranger";r=97;t=2',
    ]);
  });

  test("is refused with 429 when nothing is left, on every instance, and others are not", async () => {
    // Without its document in the cache: what costs 100 units is one request.
    const costly = `{ ${Array.from({ length: 50 }, (_, n) => `a${n}: projects(first: 100) { nodes { id name } }`).join(" ")} }`;
    expect((await one.ask(costly, undefined, from("192.0.2.2"))).status).toBe(200);
    for (const instance of [one, other]) {
      const { status, headers, errors } = await instance.ask(READ, undefined, from("192.0.2.2"));
      expect(status).toBe(429);
      expect(errors).toEqual([
        {
          message:
            "Too much was asked for: 100 units a minute are allowed (RATE_LIMIT_STRANGERS). Try again in 1 s, or ask for less, or say who you are.",
          extensions: { code: "RATE_LIMITED", limit: 100, retryAfterSeconds: 1 },
        },
      ]);
      expect(headers.get("retry-after")).toBe("1");
      expect(headers.get("ratelimit")).toMatch(/^"stranger";r=0;t=/);
    }
    expect((await other.ask(READ, undefined, from("192.0.2.3"))).status).toBe(200);
  });
});

test("requests that never become an operation are charged to their address, and refused before they are parsed", async () => {
  const statuses = new Set<number>();
  let codes: unknown[] = [];
  for (let request = 0; request < 120; request++) {
    const { status, errors } = await one.ask(`{ nothing${request}`, undefined, from("192.0.2.4"));
    statuses.add(status);
    codes = [errors![0].extensions.code];
  }
  expect([...statuses]).toEqual([200, 429]);
  expect(codes).toEqual(["RATE_LIMITED"]);
});

test("an answer that is replayed costs one unit, and is refused when there is none", async () => {
  const { app, url } = await start({ RATE_LIMIT_STRANGERS: "200" });
  const ask = (address: string) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...from(address) },
      body: JSON.stringify({ query: "{ projects(first: 100) { nodes { id name } } }" }),
    });
  const replayed = async () => {
    const { hits } = (await replayFigures()) as { hits: number };
    return hits;
  };
  const replayFigures = async () => {
    const response = await app.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "{ cacheStatistics { replay { hits } } }" }),
    });
    return ((await response.json()) as { data: { cacheStatistics: { replay: object } } }).data.cacheStatistics
      .replay;
  };
  // Until the cache serves; by other addresses.
  for (let round = 0; (await replayed()) === 0; round++)
    await (await ask(`192.0.2.${100 + (round % 50)}`)).text();

  const before = await replayed();
  const statuses: number[] = [];
  for (let request = 0; request < 1_000 && statuses.at(-1) !== 429; request++) {
    const response = await ask("198.51.100.9");
    await response.text();
    statuses.push(response.status);
    if (request === 0) expect(response.headers.get("ratelimit")).toBe('"stranger";r=199;t=1');
    if (response.status === 429) {
      expect(response.headers.get("etag")).toBeNull();
      expect(response.headers.get("cache-control")).toBeNull();
    }
  }
  const admitted = statuses.filter((status) => status === 200).length;
  expect(admitted).toBeGreaterThanOrEqual(200);
  expect(statuses.at(-1)).toBe(429);
  expect((await replayed()) - before).toBe(admitted);
});

test("what the service asks itself, and programs that have it within them, is not limited", async () => {
  for (let request = 0; request < 150; request++) {
    const response = await one.app.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: READ }),
    });
    expect(response.status).toBe(200);
    await response.text();
  }
});

test("with 0 nobody is", async () => {
  const unlimited = await start({ RATE_LIMIT_STRANGERS: "0" });
  const { status, headers } = await unlimited.ask(READ);
  expect([status, headers.get("ratelimit")]).toEqual([200, null]);
});
