import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { asStranger } from "../support/access.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

const database = await createTestDatabase();
const { app, url, port } = await startServed(
  {
    DATABASE_URL: database.url,
    MAX_SUBSCRIPTIONS: "5",
    MAX_SUBSCRIPTIONS_PER_VIEWER: "2",
    TRUST_PROXY: "loopback",
  },
  { overrides: asStranger },
);
await insertRows(app.database.pool, { users: 2 });

let controllers: AbortController[] = [];
const openStreams = async () => {
  const response = await app.fetch("http://test/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `ADMIN ${keyOf(1)}` },
    body: JSON.stringify({ query: "{ statistics { subscriptions { open } } }" }),
  });
  return ((await response.json()) as { data: { statistics: { subscriptions: { open: number } } } }).data
    .statistics.subscriptions.open;
};
afterEach(async () => {
  for (const controller of controllers) controller.abort();
  controllers = [];
  await expect.poll(openStreams, { timeout: 10_000 }).toBe(0);
});

/** Opens a live query from this address. Returns its first message, and a function that ends the query. */
async function follow(address: string, headers: Record<string, string> = {}) {
  const controller = new AbortController();
  controllers.push(controller);
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "text/event-stream",
      "x-forwarded-for": address,
      ...headers,
    },
    body: JSON.stringify({ query: "query @live { viewer { id } }" }),
    signal: controller.signal,
  });
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  let text = "";
  while (!text.includes("data:") || !text.includes("\n\n"))
    text += decoder.decode((await reader.read()).value);
  const { data, errors } = JSON.parse(/data: ?(\{.*\})/.exec(text)![1]!) as {
    data?: unknown;
    errors?: { message: string; extensions: object }[];
  };
  return { data, error: errors?.[0], close: () => controller.abort() };
}

test("each address may have as many subscriptions as a viewer, and a closed one makes room", async () => {
  const [first] = [await follow("192.0.2.1"), await follow("192.0.2.1")];
  const { error } = await follow("192.0.2.1");
  expect(error).toMatchObject({
    message:
      "You have 2 subscriptions and live queries on this instance (MAX_SUBSCRIPTIONS_PER_VIEWER). Close one first.",
    extensions: { code: "TOO_MANY_SUBSCRIPTIONS", max: 2 },
  });
  expect((await follow("192.0.2.2")).error).toBeUndefined();
  first.close();
  await expect.poll(openStreams, { timeout: 10_000 }).toBe(2);
  expect((await follow("192.0.2.1")).error).toBeUndefined();
});

test("a viewer's limit counts the streams from all of their addresses and keys, but no stranger's", async () => {
  const user = { authorization: `USER ${keyOf(1)}` };
  const key = { authorization: `USER ${keyOf(1)} projects:read` };
  expect((await follow("192.0.2.1", user)).error).toBeUndefined();
  expect((await follow("192.0.2.2", key)).error).toBeUndefined();
  expect((await follow("192.0.2.3", user)).error).toMatchObject({
    extensions: { code: "TOO_MANY_SUBSCRIPTIONS", max: 2 },
  });
  expect((await follow("192.0.2.3", { authorization: `USER ${keyOf(2)}` })).error).toBeUndefined();
  expect((await follow("192.0.2.1")).error).toBeUndefined();
});

test("the instance serves no more subscriptions than its limit, whoever asks", async () => {
  for (const host of [1, 2, 3, 4, 5]) expect((await follow(`192.0.2.${host}`)).error).toBeUndefined();
  expect((await follow("192.0.2.6")).error).toMatchObject({
    extensions: { code: "TOO_MANY_SUBSCRIPTIONS", max: 5 },
  });
});

test("streams end with their connection, also those of pipelined requests whose turn never comes", async () => {
  const body = JSON.stringify({ query: "query @live { viewer { id } }" });
  const head = `POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  const socket = connect(port, "127.0.0.1");
  for (const host of [1, 2, 3, 4]) socket.write(`${head}\r\nx-forwarded-for: 192.0.2.${host}\r\n\r\n${body}`);
  await expect.poll(openStreams, { timeout: 10_000 }).toBe(4);
  socket.destroy();
  await expect.poll(openStreams, { timeout: 10_000 }).toBe(0);
});
