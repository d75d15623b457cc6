import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Started } from "./interrupted/started.ts";
import { startCommand } from "./process.ts";

const vitest = join(createRequire(import.meta.url).resolve("vitest/package.json"), "../vitest.mjs");

test.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)(
  "a run that %s ends leaves no server, no program and no temporary folder behind",
  async (signal) => {
    const run = startCommand(process.execPath, {
      args: [vitest, "run", "--config", "test/support/interrupted/vitest.config.ts"],
      env: { TEST_DATABASE_URL: undefined, TEST_REDIS_URL: undefined, VITEST: undefined },
    });
    const line = await run.waitForLine("started {");
    const started: Started = JSON.parse(line.slice(line.indexOf("{")));
    expect(started.pids.filter(isAlive)).toEqual(started.pids);
    expect(started.folders.filter(existsSync)).toEqual(started.folders);

    process.kill(run.pid, signal);

    // 30 s is a generous bound, not a measure: whatever is left after it will stay for ever.
    const deadline = Date.now() + 30_000;
    const left = () => [...started.pids.filter(isAlive), ...started.folders.filter(existsSync)];
    while (left().length > 0 && Date.now() < deadline) await sleep(50);
    expect(left()).toEqual([]);
  },
  60_000,
);

/** A zombie counts as ended: only the machine's init has yet to read its exit code. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // Either this system has no /proc, or the process has just ended.
    return !existsSync("/proc/self/stat");
  }
}
