import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { startProgram } from "../support/process.ts";

const hasWrk = spawnSync("wrk", ["--version"]).error === undefined;

test("the benchmark says what it takes", async () => {
  const program = startProgram("test/bench/peers.ts", { args: ["--help"] });
  expect(await program.exited).toEqual({ code: 0, signal: null });
  expect(program.output()).toContain("npm run bench -- [options]");
});

test.skipIf(!hasWrk)(
  "the benchmark compares the service's answers with SQL, and its cost with the floor's",
  async () => {
    const args = ["--quick", "--own", "--only", "Q1,off", "--projects", "1000", "--json"];
    const program = startProgram("test/bench/peers.ts", { args });
    expect(await program.exited, program.output()).toEqual({ code: 0, signal: null });
    const { rows } = JSON.parse(program.output().trim().split("\n").at(-1)!);
    expect(rows).toMatchObject([
      {
        work: "Q1",
        state: "off",
        entries: [
          { name: "one statement" },
          { name: "stack-converter, no cache" },
          { name: "stack-converter, after a write" },
        ],
      },
    ]);
    for (const { cpuMicroseconds } of rows[0].entries) expect(cpuMicroseconds.median).toBeGreaterThan(0);
  },
  300_000,
);
