import type { Config } from "../../config.ts";
import type { DatabaseFacts } from "../../database/inspection.ts";
import type { MigrationStatus } from "../../database/migrations.ts";
import { count, listed, size } from "../wording.ts";
import { clockFinding, error, type Finding, ok, warning } from "./finding.ts";

const MIN_VERSION = 130_000;
/** Connections that each instance has beside its pool: two for the cache's protocol and two that listen. */
const CONNECTIONS_BESIDE_POOL = 4;
const LONG_TRANSACTION_SECONDS = 600;
const LAG_BYTES = 64 * 1024 * 1024;
const SLOT_BYTES = 1024 * 1024 * 1024;
const MAINTENANCE_DAYS = 30;

/** Judges the facts about a PostgreSQL server. Pure. */
export function databaseFindings(
  facts: DatabaseFacts,
  { database, redis, maintenance, workers }: Pick<Config, "database" | "redis" | "maintenance" | "workers">,
  now = Date.now(),
): Finding[] {
  const isEmbedded = database.url === undefined;
  return [
    facts.versionNumber >= MIN_VERSION
      ? ok("database version", `PostgreSQL ${facts.version}`)
      : error(
          "database version",
          `PostgreSQL ${facts.version} is too old`,
          "the service needs functions of PostgreSQL 13",
          "move the data to PostgreSQL 13 or newer",
        ),
    ...(isEmbedded ? [] : serverFindings(facts, { database, redis, maintenance, workers }, now)),
    ...settingFindings(facts, isEmbedded),
    ...objectFindings(facts),
  ];
}

function serverFindings(
  facts: DatabaseFacts,
  { database, redis, maintenance, workers }: Pick<Config, "database" | "redis" | "maintenance" | "workers">,
  now: number,
): Finding[] {
  return [
    clockFinding("database clock", facts),
    facts.isStandby
      ? error(
          "database role",
          "DATABASE_URL leads to a standby",
          "nothing can be written there, and the cache may not be filled from it",
          "point DATABASE_URL to the primary",
        )
      : ok("database role", "a primary"),
    ...permissionFindings(facts),
    connectionFinding({ ...facts, instances: Math.max(workers, facts.instances) }, database.poolMax),
    instanceFinding(facts, redis !== undefined),
    ...replicationFindings(facts),
    maintenanceFinding(facts, maintenance.schedule, now),
  ];
}

function permissionFindings(facts: DatabaseFacts): Finding[] {
  const { canCreateTables, canCreateDatabases, hasTrigrams, foreignTables } = facts;
  const found: Finding[] = [];
  if (!canCreateTables)
    found.push(
      error(
        "database permissions",
        "the role may not create tables in its schema",
        "migrations are applied by it when the service starts",
        "GRANT CREATE ON SCHEMA public TO the role, or run `npx stack-converter migrate` as another",
      ),
    );
  if (foreignTables.length > 0)
    found.push(
      error(
        "database permissions",
        `tables belong to another role: ${listed(foreignTables)}`,
        "migrations and maintenance change them, which only their owner may",
        "ALTER TABLE … OWNER TO the role of DATABASE_URL",
      ),
    );
  if (!canCreateDatabases)
    found.push(
      warning(
        "database permissions",
        "the role may not create databases",
        "a backup is verified, and restored, in a database of its own first",
        "ALTER ROLE … CREATEDB, or run `verify-backup` and `restore` with a DATABASE_URL of a role that may",
      ),
    );
  if (!hasTrigrams)
    found.push(
      error(
        "database extensions",
        "pg_trgm is not available",
        "the search for projects needs it, and the first migration creates it",
        "install the server's contrib package (Debian: it is in postgresql, Fedora: postgresql-contrib)",
      ),
    );
  return found.length > 0 ? found : [ok("database permissions", "the role may all that is needed")];
}

function connectionFinding(
  { maxConnections, connections, instances }: DatabaseFacts,
  poolMax: number,
): Finding {
  const each = poolMax + CONNECTIONS_BESIDE_POOL;
  const all = Math.max(1, instances) * each;
  const what = `${count(Math.max(1, instances), "instance")} of up to ${each} connections, ${connections} open, ${maxConnections} allowed`;
  return all > maxConnections
    ? error(
        "database connections",
        what,
        "under load instances are refused connections, and answer SERVICE_UNAVAILABLE",
        `lower DB_POOL_MAX to ${Math.max(1, Math.floor(maxConnections / Math.max(1, instances)) - CONNECTIONS_BESIDE_POOL)}, or raise max_connections`,
      )
    : ok("database connections", what);
}

function instanceFinding(facts: DatabaseFacts, hasRedis: boolean): Finding {
  const { instances, hasInstanceWithRedis, hasInstanceWithoutRedis } = facts;
  const others = hasRedis ? hasInstanceWithoutRedis : hasInstanceWithRedis;
  if (others || (hasInstanceWithoutRedis && instances > 1))
    return error(
      "instances",
      `${count(instances, "instance")} on this database do not share one Redis`,
      "each of their writes empties the others' caches and waits a second",
      "give all instances the same REDIS_URL",
    );
  return ok("instances", `${count(instances, "instance")} running`);
}

