/**
 * Four of PostgreSQL's 16 MB WAL files. After a crash, PostgreSQL replays what was written since the last
 * checkpoint.
 */
const MAINTAIN_AFTER_BYTES = 64 * 1024 * 1024;

/** The part of PGlite that is used here. */
export interface MaintainedDatabase {
  query<Row>(sql: string): Promise<{ rows: Row[] }>;
  exec(sql: string): Promise<unknown>;
}

/**
 * Does what PostgreSQL's background processes would do, which PGlite lacks. Without checkpoints the
 * write-ahead log grows until the database is closed, without VACUUM dead rows pile up, and without ANALYZE
 * the planner knows nothing about the tables.
 *
 * @returns a function that does it if `afterBytes` of log were written since the last time (or since the
 *   start), and tells whether it did
 */
export function createMaintenance(database: MaintainedDatabase, afterBytes = MAINTAIN_AFTER_BYTES) {
  let doneAt: number | undefined;
  return async (): Promise<boolean> => {
    const { rows } = await database.query<{ bytes: number }>(
      "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS bytes",
    );
    const bytes = rows[0]?.bytes ?? 0;
    doneAt ??= bytes;
    if (bytes - doneAt < afterBytes) return false;
    doneAt = bytes;
    await database.exec("VACUUM ANALYZE");
    await database.exec("CHECKPOINT");
    return true;
  };
}
