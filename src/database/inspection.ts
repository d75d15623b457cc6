import type pg from "pg";

/** The facts that `doctor` checks. Any role may send each of the queries. */
export interface DatabaseFacts {
  readonly version: string;
  readonly versionNumber: number;
  /**
   * The server's clock minus this machine's, at the midpoint of the round trip, and how far off that can be.
   */
  readonly clockDifferenceMs: number;
  readonly clockUncertaintyMs: number;
  readonly isStandby: boolean;
  readonly canCreateTables: boolean;
  readonly canCreateDatabases: boolean;
  readonly hasTrigrams: boolean;
  readonly settings: Readonly<Record<"autovacuum" | "fsync" | "full_page_writes" | "track_counts", string>>;
  readonly maxConnections: number;
  readonly connections: number;
  /** Instances of the service that listen at this moment. */
  readonly instances: number;
  /** Whether one of the instances runs without Redis. */
  readonly hasInstanceWithoutRedis: boolean;
  readonly hasInstanceWithRedis: boolean;
  readonly oldestTransactionSeconds: number;
  /**
   * How far transaction ids are towards the point where the server stops taking writes to save itself: 1 is
   * all of the way.
   */
  readonly wraparoundShare: number;
  readonly bytes: number;
  /** Undefined: the role may not know it, or the server is on another machine. */
  readonly localDataDirectory: string | undefined;
  readonly foreignTables: readonly string[];
  readonly disabledTriggers: readonly string[];
  readonly invalidIndexes: readonly string[];
  readonly standbys: readonly {
    readonly name: string;
    readonly state: string | null;
    readonly lagBytes: number | null;
  }[];
  readonly slots: readonly {
    readonly name: string;
    readonly isActive: boolean;
    readonly keptBytes: number;
  }[];
  /** Undefined: never, or the database has no audit log yet. */
  readonly lastMaintenanceAt: Date | undefined;
}

// Of other roles' processes, a role without pg_read_all_stats sees neither the type nor what they do.
const SERVER = `
  SELECT split_part(current_setting('server_version'), ' ', 1) AS "version",
         current_setting('server_version_num')::int AS "versionNumber",
         pg_is_in_recovery() AS "isStandby",
         has_schema_privilege(current_schema(), 'CREATE') AS "canCreateTables",
         (SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user) AS "canCreateDatabases",
         EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') AS "hasTrigrams",
         json_build_object('autovacuum', current_setting('autovacuum'), 'fsync', current_setting('fsync'),
           'full_page_writes', current_setting('full_page_writes'), 'track_counts', current_setting('track_counts')) AS "settings",
         current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS "maxConnections",
         (SELECT count(*)::int FROM pg_stat_activity WHERE datname IS NOT NULL AND usesysid IS NOT NULL) AS "connections",
         (SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database()
             AND application_name = 'stack-converter cache_invalidations') AS "instances",
         (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend') AS "oldestTransactionSeconds",
         (SELECT age(datfrozenxid)::float8 / 2000000000 FROM pg_database WHERE datname = current_database()) AS "wraparoundShare",
         pg_database_size(current_database())::float8 AS "bytes",
         CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE')
                AND (inet_server_addr() IS NULL OR inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1')
              THEN current_setting('data_directory') END AS "localDataDirectory"`;

const LOCKS = `
  SELECT coalesce(bool_or(mode = 'ExclusiveLock'), false) AS "hasInstanceWithoutRedis",
         coalesce(bool_or(mode = 'ShareLock'), false) AS "hasInstanceWithRedis"
    FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND (classid::int8 << 32 | objid::int8) = $1::int8
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const OBJECTS = `
  SELECT ARRAY(SELECT relname::text FROM pg_class AS relation
           WHERE relkind = 'r' AND relnamespace = quote_ident(current_schema())::regnamespace AND NOT pg_has_role(relowner, 'USAGE')
             AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = relation.oid AND deptype = 'e') ORDER BY 1) AS "foreignTables",
         ARRAY(SELECT relname || '.' || tgname FROM pg_trigger JOIN pg_class AS relation ON relation.oid = tgrelid
           WHERE relnamespace = quote_ident(current_schema())::regnamespace AND tgenabled IN ('D', 'R') ORDER BY 1) AS "disabledTriggers",
         ARRAY(SELECT index.relname::text FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid
           WHERE index.relnamespace = quote_ident(current_schema())::regnamespace AND NOT indisvalid ORDER BY 1) AS "invalidIndexes",
         to_regclass('audit_entries') IS NOT NULL AS "hasAuditLog"`;

const STANDBYS = `
  SELECT application_name AS "name", state,
         (CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn() END - replay_lsn)::float8 AS "lagBytes"
    FROM pg_stat_replication ORDER BY 1`;
const SLOTS = `
  SELECT slot_name AS "name", active AS "isActive",
         coalesce((CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn() END - restart_lsn)::float8, 0) AS "keptBytes"
    FROM pg_replication_slots ORDER BY 1`;
const LAST_MAINTENANCE = `SELECT max("created_at") AS "at" FROM "audit_entries" WHERE "action" = 'performMaintenance'`;

/** @param instancesLock the advisory lock that every instance of the service holds */
export async function inspectDatabase(client: pg.Client, instancesLock: number): Promise<DatabaseFacts> {
  const askedAt = Date.now();
  const {
    rows: [clock],
  } = await client.query<{ nowMs: number }>(
    `SELECT (1000 * extract(epoch FROM clock_timestamp()))::float8 AS "nowMs"`,
  );
  const answeredAt = Date.now();
  const one = async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
    // Safe: each of these queries gives one row.
    (await client.query<Row>(sql, values)).rows[0]!;
  const { localDataDirectory, ...server } = await one<
    Omit<DatabaseFacts, "localDataDirectory"> & { localDataDirectory: string | null }
  >(SERVER);
  const locks = await one<Pick<DatabaseFacts, "hasInstanceWithoutRedis" | "hasInstanceWithRedis">>(LOCKS, [
    instancesLock,
  ]);
  const { hasAuditLog, ...objects } = await one<
    Pick<DatabaseFacts, "foreignTables" | "disabledTriggers" | "invalidIndexes"> & { hasAuditLog: boolean }
  >(OBJECTS);
  const standbys = (await client.query<DatabaseFacts["standbys"][number]>(STANDBYS)).rows;
  const slots = (await client.query<DatabaseFacts["slots"][number]>(SLOTS)).rows;
  const canReadLog = hasAuditLog && !objects.foreignTables.includes("audit_entries");
  const maintained = canReadLog ? await one<{ at: Date | null }>(LAST_MAINTENANCE) : undefined;
  return {
    ...server,
    ...locks,
    ...objects,
    standbys,
    slots,
    clockDifferenceMs: clock!.nowMs - (askedAt + answeredAt) / 2,
    clockUncertaintyMs: (answeredAt - askedAt) / 2 + 1,
    localDataDirectory: localDataDirectory ?? undefined,
    lastMaintenanceAt: maintained?.at ?? undefined,
  };
}
