import type pg from "pg";

/** What PostgreSQL's statistics say about a table. */
export interface TableFacts {
  readonly table: string;
  readonly liveRows: number;
  readonly deadRows: number;
  /** Rows changed since the last ANALYZE. */
  readonly changedRows: number;
  readonly wasAnalyzed: boolean;
  /** The table with its indexes and its TOAST table. */
  readonly bytes: number;
  /**
   * How far the table is towards the age at which PostgreSQL itself insists on freezing: 1 is all of the way.
   */
  readonly freezeShare: number;
  /** VACUUM skips tables of other roles, with a warning that nobody reads. */
  readonly isOurs: boolean;
}

export interface TableNeed {
  readonly action: "VACUUM" | "VACUUM_FREEZE" | "ANALYZE";
  /** For people to read. */
  readonly reason: string;
}

/** Fewer dead or changed rows are not worth a pass over the table. */
const MIN_ROWS = 1_000;
/**
 * Lower than autovacuum's thresholds of a fifth (dead) and a tenth (changed): maintenance is for quiet hours.
 */
const DEAD_SHARE = 0.05;
const CHANGED_SHARE = 0.05;
const FREEZE_SHARE = 0.5;

const TABLES = `
  SELECT stats.relname AS "table", n_live_tup::float8 AS "liveRows", n_dead_tup::float8 AS "deadRows",
         n_mod_since_analyze::float8 AS "changedRows",
         (last_analyze IS NOT NULL OR last_autoanalyze IS NOT NULL) AS "wasAnalyzed",
         pg_total_relation_size(relid)::float8 AS "bytes",
         age(relation.relfrozenxid)::float8 / current_setting('autovacuum_freeze_max_age')::float8 AS "freezeShare",
         pg_has_role(relation.relowner, 'USAGE') AS "isOurs"
    FROM pg_stat_user_tables AS stats JOIN pg_class AS relation ON relation.oid = stats.relid
   WHERE stats.schemaname = current_schema() AND relation.relkind = 'r' ORDER BY stats.relname`;

export async function readTables(client: pg.Client): Promise<TableFacts[]> {
  return (await client.query<TableFacts>(TABLES)).rows;
}

/** What the table needs now; undefined: nothing. */
export function needOf(facts: TableFacts, isFullPass: boolean): TableNeed | undefined {
  const { liveRows, deadRows, changedRows, wasAnalyzed, freezeShare } = facts;
  const share = (rows: number) => rows / Math.max(1, liveRows);
  const percent = (rows: number) => `${Math.round(100 * Math.min(1, share(rows)))} %`;
  if (freezeShare >= FREEZE_SHARE)
    return { action: "VACUUM_FREEZE", reason: `transaction ids are at ${Math.round(100 * freezeShare)} %` };
  if (isFullPass) return { action: "VACUUM", reason: "a full pass was asked for" };
  if (deadRows >= MIN_ROWS && share(deadRows) >= DEAD_SHARE)
    return { action: "VACUUM", reason: `${deadRows} dead rows, ${percent(deadRows)}` };
  if (changedRows >= MIN_ROWS && (!wasAnalyzed || share(changedRows) >= CHANGED_SHARE))
    return { action: "ANALYZE", reason: `${changedRows} rows changed since the last ANALYZE` };
  return undefined;
}

export const TABLE_OPTIONS: Readonly<Record<TableNeed["action"], string>> = {
  VACUUM: "VACUUM (ANALYZE)",
  VACUUM_FREEZE: "VACUUM (FREEZE, ANALYZE)",
  ANALYZE: "ANALYZE",
};

export async function sizeOf(client: pg.Client, relation: string): Promise<number> {
  const { rows } = await client.query<{ bytes: number }>(
    `SELECT coalesce(pg_total_relation_size(to_regclass(quote_ident($1))), 0)::float8 AS "bytes"`,
    [relation],
  );
  return rows[0]?.bytes ?? 0;
}
