import { describe, expect, test } from "vitest";
import { startProgram } from "../support/process.ts";
import type { Report } from "./coherence/report.ts";

/** Runs the check as from the command line, on servers of its own. */
async function check(...args: string[]): Promise<{ code: number | null; report: Report; output: string }> {
  const program = startProgram("test/check/coherence.ts", { args: [...args, "--json"] });
  const { code } = await program.exited;
  const output = program.output();
  const last = output.trimEnd().split("\n").at(-1)!;
  // The error contains the whole output, which says what went wrong.
  if (!last.startsWith("{")) throw new Error(`Expected a line of JSON at the end, got:\n${output}`);
  return { code, report: JSON.parse(last) as Report, output };
}

describe("the coherence check", () => {
  test("finds no violation by two instances during faults", { timeout: 240_000 }, async () => {
    const faults = [
      "kill:after-mark",
      "kill:after-commit",
      "stop:before-commit",
      "cut-redis",
      "relay-stall",
      "redis-kill",
      "redis-snapshot",
      "redis-del",
      "pg-terminate",
      "replica:pause",
      "replica:kill",
    ];
    const { code, report, output } = await check(
      ...["--seconds", "25", "--instances", "2", "--gap", "1", "--faults", faults.join(",")],
    );
    expect(report.violations, output).toBe(0);
    expect(code).toBe(0);
    expect(report.crashes, output).toBe(0);
    expect(report.reads).toBeGreaterThan(200);
    expect(report.writes).toBeGreaterThan(20);
    expect(Object.keys(report.faults).sort()).toEqual([...faults].sort());
    expect(Object.entries(report.faults).filter(([, count]) => count === 0)).toEqual([]);
  });

  test("finds violations when the writes of one instance go unmarked", { timeout: 120_000 }, async () => {
    const { code, report } = await check(
      ...["--seconds", "10", "--instances", "2", "--faults", "none", "--broken"],
    );
    expect(report.violations).toBeGreaterThan(0);
    expect(code).toBe(1);
  });

  test("finds violations when a replica claims more than it has", { timeout: 120_000 }, async () => {
    const { code, report } = await check(
      ...["--seconds", "15", "--instances", "1", "--gap", "1", "--faults", "replica:pause"],
      "--broken-replica",
    );
    expect(report.violations).toBeGreaterThan(0);
    expect(code).toBe(1);
  });
});