function replicationFindings({ standbys, slots }: DatabaseFacts): Finding[] {
  const behind = standbys.filter(({ lagBytes }) => (lagBytes ?? 0) > LAG_BYTES);
  const idle = slots.filter(({ isActive, keptBytes }) => !isActive && keptBytes > SLOT_BYTES);
  const found: Finding[] = [];
  for (const { name, lagBytes } of behind)
    found.push(
      warning(
        "replication",
        `the standby ${name} is ${size(lagBytes ?? 0)} behind`,
        "after a failover what it lacks is lost",
        "look at its disk, its network and its long queries",
      ),
    );
  for (const { name, keptBytes } of idle)
    found.push(
      error(
        "replication",
        `nobody reads the slot ${name}, for which ${size(keptBytes)} of log are kept`,
        "it grows until the disk is full, and then nothing can be written",
        `bring its standby back, or SELECT pg_drop_replication_slot('${name}')`,
      ),
    );
  return found.length > 0
    ? found
    : [ok("replication", count(standbys.length, "standby").replace("ys", "ies"))];
}

function maintenanceFinding(
  { lastMaintenanceAt }: DatabaseFacts,
  schedule: string | undefined,
  now: number,
): Finding {
  const days = lastMaintenanceAt && (now - lastMaintenanceAt.getTime()) / 86_400_000;
  if (days !== undefined && days < MAINTENANCE_DAYS)
    return ok("maintenance", `last on ${lastMaintenanceAt!.toISOString()}`);
  if (days === undefined && schedule !== undefined) return ok("maintenance", `scheduled: ${schedule}`);
  return warning(
    "maintenance",
    days === undefined ? "never done, and not scheduled" : `last done ${Math.floor(days)} days ago`,
    "rows that nobody needs stay, and indexes grow",
    'set DB_MAINTENANCE_SCHEDULE="30 3 * * *", or run `npx stack-converter maintain` now and then',
  );
}

function settingFindings({ settings, ...facts }: DatabaseFacts, isEmbedded: boolean): Finding[] {
  const found: Finding[] = [];
  // The embedded database has no background processes; the service vacuums it itself.
  if (!isEmbedded && settings.autovacuum !== "on")
    found.push(
      warning(
        "database settings",
        "autovacuum is off",
        "dead rows pile up, and one day the server stops to save itself from a wraparound",
        "ALTER SYSTEM SET autovacuum = on",
      ),
    );
  if (!isEmbedded && (settings.fsync !== "on" || settings.full_page_writes !== "on"))
    found.push(
      error(
        "database settings",
        "fsync or full_page_writes is off",
        "a power failure can destroy the database",
        "turn both on again",
      ),
    );
  if (facts.wraparoundShare > 0.5)
    found.push(
      error(
        "transaction ids",
        `${Math.round(100 * facts.wraparoundShare)} % are used up`,
        "at 100 % the server takes no writes any more",
        "npx stack-converter maintain --full-pass, and look for transactions and slots that are forgotten",
      ),
    );
  if (facts.oldestTransactionSeconds > LONG_TRANSACTION_SECONDS)
    found.push(
      warning(
        "transactions",
        `one is open for ${Math.round(facts.oldestTransactionSeconds / 60)} minutes`,
        "no dead row of that time can be removed, and after a failure of Redis the cache waits for it",
        "find it in pg_stat_activity by its xact_start, and end it: SELECT pg_terminate_backend(pid)",
      ),
    );
  return found.length > 0 ? found : [ok("database settings", "as they should be")];
}

function objectFindings({ disabledTriggers, invalidIndexes }: DatabaseFacts): Finding[] {
  const found: Finding[] = [];
  if (disabledTriggers.length > 0)
    found.push(
      error(
        "database triggers",
        `disabled: ${listed(disabledTriggers)}`,
        "triggers tell the caches what has changed: without them old answers are served",
        "ALTER TABLE … ENABLE TRIGGER ALL, then invalidateCache or a restart of Redis",
      ),
    );
  if (invalidIndexes.length > 0)
    found.push(
      warning(
        "database indexes",
        `not valid: ${listed(invalidIndexes)}`,
        "they cost every write, and answer no query",
        "npx stack-converter maintain drops what an interrupted REINDEX has left",
      ),
    );
  return found.length > 0 ? found : [ok("database objects", "triggers and indexes are in order")];
}

export function migrationFindings({ pending, problems }: MigrationStatus): Finding[] {
  const found = problems.map(({ code, message }) =>
    error("migrations", `${code}: ${message}`, "the service does not start", "do as the message says"),
  );
  if (pending.length > 0)
    found.push(
      warning(
        "migrations",
        `pending: ${listed(pending)}`,
        "this version needs them; it applies them when it starts",
        "take a backup, then npx stack-converter migrate",
      ),
    );
  return found.length > 0 ? found : [ok("migrations", "all are applied")];
}
