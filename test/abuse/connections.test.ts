import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";

const { app } = await createTestApp({
  HEADERS_TIMEOUT: "300",
  REQUEST_TIMEOUT: "900",
  MAX_HEADER_BYTES: "4096",
  MAX_BODY_BYTES: "2048",
  MAX_CONNECTIONS: "20",
});
const { port, url } = await app.listen();

/** Opens a connection. `answer` resolves to everything that was received when the connection is closed. */
function dial(): { socket: Socket; answer: Promise<string>; opened: Promise<void> } {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const answer = new Promise<string>((resolve) => {
    socket.once("close", () => resolve(text));
    socket.on("error", () => {});
  });
  return { socket, answer, opened: new Promise((resolve) => socket.once("connect", resolve)) };
}
const HEAD = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
const statusOf = (text: string) => /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];

/** Sends the pieces, 20 ms apart, until the connection is closed. */
async function drip({ socket, answer }: ReturnType<typeof dial>, pieces: Iterable<string>) {
  let isClosed = false;
  void answer.then(() => {
    isClosed = true;
  });
  for (const piece of pieces) {
    if (isClosed) break;
    socket.write(piece);
    await sleep(20);
  }
  return answer;
}
function* endless(piece: string) {
  for (;;) yield piece;
}

describe("a connection is closed", () => {
  test("whose request head does not end in time", async () => {
    const connection = dial();
    connection.socket.write("GET /graphql HTTP/1.1\r\nhost: x\r\n");
    expect(statusOf(await drip(connection, endless("x-slow: 1\r\n")))).toMatch(/408|431/);
    const silent = dial();
    silent.socket.write("GET /gra");
    expect(statusOf(await silent.answer)).toBe("408");
  });

  test("whose request body does not end in time", async () => {
    const connection = dial();
    connection.socket.write(`${HEAD}content-length: 2000\r\n\r\n`);
    expect(statusOf(await drip(connection, endless("{")))).toBe("408");
  });

  test.each([
    ["a header", `x-flood: ${"x".repeat(10_000)}\r\n\r\n`],
    ["many headers", `${Array.from({ length: 500 }, (_, n) => `x-flood-${n}: 1\r\n`).join("")}\r\n`],
    ["an address", ""],
  ])("that sends %s too long", async (name, headers) => {
    const { socket, answer } = dial();
    socket.write(
      name === "an address"
        ? `GET /graphql?query=${"x".repeat(10_000)} HTTP/1.1\r\nhost: x\r\n\r\n`
        : `${HEAD}${headers}`,
    );
    expect(statusOf(await answer)).toBe("431");
  });

  test.each([
    ["announced", "content-length: 4000000\r\n\r\n{"],
    ["in pieces", `transfer-encoding: chunked\r\n\r\n${`400\r\n${"x".repeat(1024)}\r\n`.repeat(4)}`],
  ])("that sends a body too long, %s", async (_, rest) => {
    const { socket, answer } = dial();
    socket.write(HEAD + rest);
    const text = await answer;
    expect([statusOf(text), text.includes("PAYLOAD_TOO_LARGE")]).toEqual(["413", true]);
  });

  test.each([
    ["two lengths", "content-length: 5\r\ncontent-length: 6\r\n\r\n{}"],
    ["a length and pieces", "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a line end in a header", "x-a: b\rc: d\r\n\r\n"],
    ["no host", undefined],
  ])("whose request could be read in two ways: %s", async (_, rest) => {
    const { socket, answer } = dial();
    socket.write(rest === undefined ? "POST /graphql HTTP/1.1\r\n\r\n" : HEAD + rest);
    expect(statusOf(await answer)).toBe("400");
  });
});

test.each([
  ["to a host that is none", "/graphql?query={__typename}", "[", "400"],
  ["to a port that is none", "/graphql?query={__typename}", "x:99999", "400"],
  ["for a path that is no URL", "//", "x", "404"],
])(
  "a request %s is refused, and its answer tells nothing of the service",
  async (_, target, host, status) => {
    const { socket, answer } = dial();
    socket.write(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    const text = await answer;
    expect([statusOf(text), text.includes("node:internal")]).toEqual([status, false]);
  },
);

test("connections above the limit are closed, and new ones are accepted once others have ended", async () => {
  const open = Array.from({ length: 20 }, dial);
  await Promise.all(open.map(({ opened }) => opened));
  expect(await dial().answer).toBe("");
  for (const { socket } of open) socket.destroy();
  await Promise.all(open.map(({ answer }) => answer));
  await expect
    .poll(async () => (await fetch(`${url}?query={__typename}`).catch(() => ({ status: 0 }))).status)
    .toBe(200);
});
