import { describe, expect, test, vi } from "vitest";
import { bearer, startAuthenticated } from "../auth/service.ts";
import { asStranger } from "../support/access.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

const redis = await startRedis();
const database = await createTestDatabase();
async function start(env: Record<string, string> = {}) {
  const served = await startServed(
    {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      // At this limit, one unit comes back every six seconds.
      RATE_LIMIT_STRANGERS: "10",
      TRUST_PROXY: "loopback",
      ...env,
    },
    { overrides: asStranger },
  );
  // Until the instance reaches Redis, it counts by itself.
  await vi.waitFor(async () => expect((await served.app.cache!.healthCheck()).isHealthy).toBe(true));
  return served;
}
const one = await start();
const other = await start();
await insertRows(one.app.database.pool, { users: 1, projects: 3 });

const from = (address: string) => ({ "x-forwarded-for": address });
const as = (role: string, user: number) => ({ authorization: `${role} ${keyOf(user)}` });
const READ = "{ viewer { id } }";
/**
 * A complexity of 102 values: the list, its `nodes`, and one field of 100 rows. Strangers may not read it,
 * which costs them the same.
 */
const WIDE = "{ projects(first: 100) { nodes { id } } }";

describe("an answer", () => {
  test("says how many units are left, and costs one unit plus one for each 100 values", async () => {
    const first = await one.ask(READ, undefined, from("192.0.2.1"));
    const second = await one.ask(WIDE, undefined, from("192.0.2.1"));
    expect([first, second].map(({ headers }) => headers.get("ratelimit-policy"))).toEqual([
      '"stranger";q=10;w=60',
      '"stranger";q=10;w=60',
    ]);
    expect([first, second].map(({ headers }) => headers.get("ratelimit"))).toEqual([
      '"stranger";r=9;t=6',
      '"stranger";r=7;t=18',
    ]);
  });

  test("is refused with 429 on every instance when no units are left, while other addresses are answered", async () => {
    // One request that costs more than the limit takes all units that there are.
    const costly = `{ ${Array.from({ length: 50 }, (_, n) => `a${n}: projects(first: 100) { nodes { id name } }`).join(" ")} }`;
    expect((await one.ask(costly, undefined, from("192.0.2.2"))).status).toBe(200);
    for (const instance of [one, other]) {
      const { status, headers, errors } = await instance.ask(READ, undefined, from("192.0.2.2"));
      expect(status).toBe(429);
      const retryAfterSeconds = Number(headers.get("retry-after"));
      expect(retryAfterSeconds).toBeGreaterThanOrEqual(1);
      expect(retryAfterSeconds).toBeLessThanOrEqual(6);
      expect(errors).toEqual([
        {
          message: `Too much was asked for: 10 units a minute are allowed (RATE_LIMIT_STRANGERS). Try again in ${retryAfterSeconds} s, or ask for less, or say who you are.`,
          extensions: { code: "RATE_LIMITED", limit: 10, retryAfterSeconds },
        },
      ]);
      expect(headers.get("ratelimit")).toMatch(/^"stranger";r=0;t=/);
    }
    expect((await other.ask(READ, undefined, from("192.0.2.3"))).status).toBe(200);
  });
});

test("requests that never become an operation are charged to their address, and refused before they are parsed", async () => {
  const statuses = new Set<number>();
  let codes: unknown[] = [];
  for (let request = 0; request < 30; request++) {
    const { status, errors } = await one.ask(`{ nothing${request}`, undefined, from("192.0.2.4"));
    statuses.add(status);
    codes = [errors![0].extensions.code];
  }
  expect([...statuses]).toEqual([200, 429]);
  expect(codes).toEqual(["RATE_LIMITED"]);
});

test("a request whose parameters cannot be read is charged to its address, whatever credential it has", async () => {
  for (const left of ["r=9;t=6", "r=8;t=12"]) {
    const { status, headers } = await fetch(one.url, {
      method: "POST",
      headers: { "content-type": "application/json", ...from("192.0.2.10"), ...as("USER", 1) },
      body: "{",
    });
    expect([status, headers.get("ratelimit")]).toEqual([400, `"stranger";${left}`]);
  }
});

