import type { Pruning } from "../database/maintenance/maintenance.ts";
import type { Repositories } from "./index.ts";

export interface RetentionOptions {
  /** Age in days at which entries of the audit log are deleted; 0: never. */
  readonly auditDays: number;
  /**
   * Age in days from which only the last of a job's progress reports in each minute is kept; 0: all are kept.
   */
  readonly progressDays: number;
  /**
   * How many queries are remembered for the next start; 0: none are deleted, as other instances may use them.
   */
  readonly warmCount: number;
}

/**
 * Rows that nobody will ask for again. The outbox is not among them: its rows still have to be relayed, and
 * the relay deletes them then (coherence/relay.ts).
 */
export function prunableRows(
  {
    idempotencyKeys,
    auditEntries,
    jobEvents,
    warmOperations,
  }: Pick<Repositories, "idempotencyKeys" | "auditEntries" | "jobEvents" | "warmOperations">,
  { auditDays, progressDays, warmCount }: RetentionOptions,
): readonly Pruning[] {
  const progressLimit = () => new Date(Date.now() - progressDays * 86_400_000);
  const keys: Pruning = {
    table: "idempotency_keys",
    what: "idempotency keys older than a day",
    count: idempotencyKeys.countExpired,
    prune: idempotencyKeys.prune,
  };
  const entries: Pruning = {
    table: "audit_entries",
    what: `entries of the audit log older than ${auditDays} days`,
    count: () => auditEntries.countOlderThan(auditDays),
    prune: () => auditEntries.prune(auditDays),
  };
  const progress: Pruning = {
    table: "conversion_job_events",
    what: `progress reports older than ${progressDays} days, but for the last of each minute`,
    count: () => jobEvents.countThinnable(progressLimit()),
    prune: () => jobEvents.thinProgress(progressLimit()),
  };
  const queries: Pruning = {
    table: "warm_operations",
    what: "queries that are not remembered for the next start any more",
    count: () => warmOperations.countPrunable(warmCount),
    prune: () => warmOperations.prune(warmCount),
  };
  return [
    keys,
    ...(auditDays > 0 ? [entries] : []),
    ...(progressDays > 0 ? [progress] : []),
    ...(warmCount > 0 ? [queries] : []),
  ];
}
