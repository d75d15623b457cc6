import type { Query } from "./database.ts";
import type { ServerFigures, SessionFigures, TableFigures } from "./poolAdvice.ts";

/** The application names of all of this service's connections begin like this. */
const OWN_APPLICATION = "stack-converter%";
/** A server may have thousands of sessions. */
const MAX_SESSIONS = 1_000;

/**
 * Reads PostgreSQL's own statistics about the server. Without `pg_read_all_stats`, a role learns of other
 * roles' sessions only that they exist; those are left out.
 *
 * @throws AppError `SERVICE_UNAVAILABLE`
 */
export async function readServerFigures(query: Query): Promise<ServerFigures> {
  const [[server], tables, sessions] = await Promise.all([
    query<{ maxConnections: number; connections: number }>(
      `SELECT current_setting('max_connections')::int AS "maxConnections",
              (SELECT COALESCE(sum("numbackends"), 0)::int FROM pg_stat_database) AS "connections"`,
    ),
    query<TableFigures>(
      `SELECT "relname" AS "name", "n_live_tup"::float8 AS "rows", "seq_scan"::float8 AS "sequentialScans",
              "seq_tup_read"::float8 AS "rowsScanned", COALESCE("idx_scan", 0)::float8 AS "indexScans"
         FROM pg_stat_user_tables`,
    ),
    query<SessionFigures>(
      `SELECT "state", COALESCE("application_name", '') AS "application", "pid" AS "processId",
              extract(epoch FROM now() - "xact_start")::float8 AS "transactionSeconds",
              extract(epoch FROM now() - "state_change")::float8 AS "stateSeconds"
         FROM pg_stat_activity
        WHERE "datname" = current_database() AND "state" IS NOT NULL AND "application_name" NOT LIKE $1
        ORDER BY "xact_start" NULLS LAST LIMIT $2`,
      [OWN_APPLICATION, MAX_SESSIONS],
    ),
  ]);
  // The query of the settings always gives one row.
  return { ...server!, tables, sessions };
}