test("a viewer is charged, and not their address, wherever and with whichever credential they ask", async () => {
  const { ask } = await start({ RATE_LIMIT: "3" });
  const statusOf = async (headers: Record<string, string>) => (await ask(READ, undefined, headers)).status;
  const byKey = { authorization: `USER ${keyOf(1)} projects:read` };
  expect(await statusOf({ ...from("192.0.2.5"), ...as("USER", 1) })).toBe(200);
  expect(await statusOf({ ...from("192.0.2.6"), ...as("USER", 1) })).toBe(200);
  expect(await statusOf({ ...from("192.0.2.6"), ...byKey })).toBe(200);
  expect(await statusOf({ ...from("192.0.2.6"), ...byKey })).toBe(429);
  expect(await statusOf({ ...from("192.0.2.7"), ...as("USER", 1) })).toBe(429);
  expect(await statusOf({ ...from("192.0.2.6"), ...as("USER", 2) })).toBe(200);
  const { headers } = await ask(READ, undefined, from("192.0.2.6"));
  expect(headers.get("ratelimit")).toBe('"stranger";r=9;t=6');
});

test("an invalid credential costs its sender's address one unit", async () => {
  const served = await startAuthenticated({ RATE_LIMIT_STRANGERS: "10", TRUST_PROXY: "loopback" });
  for (const left of ["r=9;t=6", "r=8;t=12"]) {
    const { status, headers } = await served.ask(READ, undefined, {
      ...from("192.0.2.8"),
      ...bearer("nobody.knows.it"),
    });
    expect([status, headers.get("ratelimit")]).toEqual([401, `"stranger";${left}`]);
  }
});

test("a replayed answer costs its viewer one unit, and is refused when none is left", async () => {
  const { app, url } = await start({ RATE_LIMIT: "200", CACHE_SAMPLE_RATE: "0" });
  const ask = (user: number) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...as("ADMIN", user) },
      body: JSON.stringify({ query: "{ projects(first: 100) { nodes { id name } } }" }),
    });
  const replayed = async (): Promise<number> => {
    const response = await app.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...as("ADMIN", ++asked) },
      body: JSON.stringify({ query: "{ cacheStatistics { replay { hits } } }" }),
    });
    const { data } = (await response.json()) as { data: { cacheStatistics: { replay: { hits: number } } } };
    return data.cacheStatistics.replay.hits;
  };
  // A different viewer reads the statistics each time, so that none of them runs out of units.
  let asked = 1_000;
  const isReplayed = async (user: number): Promise<boolean> => {
    const before = await replayed();
    await (await ask(user)).text();
    return (await replayed()) > before;
  };
  /** Asks a few times, at 3 units each: the query is executed until its answer is kept. */
  const isSoonReplayed = async (user: number): Promise<boolean> => {
    for (let time = 0; time < 8; time++) if (await isReplayed(user)) return true;
    return false;
  };
  // Repeated until the cache serves, each time as a different viewer.
  for (let user = 10; !(await isSoonReplayed(user)); user++);
  expect(await isSoonReplayed(3)).toBe(true);

  const before = await replayed();
  const statuses: number[] = [];
  for (let request = 0; request < 1_000 && statuses.at(-1) !== 429; request++) {
    const response = await ask(3);
    await response.text();
    statuses.push(response.status);
    if (response.status === 429) {
      expect(response.headers.get("etag")).toBeNull();
      expect(response.headers.get("cache-control")).toBeNull();
    }
  }
  const admitted = statuses.filter((status) => status === 200).length;
  // At 3 units each, the units would have been spent after 67 requests.
  expect(admitted).toBeGreaterThanOrEqual(150);
  expect(statuses.at(-1)).toBe(429);
  // On a busy machine the cache may vouch for nothing for a moment. Then a request is executed, at 3 units.
  const replays = (await replayed()) - before;
  expect(replays).toBeLessThanOrEqual(admitted);
  expect(replays).toBeGreaterThan(0.9 * admitted);
  expect((await ask(4)).status).toBe(200);
});

test("a program that embeds the service does not limit strangers, because they have no address there", async () => {
  for (let request = 0; request < 30; request++) {
    const response = await one.app.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: READ }),
    });
    expect(response.status).toBe(200);
    await response.text();
  }
});

test("a limit of 0 limits nobody", async () => {
  const unlimited = await start({ RATE_LIMIT_STRANGERS: "0" });
  const { status, headers } = await unlimited.ask(READ);
  expect([status, headers.get("ratelimit")]).toEqual([200, null]);
});
