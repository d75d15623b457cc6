/** What was done to a table. */
export interface TableReport {
  readonly table: string;
  readonly action: "VACUUM" | "VACUUM_FREEZE" | "ANALYZE";
  readonly reason: string;
  readonly deadRows: number;
  readonly bytesBefore: number;
  /** In a dry run, the same as `bytesBefore`. */
  readonly bytesAfter: number;
  readonly seconds: number;
  /** Why the step failed. */
  readonly problem: string | null;
}

/** What was done to an index. */
export interface IndexReport {
  readonly index: string;
  readonly table: string;
  /** `DROP`: an interrupted rebuild left the index. */
  readonly action: "REINDEX" | "DROP";
  readonly reason: string;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly seconds: number;
  readonly problem: string | null;
}

/** Rows that nobody needs any more. */
export interface PruneReport {
  readonly table: string;
  /** Which of the table's rows. */
  readonly what: string;
  /** Rows that were deleted, or in a dry run, that would be. */
  readonly rows: number;
  readonly seconds: number;
  readonly problem: string | null;
}

export interface MaintenanceReport {
  readonly startedAt: Date;
  readonly seconds: number;
  /** Nothing was changed: the report says what would be done. */
  readonly isDryRun: boolean;
  readonly pruned: readonly PruneReport[];
  readonly tables: readonly TableReport[];
  readonly indexes: readonly IndexReport[];
  /** By how much tables and indexes have shrunk. Growth in the meantime is not deducted. */
  readonly reclaimedBytes: number;
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

export function reclaimedBytes(parts: readonly (TableReport | IndexReport)[]): number {
  return parts.reduce((sum, { bytesBefore, bytesAfter }) => sum + Math.max(0, bytesBefore - bytesAfter), 0);
}
