import { setTimeout as sleep } from "node:timers/promises";
import { Cron } from "croner";
import type { Logger } from "pino";
import { AppError } from "../../errors.ts";
import type { Maintenance } from "./maintenance.ts";

/** A timer can wait for 24 days at most. */
const MAX_SLEEP_MS = 86_400_000;
const ACTION = "performMaintenance";

/** The part of the audit log that is used here. */
export interface MaintenanceLog {
  readonly hasRecent: (action: string, detail: string, value: string) => Promise<boolean>;
  readonly record: (record: {
    action: string;
    actorId: null;
    credential: string;
    target: null;
    details: Readonly<Record<string, unknown>>;
    requestId: null;
    address: null;
  }) => Promise<void>;
}

export interface ScheduledMaintenanceOptions {
  /** A cron expression of five parts, in UTC; undefined: never. */
  readonly schedule: string | undefined;
  readonly maintenance: Pick<Maintenance, "perform">;
  readonly auditEntries: MaintenanceLog;
  readonly log: Logger;
}

/**
 * Maintains the database at scheduled times. Every instance wakes at the same times, and one of them does the
 * work. Its entry in the audit log names the scheduled time and is written before the lock is released, so it
 * also keeps away instances whose clock is behind. A run that fails writes no entry, so another instance
 * tries again.
 */
export function createScheduledMaintenance({
  schedule,
  maintenance,
  auditEntries,
  log,
}: ScheduledMaintenanceOptions) {
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<void> | undefined;

  /** @param due the scheduled time */
  async function performDue(due: Date): Promise<void> {
    const scheduledFor = due.toISOString();
    try {
      const report = await maintenance.perform({
        signal,
        isDue: async () => !(await auditEntries.hasRecent(ACTION, "scheduledFor", scheduledFor)),
        onDone: ({ seconds, reclaimedBytes }) =>
          auditEntries.record({
            action: ACTION,
            actorId: null,
            credential: "schedule",
            target: null,
            details: { scheduledFor, seconds, reclaimedBytes },
            requestId: null,
            address: null,
          }),
      });
      if (report) log.info({ report }, "the database was maintained");
    } catch (error) {
      if (signal.aborted) return;
      // Another instance is maintaining the database.
      if (error instanceof AppError && error.code === "CONFLICT") log.debug({ err: error }, error.message);
      else log.warn({ err: error }, "the database was not maintained");
    }
  }

  async function follow(expression: string): Promise<void> {
    const cron = new Cron(expression, { mode: "5-part", timezone: "UTC", paused: true });
    for (let last = new Date(); !signal.aborted; ) {
      const due = cron.nextRun(last);
      if (due === null) return;
      while (!signal.aborted && Date.now() < due.getTime()) {
        const leftMs = Math.min(MAX_SLEEP_MS, due.getTime() - Date.now());
        await sleep(leftMs, undefined, { signal }).catch(() => {});
      }
      if (!signal.aborted) await performDue(due);
      // Scheduled times that passed while this run took place are not made up for.
      last = new Date(Math.max(due.getTime(), Date.now()));
    }
  }

  return {
    performDue,

    start(): void {
      if (schedule !== undefined) running ??= follow(schedule);
    },

    /** Cancels the run that is under way. */
    async close(): Promise<void> {
      stopping.abort(new Error("The service stops."));
      await running;
    },
  };
}
