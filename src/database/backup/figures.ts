import type pg from "pg";
import { quoted } from "../session.ts";
import type { TableFigures } from "./manifest.ts";

/** Tables with the state of the running service, not its data: after a restoration they start anew. */
const STATE = ["_prisma_migrations", "cache_epoch", "cache_invalidations"];

const TABLES = `
  SELECT relname AS "table", ARRAY(SELECT confrelid::regclass::text FROM pg_constraint
           WHERE conrelid = relation.oid AND contype = 'f' AND confrelid <> conrelid) AS "parents"
    FROM pg_class AS relation
   WHERE relkind = 'r' AND relnamespace = quote_ident(current_schema())::regnamespace AND relname <> ALL($1)
     AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = relation.oid AND deptype = 'e')
   ORDER BY relname`;

/** The tables with data. A table comes after those that it references. */
export async function dataTables(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ table: string; parents: string[] }>(TABLES, [STATE]);
  const ordered: string[] = [];
  let left = rows;
  while (left.length > 0) {
    const names = new Set(left.map(({ table }) => table));
    const free = left.filter(({ parents }) => !parents.some((parent) => names.has(parent)));
    // The rest is a cycle of references, which has no order.
    const next = free.length > 0 ? free : left;
    ordered.push(...next.map(({ table }) => table));
    left = left.filter((row) => !next.includes(row));
  }
  return ordered;
}

/** Makes a row's text the same in every session, until the transaction ends. */
const PLAIN_TEXT = `SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'postgres';
  SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'`;

/**
 * Counts the rows of every table and sums up their digests. Neither the rows' order nor their place on disk
 * matters, but a duplicate row does. Reads the snapshot of the transaction that is open.
 */
export async function readFigures(
  client: pg.Client,
  onTable: (table: string, index: number, count: number) => void = () => {},
): Promise<TableFigures[]> {
  await client.query(PLAIN_TEXT);
  const tables = await dataTables(client);
  const figures: TableFigures[] = [];
  for (const [index, table] of tables.entries()) {
    onTable(table, index, tables.length);
    const { rows } = await client.query<{ rows: number; checksum: string }>(`
      SELECT count(*)::float8 AS "rows",
             coalesce(sum(('x' || left(digest, 16))::bit(64)::int8::numeric), 0)::text || ':' ||
             coalesce(sum(('x' || substr(digest, 17, 16))::bit(64)::int8::numeric), 0)::text AS "checksum"
        FROM (SELECT encode(sha256(convert_to(whole::text, 'UTF8')), 'hex') AS digest FROM ${quoted(table)} AS whole) AS digests`);
    figures.push({ table, ...rows[0]! });
  }
  return figures.sort((a, b) => a.table.localeCompare(b.table, "en"));
}

/** The differences, in words; empty: there are none. */
export function differences(expected: readonly TableFigures[], actual: readonly TableFigures[]): string[] {
  const found = new Map(actual.map((figures) => [figures.table, figures]));
  const missing = expected.flatMap(({ table, rows, checksum }) => {
    const now = found.get(table);
    if (now === undefined) return [`${table} is missing`];
    if (now.rows !== rows) return [`${table} has ${now.rows} rows instead of ${rows}`];
    return now.checksum === checksum ? [] : [`${table} has other contents`];
  });
  const known = new Set(expected.map(({ table }) => table));
  // A later version's migrations may have added tables.
  const added = actual.filter(({ table, rows }) => !known.has(table) && rows > 0);
  return [...missing, ...added.map(({ table }) => `${table} was not in the backup`)];
}

/** Whether all tables with data are empty. */
export async function isEmpty(client: pg.Client): Promise<boolean> {
  for (const table of await dataTables(client)) {
    const { rows } = await client.query(`SELECT 1 FROM ${quoted(table)} LIMIT 1`);
    if (rows.length > 0) return false;
  }
  return true;
}

/** The migrations that the database has, in their order; empty when it has no history. */
export async function appliedMigrations(client: pg.Client): Promise<string[]> {
  const { rows: tables } = await client.query(
    `SELECT 1 FROM pg_class WHERE oid = to_regclass('_prisma_migrations')`,
  );
  if (tables.length === 0) return [];
  const { rows } = await client.query<{ name: string }>(
    `SELECT migration_name AS "name" FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL
      ORDER BY migration_name`,
  );
  return rows.map(({ name }) => name);
}
