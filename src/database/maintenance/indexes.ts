import type pg from "pg";

/** How much of an index is empty. */
export interface IndexBloat {
  readonly index: string;
  readonly table: string;
  readonly bytes: number;
  /** What rebuilding the index would free; 0 when it is as small as can be expected. */
  readonly wastedBytes: number;
  /** `pgstattuple`: counted. `estimate`: from the planner's figures, accurate to about a tenth. */
  readonly measuredBy: "pgstattuple" | "estimate";
}

/** An index that an interrupted REINDEX CONCURRENTLY has left. It costs every write, and answers no query. */
export interface LeftoverIndex {
  readonly index: string;
  readonly table: string;
  readonly bytes: number;
}

/** PostgreSQL names the new and the old index of a pair like this. The service's own names never end so. */
const LEFTOVERS = `
  SELECT index.relname AS "index", relation.relname AS "table", pg_relation_size(index.oid)::float8 AS "bytes"
    FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_class AS relation ON relation.oid = indrelid
   WHERE NOT indisvalid AND index.relname ~ '_cc(new|old)[0-9]*$' AND index.relnamespace = quote_ident(current_schema())::regnamespace
     AND pg_has_role(relation.relowner, 'USAGE')
     AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS building WHERE building.relid = indrelid)
   ORDER BY index.relname`;

/**
 * Only B-trees on plain columns: nothing says how large an index on expressions or of another kind (trigrams)
 * should be.
 *
 * An entry takes 8 bytes of header and 4 of line pointer beside its key, which is aligned to 8 bytes. A page
 * has 8,152 bytes and is filled up to the fill factor. Deduplication (PostgreSQL 13) makes real indexes
 * smaller, never larger, so bloat that this finds is real.
 */
const ESTIMATES = `
  WITH indexes AS (
    SELECT indexrelid, indrelid, index.relname AS "index", relation.relname AS "table", indkey,
           pg_relation_size(indexrelid)::float8 AS "bytes", greatest(index.reltuples, 0)::float8 AS "entries",
           coalesce(substring(array_to_string(index.reloptions, ' ') FROM 'fillfactor=([0-9]+)')::float8, 90) / 100 AS "fill"
      FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_class AS relation ON relation.oid = indrelid
      JOIN pg_am ON pg_am.oid = index.relam
     WHERE amname = 'btree' AND indisvalid AND indexprs IS NULL AND index.relkind = 'i'
       AND index.relnamespace = quote_ident(current_schema())::regnamespace AND pg_has_role(relation.relowner, 'USAGE')
  ), widths AS (
    SELECT indexrelid, sum(avg_width * (1 - null_frac)) AS "width", bool_and(avg_width IS NOT NULL) AS "isKnown"
      FROM indexes CROSS JOIN LATERAL unnest(indkey::int2[]) AS key(number)
      JOIN pg_attribute AS attribute ON attribute.attrelid = indrelid AND attribute.attnum = key.number
      LEFT JOIN pg_stats ON schemaname = current_schema() AND tablename = "table" AND pg_stats.attname = attribute.attname
     GROUP BY indexrelid
  )
  SELECT indexrelid::int8::text AS "id", "index", "table", "bytes", "fill", "isKnown" AND "entries" > 0 AS "isKnown",
         8192 * (1 + ceil(1.01 * "entries" * (12 + 8 * ceil("width" / 8)) / (8152 * "fill"))) AS "expectedBytes"
    FROM indexes JOIN widths USING (indexrelid) ORDER BY "bytes" DESC`;

export async function readLeftovers(client: pg.Client): Promise<LeftoverIndex[]> {
  return (await client.query<LeftoverIndex>(LEFTOVERS)).rows;
}

/**
 * The bloat of every index for which it can be determined, the largest index first. With the extension
 * pgstattuple it is counted. Counting reads the whole index, so only indexes that may be worth it are
 * counted.
 */
export async function readBloat(client: pg.Client, minBytes: number): Promise<IndexBloat[]> {
  const { rows } = await client.query<{
    id: string;
    index: string;
    table: string;
    bytes: number;
    fill: number;
    isKnown: boolean;
    expectedBytes: number;
  }>(ESTIMATES);
  const canCount = await hasPgstattuple(client);
  const found: IndexBloat[] = [];
  for (const { id, index, table, bytes, fill, isKnown, expectedBytes } of rows) {
    if (canCount && bytes >= minBytes) {
      const wastedBytes = bytes * Math.max(0, 1 - (await leafDensity(client, id)) / fill);
      found.push({ index, table, bytes, wastedBytes: Math.round(wastedBytes), measuredBy: "pgstattuple" });
    } else if (isKnown) {
      const wastedBytes = Math.max(0, bytes - expectedBytes);
      found.push({ index, table, bytes, wastedBytes, measuredBy: "estimate" });
    }
  }
  return found;
}

async function hasPgstattuple(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ isThere: boolean }>(
    `SELECT coalesce(has_function_privilege(to_regprocedure('pgstatindex(regclass)'), 'EXECUTE'), false) AS "isThere"`,
  );
  return rows[0]?.isThere === true;
}

/** The used part of the leaf pages, 0 to 1. */
async function leafDensity(client: pg.Client, id: string): Promise<number> {
  const { rows } = await client.query<{ density: number }>(
    `SELECT avg_leaf_density / 100 AS "density" FROM pgstatindex($1::oid::regclass)`,
    [id],
  );
  // NaN: the index has no leaf with an entry.
  return rows[0]?.density || 0;
}
