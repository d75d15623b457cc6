import type fc from "fast-check";
import type { VersionTable } from "../../src/coherence/versionTable.ts";

/** Lets the scheduler decide when each call to a version table arrives and when its reply returns. */
export function createScheduling(scheduler: fc.Scheduler) {
  const pause = (label: string) => scheduler.schedule(Promise.resolve(), label);
  /** Delays both the call and its reply. */
  const slow =
    <Args extends unknown[], Reply>(label: string, call: (...args: Args) => Promise<Reply>) =>
    async (...args: Args) => {
      await pause(`${label} is sent`);
      const reply = await call(...args);
      await pause(`${label} returns`);
      return reply;
    };
  return { pause, slow };
}

/** Removes the rule "pending check": `since` reports no pending tags. */
export function blindTo(table: VersionTable): VersionTable["since"] {
  return async (...args) => {
    const reply = await table.since(...args);
    return typeof reply === "object" ? { ...reply, pending: [] } : reply;
  };
}
