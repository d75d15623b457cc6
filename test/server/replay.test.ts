import { connect, type Socket } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import { captureLogs } from "../support/logs.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { insertRows } from "../support/rows.ts";
import { readAnswer, startServed } from "../support/served.ts";

const logs = captureLogs("info");
const database = await createTestDatabase();
const service = await startServed({ DATABASE_URL: database.url, MAX_BODY_BYTES: "20000" }, { log: logs.log });
await insertRows(service.app.database.pool, { users: 3, projects: 3 });
const { url, port, ask } = service;

const USERS = "{ users(first: 3) { totalCount nodes { username } } }";
const RENAME = (username: string) =>
  `mutation { upsertUser(input: { githubId: "1001", username: "${username}" }) { user { username } } }`;

/** Requests that are executed are logged. Replays are not: the statistics count them. */
const wasLogged = (answer: { headers: Headers }) =>
  expect
    .poll(() => logs.lines.some(({ requestId }) => requestId === answer.headers.get("x-request-id")))
    .toBe(true);
const isLogged = (answer: { headers: Headers }) =>
  logs.lines.some(({ requestId }) => requestId === answer.headers.get("x-request-id"));

async function untilReplayed(send: () => ReturnType<typeof ask>) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answer = await send();
    if (answer.cached !== "hit") continue;
    // An executed request is logged when its response is closed, before the next request is answered.
    await send();
    if (!isLogged(answer)) return answer;
  }
  throw new Error("Expected a replay among 200 requests, got none.");
}

const get = (query: string, headers: Record<string, string> = {}) =>
  fetch(`${url}?query=${encodeURIComponent(query)}`, {
    headers: { accept: "application/json", ...headers },
  }).then(readAnswer);

beforeAll(() => service.untilHit(USERS), 60_000);

