import { createHash, randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { withSession } from "./session.ts";

/**
 * Applies the SQL migrations of prisma/migrations without Prisma's engine, and records them as
 * `prisma migrate deploy` does: with the same table, checksums, advisory lock and meaning of each column. So
 * both see one history, and either may apply what the other has not.
 */

export type MigrationProblemCode =
  /** The file was changed after it had been applied. */
  | "MIGRATION_EDITED"
  /** The migration began and did not finish. */
  | "MIGRATION_FAILED"
  /** The database has the migration, the folder does not. */
  | "MIGRATION_MISSING"
  /** The folder has the migration, but no readable `migration.sql` in it. */
  | "MIGRATION_UNREADABLE"
  /** There are tables, but no history that tells where they come from. */
  | "DATABASE_NOT_EMPTY";

export interface MigrationProblem {
  readonly code: MigrationProblemCode;
  /** The migration's folder. Empty for a problem of the database as a whole. */
  readonly migration: string;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

export interface MigrationStatus {
  /** In the order in which they were applied. */
  readonly applied: readonly string[];
  /** In the order in which they would be applied. */
  readonly pending: readonly string[];
  /** While there is a problem, nothing is applied. */
  readonly problems: readonly MigrationProblem[];
}

/** The part of a logger that is used here. Pino's fits. */
export interface MigrationLog {
  info(details: object, message: string): void;
}

export class MigrationError extends Error {
  readonly code: MigrationProblemCode | "MIGRATION_LOCK_TIMEOUT";
  readonly problems: readonly MigrationProblem[];

  constructor(
    code: MigrationError["code"],
    message: string,
    options: { problems?: readonly MigrationProblem[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "MigrationError";
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

export interface MigrationFile {
  readonly name: string;
  /** Undefined if there is no readable migration.sql in the folder. */
  readonly bytes: Buffer | undefined;
}

interface MigrationRow {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
  readonly logs: string | null;
}

/** The advisory lock that `prisma migrate` takes while it works. The value is internal to Prisma. */
const LOCK_KEY = 72_707_369;

/** Two levels up from src/database as from dist/database. */
export const ownMigrations = fileURLToPath(new URL("../../prisma/migrations", import.meta.url));

/** Exactly as Prisma 7 creates it. */
const CREATE_HISTORY = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Applies every migration that the database lacks, oldest first. Any number of processes may call it at once:
 * one works, and the others wait for it and find nothing left to do.
 *
 * @param options.directory holds a folder per migration; by default this package's own
 * @param options.names leaves all other migrations out
 * @param options.lockTimeoutMs how long to wait for another process that is migrating
 * @param options.connectTimeoutMs how long connecting may take; by default it has no limit
 * @throws MigrationError if the history and the folder disagree, a migration fails, or the wait for the lock
 *   times out
 */
export async function applyMigrations(options: {
  connectionString: string;
  directory?: string;
  log?: MigrationLog;
  lockTimeoutMs?: number;
  connectTimeoutMs?: number | undefined;
  /** Only these, for a restoration: the rest of the history comes later. */
  names?: readonly string[];
}): Promise<{ applied: string[] }> {
  const { connectionString, directory = ownMigrations, log, lockTimeoutMs = 60_000 } = options;
  const { names, connectTimeoutMs } = options;
  const files = (await readMigrations(directory)).filter(({ name }) => names?.includes(name) ?? true);

  const migrate = async (client: pg.Client) => {
    await acquireLock(client, lockTimeoutMs);
    const { pending, problems } = await compare(client, files);
    const [problem, ...others] = problems;
    if (problem) {
      const more = others.map((other) => `\n${other.message}`).join("");
      throw new MigrationError(problem.code, problem.message + more, { problems });
    }

    if (pending.length > 0) await client.query(CREATE_HISTORY);
    const applied: string[] = [];
    for (const file of files.filter(({ name }) => pending.includes(name))) {
      const startedAt = performance.now();
      await applyMigration(client, file);
      applied.push(file.name);
      log?.info({ migration: file.name, ms: Math.round(performance.now() - startedAt) }, "migration applied");
    }
    return { applied };
    // The lock belongs to the session: it goes with the connection, however this ends.
  };
  return withSession(connectionString, "migrate", migrate, { connectTimeoutMs });
}

/**
 * What `applyMigrations` would do. Writes nothing and waits for no lock, so a migration that is running now
 * shows as failed.
 */
export async function migrationStatus(options: {
  connectionString: string;
  directory?: string;
}): Promise<MigrationStatus> {
  const files = await readMigrations(options.directory ?? ownMigrations);
  return withSession(options.connectionString, "migrate", (client) => compare(client, files));
}

/** The folders in the order of their names, which begin with a timestamp. */
export async function readMigrations(directory = ownMigrations): Promise<MigrationFile[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => ({
      name,
      bytes: await readFile(join(directory, name, "migration.sql")).catch(() => undefined),
    })),
  );
}

/**
 * Sends one message, so that on the embedded server, whose connections share one PostgreSQL session, the time
 * limit never applies to another connection.
 */
async function acquireLock(client: pg.Client, timeoutMs: number): Promise<void> {
  const text = `SET lock_timeout = ${Math.max(1, Math.trunc(timeoutMs))};
    SELECT pg_advisory_lock(${LOCK_KEY});
    RESET lock_timeout;`;
  // The embedded server holds the message back and cannot time out by itself. The client's own limit is for
  // that case.
  const query = Object.assign({ text }, { query_timeout: timeoutMs + 1_000 });
  try {
    await client.query(query);
  } catch (cause) {
    const isTimeout =
      cause instanceof Error &&
      (("code" in cause && cause.code === "55P03") || cause.message === "Query read timeout");
    if (!isTimeout) throw cause;
    throw new MigrationError(
      "MIGRATION_LOCK_TIMEOUT",
      `Another process has been migrating this database for ${timeoutMs} ms (it holds the advisory lock ${LOCK_KEY}). ` +
        "Wait for it and start again; if it hangs, end its connection: " +
        `SELECT pid, application_name, query FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory' AND objid = ${LOCK_KEY}.`,
      { cause },
    );
  }
}

async function compare(client: pg.Client, files: readonly MigrationFile[]): Promise<MigrationStatus> {
  const rows = await readHistory(client);
  if (rows === undefined) {
    const pending = files.map(({ name }) => name);
    return { applied: [], pending, problems: [...unreadable(files), ...(await notEmpty(client))] };
  }

  const byName = new Map(files.map((file) => [file.name, file]));
  const problems = [...unreadable(files)];
  for (const row of rows) {
    const name = row.migration_name;
    const file = byName.get(name);
    if (row.finished_at === null) problems.push(failed(row));
    else if (!file) {
      problems.push({
        code: "MIGRATION_MISSING",
        migration: name,
        message: `The migration "${name}" was applied to this database, but this version does not have it. Start the version that applied it, or a later one.`,
      });
    } else if (file.bytes && !checksums(file.bytes).includes(row.checksum)) {
      problems.push({
        code: "MIGRATION_EDITED",
        migration: name,
        message: `The migration "${name}" was edited after it had been applied: its checksum is ${checksums(file.bytes)[0]}, the database has ${row.checksum}. Restore the file as it was, and make the change in a new migration.`,
      });
    }
  }
  const known = new Set(rows.map((row) => row.migration_name));
  return {
    applied: rows.filter((row) => row.finished_at !== null).map((row) => row.migration_name),
    pending: files.map(({ name }) => name).filter((name) => !known.has(name)),
    problems,
  };
}

/**
 * Undefined if there is no history. A migration that was rolled back (`prisma migrate resolve`) counts as
 * never begun.
 */
async function readHistory(client: pg.Client): Promise<MigrationRow[] | undefined> {
  const table = await client.query<{ exists: boolean }>(
    "SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists",
  );
  if (!table.rows[0]?.exists) return undefined;
  const history = await client.query<MigrationRow>(
    `SELECT migration_name, checksum, finished_at, logs FROM _prisma_migrations
     WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  return history.rows;
}

/**
 * Finds tables of unknown origin. Among them a migration could fail half-way or, worse, succeed. Tables of
 * extensions do not count.
 */
async function notEmpty(client: pg.Client): Promise<MigrationProblem[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relkind IN ('r', 'p') AND relnamespace = quote_ident(current_schema())::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
     ORDER BY relname LIMIT 5`,
  );
  if (rows.length === 0) return [];
  const names = rows.map(({ name }) => `"${name}"`).join(", ");
  return [
    {
      code: "DATABASE_NOT_EMPTY",
      migration: "",
      message: `The database has tables (${names}) but no history of migrations. Use an empty database, or record what it has by "prisma migrate resolve --applied <migration>".`,
    },
  ];
}

function unreadable(files: readonly MigrationFile[]): MigrationProblem[] {
  return files
    .filter(({ bytes }) => bytes === undefined)
    .map(({ name }) => ({
      code: "MIGRATION_UNREADABLE",
      migration: name,
      message: `The folder of the migration "${name}" has no migration.sql that can be read. Restore the file, or remove the folder.`,
    }));
}

function failed({ migration_name: name, logs }: MigrationRow): MigrationProblem {
  return {
    code: "MIGRATION_FAILED",
    migration: name,
    message:
      `The migration "${name}" began and did not finish${logs ? `:\n${logs.trim()}\n` : ", it was interrupted. "}` +
      "Look whether a part of it is in the database (there is none if we ran it, unless the file has a COMMIT of its own), correct the cause, then allow another attempt: " +
      `UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '${name}' AND finished_at IS NULL;`,
  };
}

/**
 * Runs the file as one simple query, as Prisma does: PostgreSQL makes it one transaction, unless the file has
 * BEGIN and COMMIT of its own. The record is written outside of that transaction, before and after it, so
 * that a failed or interrupted migration leaves a trace.
 */
async function applyMigration(client: pg.Client, { name, bytes }: MigrationFile): Promise<void> {
  if (!bytes) throw new Error(`The migration "${name}" was not read.`);
  const id = randomUUID();
  await client.query(
    "INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at) VALUES ($1, $2, $3, clock_timestamp())",
    [id, checksums(bytes)[0], name],
  );
  try {
    await client.query(bytes.toString("utf8"));
  } catch (cause) {
    const logs = failureLog(name, cause);
    // A file with its own BEGIN leaves its transaction open. If the connection is gone, the unfinished row
    // says enough.
    await client.query("ROLLBACK").catch(() => {});
    await client.query("UPDATE _prisma_migrations SET logs = $2 WHERE id = $1", [id, logs]).catch(() => {});
    const problem = failed({ migration_name: name, checksum: "", finished_at: null, logs });
    throw new MigrationError(problem.code, problem.message, { problems: [problem], cause });
  }
  await client.query(
    "UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = $1",
    [id],
  );
}

/** The part of Prisma's `logs` text that matters to the reader. */
function failureLog(name: string, cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const field = (key: string) =>
    cause instanceof pg.DatabaseError && cause[key as keyof pg.DatabaseError] // as: only names of its fields are passed below
      ? `\n${key}: ${String(cause[key as keyof pg.DatabaseError])}`
      : "";
  const code = cause instanceof pg.DatabaseError ? `\n\nDatabase error code: ${cause.code}` : "";
  return (
    "A migration failed to apply. New migrations cannot be applied before the error is recovered from.\n\n" +
    `Migration name: ${name}${code}\n\nDatabase error:\n${message}${field("detail")}${field("hint")}${field("position")}\n`
  );
}

/**
 * SHA-256 of the file as it is, with LF line ends, and with CRLF line ends. Prisma accepts each of them, as a
 * checkout on Windows must not count as an edit.
 */
function checksums(bytes: Buffer): [string, string, string] {
  const sha256 = (data: Buffer | string) => createHash("sha256").update(data).digest("hex");
  const text = bytes.toString("utf8").replaceAll("\r\n", "\n");
  return [sha256(bytes), sha256(text), sha256(text.replaceAll("\n", "\r\n"))];
}
