import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createBatchedOutput } from "../../src/commands/logOutput.ts";
import { createRedaction } from "../../src/commands/redaction.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SECRET = "correct-horse";

function recorded(batchLength = 100) {
  const written: string[] = [];
  const destination = {
    write: (text: string) => written.push(text),
    flushSync: () => written.push("<flushed>"),
  };
  const redact = createRedaction([SECRET]);
  return { written, redact, output: createBatchedOutput({ destination, redact, batchLength, waitMs: 100 }) };
}

test("lines are written together, in order, once there are enough of them", () => {
  const { written, output } = recorded(10);
  for (const line of ["one\n", "two\n", "three\n", "four\n"]) output.write(line);
  expect(written).toEqual(["one\ntwo\nthree\n"]);
});

test("a line waits for a tenth of a second at most, and without lines nothing is written", () => {
  const { written, output } = recorded();
  vi.advanceTimersByTime(150);
  output.write("one\n");
  vi.advanceTimersByTime(49);
  expect(written).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(written).toEqual(["one\n"]);
  vi.advanceTimersByTime(1_000);
  expect(written).toEqual(["one\n"]);
});

test("waiting lines are written by flushSync", () => {
  const { written, output } = recorded();
  output.write("one\n");
  output.flushSync();
  expect(written).toEqual(["one\n", "<flushed>"]);
});

test("no line contains a secret, and each is redacted as it would be by itself", () => {
  const lines = [
    { msg: "plain" },
    { msg: `the password is ${SECRET}` },
    { headers: { authorization: "Bearer abc.def.ghi", cookie: 'a="b' } },
    { msg: "Bearer" },
    { msg: "abcdefgh ends with token=" },
    { url: "postgresql://me" },
    { url: ":hunter22@example.com" },
    { msg: "cannot clone https://me:hunter22@example.com/x?token=abc" },
    { "api-key": "x" },
  ].map((line) => `${JSON.stringify(line)}\n`);
  const { written, output, redact } = recorded(100_000);
  for (const line of lines) output.write(line);
  output.flushSync();
  expect(written[0]).toBe(lines.map(redact).join(""));
  expect(written[0]).not.toMatch(/correct-horse|abc\.def|hunter22@example\.com\/x|=abc/);
});