describe("a request that is the same byte for byte", () => {
  test("is replayed, by POST and by GET, and both share the answer", async () => {
    const QUERY = "{ users(first: 2) { nodes { username } } }";
    await service.untilHit(QUERY);
    const byGet = await get(QUERY);
    expect(byGet.cached).toBe("hit");
    expect((await untilReplayed(() => get(QUERY))).text).toBe((await untilReplayed(() => ask(QUERY))).text);
  });

  test("gets the same bytes and headers as the executed request", async () => {
    const QUERY = "{ users(first: 1) { nodes { username } } }";
    const first = await ask(QUERY);
    await wasLogged(first);
    const replayed = await untilReplayed(() => ask(QUERY));
    expect(replayed.text).toBe(first.text);
    const own = new Set(["date", "x-request-id", "cache-status", "content-length", "transfer-encoding"]);
    const comparable = ({ headers }: { headers: Headers }) => [...headers].filter(([name]) => !own.has(name));
    expect(comparable(replayed)).toEqual(comparable(first));
    expect(replayed.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
  });

  test("is distinguished from a request that differs in something that the answer depends on", async () => {
    const graphqlJson = { accept: "application/graphql-response+json" };
    await untilReplayed(() => ask(USERS));
    const other = await untilReplayed(() => ask(USERS, undefined, graphqlJson));
    expect(other.headers.get("content-type")).toMatch(/^application\/graphql-response\+json/);
    expect((await untilReplayed(() => ask(USERS))).headers.get("content-type")).toMatch(/^application\/json/);

    const text = await fetch(url, {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: JSON.stringify({ query: USERS }),
    });
    expect(text.status).toBe(403);
    for (const headers of [{ origin: "https://example.com" }, { authorization: "Bearer x" }]) {
      const answer = await ask(USERS, undefined, headers);
      await wasLogged(answer);
    }
  });

  test("never gets a stale answer: a write ends the replay, and the next answer is remembered anew", async () => {
    for (let round = 0; round < 10; round++) {
      const before = await untilReplayed(() => ask(USERS));
      expect((await ask(RENAME(`round ${round}`))).errors).toBeUndefined();
      const after = await ask(USERS, undefined, { "if-none-match": before.headers.get("etag")! });
      expect([after.status, after.data.users.nodes[0].username]).toEqual([200, `round ${round}`]);
      expect(after.headers.get("etag")).not.toBe(before.headers.get("etag"));
    }
  });
});

describe("If-None-Match", () => {
  test("is compared weakly, on a replay and on a miss", async () => {
    const replayed = await untilReplayed(() => ask(USERS));
    const etag = replayed.headers.get("etag")!;
    expect(etag).toMatch(/^"[\w-]{27}"$/);
    const matching = [etag, `W/${etag}`, `"other", ${etag}`, `"other" ,W/${etag}`, "*"];
    const others = ['"other"', etag.slice(1, -1), `"${etag.slice(1, -2)}"`, "", 'W/"*"'];
    const requests = {
      replay: (condition: string) => ask(USERS, undefined, { "if-none-match": condition }),
      // The comment makes it a different document with the same answer.
      miss: (condition: string) =>
        ask(`${USERS} # ${Math.random()}`, undefined, { "if-none-match": condition }),
    };
    for (const send of Object.values(requests)) {
      for (const condition of matching) {
        const answer = await send(condition);
        expect([condition, answer.status, answer.text]).toEqual([condition, 304, ""]);
        expect(answer.headers.get("content-type")).toBeNull();
        expect(answer.headers.get("etag")).toBe(etag);
        expect(answer.headers.get("cache-control")).toBe("private, no-cache");
        expect(answer.headers.get("vary")).toBe(replayed.headers.get("vary"));
        expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
      }
      for (const condition of others) {
        const answer = await send(condition);
        expect([condition, answer.status, answer.text]).toEqual([condition, 200, replayed.text]);
      }
    }
  });

  test("changes nothing for a mutation, an invalid document, and an operation that fails", async () => {
    const written = await ask(RENAME("written"), undefined, { "if-none-match": "*" });
    expect([written.status, written.data]).toEqual([200, { upsertUser: { user: { username: "written" } } }]);
    expect(written.headers.get("cache-control")).toBe("no-store");
    for (const query of ["{ nothing }", "{ users { ", "{ users(first: 1000) { totalCount nodes { id } } }"]) {
      const { status, errors } = await ask(query, undefined, { "if-none-match": "*" });
      expect([query, status === 304, errors?.length]).toEqual([query, false, 1]);
    }
  });
});

/** Opens a raw connection, to send what no client library would. */
async function open() {
  const socket: Socket = connect(port, "127.0.0.1");
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  let received = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    received += chunk;
  });
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return {
    socket,
    ended,
    received: () => received,
    /** The bodies of the answers, in their order. */
    bodies: () =>
      [...received.matchAll(/\{"(?:data|errors)":.*?\}(?=\r\n|HTTP\/1\.1|$)/g)].map(([body]) => body),
    /** The status codes of the answers, in their order. */
    statuses: () => [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => Number(code)),
  };
}

const HEAD =
  "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\naccept: application/json\r\n";
