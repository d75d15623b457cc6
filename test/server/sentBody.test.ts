import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AnswerText } from "../../src/repositories/answerText.ts";
import { type Body, byteLengthOf, endWith, lookAt } from "../../src/server/sentBody.ts";

/** Each response's body repeats the response's own number. */
const wordOf = (n: number) => `<${n} größe 😀>`;
const textOf = (n: number, length: number) => {
  const word = wordOf(n);
  return word.repeat(Math.ceil(length / word.length));
};
function bodyOf(n: number, length: number): Body {
  const text = textOf(n, length);
  switch (n % 3) {
    case 0:
      return text;
    case 1:
      return Buffer.from(text);
    default: {
      const word = wordOf(n);
      const texts = text.split(word).map((piece) => Buffer.from(piece));
      const byteLength = texts.reduce((sum, piece) => sum + piece.byteLength, 0);
      const places = texts.slice(1).map((_, row) => row);
      const rows = texts.map(() => Buffer.from(word));
      return new AnswerText({ texts, byteLength, places }, rows);
    }
  }
}

const server = createServer((req, res) => {
  const [, n, length] = req.url!.split("/").map(Number);
  const body = bodyOf(n!, length!);
  const byteLength = byteLengthOf(body);
  endWith(res.writeHead(200, { "content-length": byteLength }), body, byteLength);
});
// A Unix socket: if the client does not read, the system buffers only a fifth of a megabyte. For a TCP socket
// it would buffer everything that is sent here.
const folder = mkdtempSync(join(tmpdir(), "stack-converter-test-"));
const socketPath = join(folder, "socket");
const agent = new Agent({ keepAlive: true, maxSockets: 40 });

beforeAll(async () => {
  server.listen(socketPath);
  await once(server, "listening");
});
afterAll(() => {
  agent.destroy();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(
  n: number,
  length: number,
  options: { agent?: Agent } = { agent },
): Promise<IncomingMessage> {
  const request = get({ socketPath, path: `/${n}/${length}`, ...options });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

async function readAll(response: IncomingMessage, pauseMs = 0): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk);
    if (pauseMs > 0) await sleep(pauseMs);
  }
  return Buffer.concat(chunks).toString();
}

describe("a body", () => {
  test.each([1, 100, 16_384, 16_385, 300_000, 3_000_000])(
    "of %i characters or more arrives unchanged",
    async (length) => {
      for (const n of [0, 1, 2]) expect(await readAll(await ask(n, length))).toBe(textOf(n, length));
    },
  );

  test("is never mixed up with others, however many are sent at once to clients that read slowly or disconnect", async () => {
    const sizes = [20_000, 70_000, 150_000, 600_000];
    await Promise.all(
      Array.from({ length: 120 }, async (_, index) => {
        const n = 3 * index + 2;
        const length = sizes[index % sizes.length]!;
        if (index % 5 === 4) {
          const response = await ask(n, 600_000, { agent: new Agent() });
          await once(response, "data");
          response.destroy();
          return;
        }
        const text = await readAll(await ask(n, length), index % 3 === 0 ? 2 : 0);
        // Compared by `===`, because a difference of the texts would make a very long message.
        expect(text.length).toBe(textOf(n, length).length);
        expect(text === textOf(n, length)).toBe(true);
      }),
    );
  }, 60_000);

  test("can be read by lookAt", () => {
    for (const n of [0, 1, 2]) expect(lookAt(bodyOf(n, 50_000), String)).toBe(textOf(n, 50_000));
  });
});
