import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { startCommand } from "../support/process.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const { app } = await createTestApp({ DB_SLOW_QUERY_MS: "50" });
const { url } = await app.listen();

const command = (...args: string[]) =>
  startCommand(process.execPath, { args: [CLI, "pool", "--url", url, ...args] });

async function run(...args: string[]) {
  const program = command(...args);
  const { code } = await program.exited;
  return { code, output: program.output() };
}

test("pool shows connections, durations, failures, slow statements and advice", async () => {
  await app.database.query("SELECT pg_sleep(0.06), $1::text FROM users", ["a value"]);
  await app.database.query("SELECT pg_sleep(0.06), $1::text", ["a value"]);
  await expect(app.database.query("SELECT 1 / 0")).rejects.toThrow();
  const { code, output } = await run();

  expect(code).toBe(0);
  expect(output).toMatch(/^ {2}Connections {5}\d+ at work, \d+ idle, 0 requests wait \(2 to 20\)$/m);
  expect(output).toMatch(
    /^ {2}Statements {6}\d+, .* on average; half within .* ms, 95 % .* ms, 99 % .* ms$/m,
  );
  expect(output).toMatch(/^ {2}Failed {10}1 × 22$/m);
  expect(output).toMatch(
    /^ {4}[0-9a-f]{16} {2}1 ×, \d+ ms on average, \d+ ms at most: SELECT pg_sleep\(\?\), \$1::text$/m,
  );
  expect(output).toMatch(/^ {2}Advice {10}none$/m);
  expect(output).not.toContain("a value");
});

test("pool --json prints all figures, and --explain the plan of one statement", async () => {
  const { slowQueries, ...pool } = JSON.parse((await run("--json")).output);
  expect(pool).toMatchObject({
    min: 2,
    max: 20,
    waiting: 0,
    errors: [{ sqlstateClass: "22", count: 1 }],
    advice: [],
  });
  const { id } = slowQueries.find(({ text }: { text: string }) => text === "SELECT pg_sleep(?), $1::text");

  const { code, output } = await run("--explain", id);
  expect([code, output]).toEqual([
    0,
    expect.stringMatching(/^SELECT pg_sleep\(\?\), \$1::text\n\nResult {2}\(cost=.*\)\n$/),
  ]);
  expect(JSON.parse((await run("--explain", id, "--json")).output)).toMatchObject({
    id,
    plan: [expect.any(String)],
  });
  expect(await run("--explain", "none")).toEqual({
    code: 1,
    output: "There is no slow statement none (any more): each instance lists its own.\n",
  });
});

test("pool --watch repeats until it is interrupted", async () => {
  const program = command("--json", "--watch");
  await expect.poll(() => program.output().split("\n").length, { timeout: 15_000 }).toBeGreaterThan(2);
  expect(await program.stop({ signal: "SIGINT" })).toEqual({ code: 0, signal: null });
});