const post = (query: string) => {
  const body = JSON.stringify({ query });
  return `${HEAD}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
};

describe("on a raw connection", () => {
  test("a request gets the same answer with head and body apart, a byte at a time, and in chunks", async () => {
    const { text } = await untilReplayed(() => ask(USERS));
    const whole = post(USERS);
    const cut = whole.indexOf("\r\n\r\n") + 4;
    const body = whole.slice(cut);
    const chunked = `${HEAD}transfer-encoding: chunked\r\n\r\n5\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)}\r\n${body.slice(5)}\r\n0\r\n\r\n`;
    for (const pieces of [[whole], [whole.slice(0, cut), body], [...whole], [chunked], [...chunked]]) {
      const connection = await open();
      connection.socket.setNoDelay(true);
      for (const piece of pieces) {
        connection.socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await expect.poll(connection.received).toContain(text);
      expect(connection.statuses()).toEqual([200]);
      connection.socket.destroy();
    }
  });

  test("pipelined requests of all kinds are answered in their order", async () => {
    await untilReplayed(() => ask(USERS));
    const kinds = [
      USERS,
      "{ __typename }",
      "{ nothing }",
      USERS,
      RENAME("pipelined"),
      USERS,
      "{ users { totalCount } }",
    ];
    const connection = await open();
    const rounds = 10;
    connection.socket.write(Array.from({ length: rounds }, () => kinds.map(post).join("")).join(""));
    await expect.poll(() => connection.statuses().length, { timeout: 10_000 }).toBe(kinds.length * rounds);
    await expect.poll(() => connection.received().match(/"totalCount":3\}\}\}/g)?.length).toBe(rounds);
    const marks = connection
      .received()
      .match(/"nodes"|__typename|"nothing\\"|upsertUser|\{"users":\{"totalCount":3\}\}/g);
    const expected = ["nodes", "__typename", "nothing", "nodes", "upsertUser", "nodes", "totalCount"];
    expect(marks?.map((mark) => /nodes|__typename|nothing|upsertUser|totalCount/.exec(mark)![0])).toEqual(
      Array.from({ length: rounds }, () => expected).flat(),
    );
    connection.socket.destroy();
  });

  test("requests with Expect: 100-continue, HEAD or content-encoding are answered as without a replay", async () => {
    const { text } = await untilReplayed(() => ask(USERS));
    const body = JSON.stringify({ query: USERS });
    const patient = await open();
    patient.socket.write(`${HEAD}expect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`);
    await expect.poll(patient.statuses).toEqual([100]);
    patient.socket.write(body);
    await expect.poll(patient.received).toContain(text);
    patient.socket.destroy();

    await untilReplayed(() => get(USERS));
    const head = await fetch(`${url}?query=${encodeURIComponent(USERS)}`, { method: "HEAD" });
    expect(await head.text()).toBe("");
    const encoded = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        "content-encoding": "gzip",
      },
      body,
    });
    await wasLogged(encoded);
    await encoded.text();
  });

  test("a body over the limit is refused, announced or not", async () => {
    const long = JSON.stringify({ query: USERS, padding: "x".repeat(20_000) });
    const announced = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: long,
    });
    expect(announced.status).toBe(413);
    const connection = await open();
    connection.socket.write(
      `${HEAD}transfer-encoding: chunked\r\n\r\n${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`,
    );
    await connection.ended;
    expect(connection.statuses()).toEqual([413]);
  });

  test("clients that disconnect while their answer is looked up do no harm", async () => {
    const { text } = await untilReplayed(() => ask(USERS));
    for (let round = 0; round < 50; round++) {
      const connection = await open();
      connection.socket.write(post(round % 2 === 0 ? USERS : RENAME(`gone ${round}`)));
      if (round % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      connection.socket.destroy();
    }
    const { status, data } = await ask(USERS);
    expect([status, data.users.totalCount]).toEqual([200, JSON.parse(text).data.users.totalCount]);
  });
});

test("a shutdown lets replays finish, and completes although their connections would stay open", async () => {
  const stopping = await startServed({ DATABASE_URL: (await createTestDatabase()).url });
  await insertRows(stopping.app.database.pool, { users: 3 });
  await stopping.untilHit(USERS);
  const answers = Array.from({ length: 40 }, () => stopping.ask(USERS).catch((error: unknown) => error));
  await answers[0];
  const closed = stopping.app.close();
  for (const answer of await Promise.all(answers)) {
    if (answer instanceof TypeError) continue; // The server had not accepted its connection yet.
    expect(answer).toMatchObject({ status: 200, data: { users: { totalCount: 3 } } });
  }
  await closed;
}, 60_000);
