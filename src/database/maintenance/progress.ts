import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

/** How far a statement has come. */
export interface StatementProgress {
  /** In PostgreSQL's own words. */
  readonly phase: string;
  readonly done: number;
  /** 0: not known yet. */
  readonly total: number;
}

const EVERY_MS = 250;

// Counts blocks, or rows in a phase that has no blocks.
const PROGRESS = `
  SELECT phase, heap_blks_scanned::float8 AS "done", heap_blks_total::float8 AS "total"
    FROM pg_stat_progress_vacuum WHERE pid = $1
  UNION ALL
  SELECT phase, sample_blks_scanned::float8, sample_blks_total::float8 FROM pg_stat_progress_analyze WHERE pid = $1
  UNION ALL
  SELECT phase, CASE WHEN blocks_total > 0 THEN blocks_done ELSE tuples_done END::float8,
         CASE WHEN blocks_total > 0 THEN blocks_total ELSE tuples_total END::float8
    FROM pg_stat_progress_create_index WHERE pid = $1`;

/**
 * Reports a few times a second how far the statement of a server process has come, until the signal aborts.
 * Never rejects: a progress bar that stands still is no reason to stop.
 *
 * @param observer a connection that does nothing else
 */
export async function watchStatement(
  observer: pg.Client,
  processId: number,
  onProgress: (progress: StatementProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const { rows } = await observer
      .query<StatementProgress>(PROGRESS, [processId])
      .catch(() => ({ rows: [] }));
    if (rows[0] !== undefined && !signal.aborted) onProgress(rows[0]);
    await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
  }
}
