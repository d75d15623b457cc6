import type { Pruning } from "../database/maintenance/maintenance.ts";
import type { Repositories } from "./index.ts";

export interface RetentionOptions {
  /** Of the audit log; 0: for ever. */
  readonly auditDays: number;
  /** After so many, of a job's progress reports the last of each minute is kept; 0: all are. */
  readonly progressDays: number;
  /** So many queries are remembered for the next start; 0: those that are there are another instance's matter. */
  readonly warmCount: number;
}

/**
 * Rows that nobody will ask for again. The outbox is not among them: what is left in it is yet to be told, and goes
 * when the relay has told it (coherence/relay.ts).
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
