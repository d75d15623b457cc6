import { afterAll } from "vitest";

const releasers: (() => Promise<void>)[] = [];

/**
 * Runs `release` when the test file ends, after the file's own hooks, so that no test file forgets to stop
 * what it started. Last in, first out. All of them run, and the first failure is reported.
 */
export function atEndOfFile(release: () => Promise<void>): void {
  releasers.push(release);
}

// Every test file evaluates this module again, so the hook belongs to the file that is being collected.
afterAll(async () => {
  const failures: unknown[] = [];
  for (let release = releasers.pop(); release !== undefined; release = releasers.pop()) {
    await release().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}, 60_000);
