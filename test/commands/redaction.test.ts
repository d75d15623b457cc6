import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { generateApiKey } from "../../src/auth/apiKey.ts";
import { createRedaction } from "../../src/commands/redaction.ts";

const KEY = "0123456789abcdef".repeat(4);
const { secret: API_KEY } = generateApiKey();
const DATABASE = "postgresql://converter:s%3Cecret-pass@db.example.com/converter";

function linesOf(write: (log: pino.Logger) => void): string {
  const lines: string[] = [];
  const redact = createRedaction([DATABASE, undefined, KEY]);
  write(
    pino({ level: "trace", hooks: { streamWrite: redact } }, { write: (line: string) => lines.push(line) }),
  );
  return lines.join("");
}

describe("a log line contains no", () => {
  test.each<[string, string, (log: pino.Logger) => void]>([
    [
      "authorization header",
      "abc.def",
      (log) => log.info({ req: { headers: { authorization: "Bearer abc.def.ghi" } } }),
    ],
    [
      "cookie",
      "session=1",
      (log) => log.info({ headers: { cookie: "session=1", "set-cookie": "session=1" } }),
    ],
    ["token at any depth", "ghp_abc", (log) => log.info({ a: { b: { c: { token: 'ghp_abc"x' } } } })],
    ["token in a URL", "hunter22", (log) => log.info({ url: "/graphql?query={a}&token=hunter22" })],
    [
      "password in a URL",
      "hunter22",
      (log) => log.error(new Error("cannot clone https://me:hunter22@example.com/x")),
    ],
    [
      "bearer token in a message",
      "eyJhbGciOi",
      (log) => log.warn("refused Bearer eyJhbGciOi.payload.signature"),
    ],
    ["token without its scheme", "eyJhbGciOi", (log) => log.warn("token eyJhbGciOi.payload.signature")],
    ["API key", API_KEY, (log) => log.warn(`the key ${API_KEY} is old`)],
    ["database password", "s%3Cecret-pass", (log) => log.error({ err: new Error(`connect ${DATABASE}`) })],
    [
      "decoded database password",
      "s<ecret-pass",
      (log) => log.error(new Error('password "s<ecret-pass" is wrong')),
    ],
    ["encryption key", KEY, (log) => log.fatal({ config: { encryptionKey: KEY } }, KEY)],
  ])("%s", (_, secret, write) => {
    const text = linesOf(write);
    expect(text).toContain("[redacted]");
    expect(text).not.toContain(secret);
    for (const line of text.trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
  });
});

test("other values are not redacted", () => {
  const text = linesOf((log) =>
    log.info({ requestId: "a", url: "/graphql?query={a}", tokens: 3 }, "the token bucket is full"),
  );
  expect(JSON.parse(text)).toMatchObject({
    requestId: "a",
    url: "/graphql?query={a}",
    tokens: 3,
    msg: "the token bucket is full",
  });
});
