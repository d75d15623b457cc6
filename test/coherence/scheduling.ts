import type fc from "fast-check";
import type { VersionTable } from "../../src/coherence/versionTable.ts";

/** What the scheduler decides about a version table: when each call arrives, and when its reply returns. */
export function createScheduling(scheduler: fc.Scheduler) {
  const pause = (label: string) => scheduler.schedule(Promise.resolve(), label);
  /** Both ways take their time. */
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

/** The rule "pending check" removed: nobody is told what is pending. */
export function blindTo(table: VersionTable): VersionTable["since"] {
  return async (...args) => {
    const reply = await table.since(...args);
    return typeof reply === "object" ? { ...reply, pending: [] } : reply;
  };
}
