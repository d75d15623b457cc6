import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { partsOf, quoted, withSession } from "../session.ts";
import { BackupError } from "./error.ts";
import { isEmpty } from "./figures.ts";

/** Creates, exchanges and drops databases of one server. */

const DISCONNECT_MS = 10_000;

/** If the address names no database, it is the one with the user's name. */
export function databaseIn(connectionString: string): string {
  return partsOf(connectionString).database;
}

export function withDatabase(connectionString: string, name: string): string {
  const { user, password } = partsOf(connectionString);
  const url = new URL(connectionString);
  if (url.username !== "") url.username = encodeURIComponent(user);
  if (url.password !== "") url.password = encodeURIComponent(password);
  // Of a database's name, `pg` decodes only what this function encodes.
  url.pathname = `/${encodeURI(name)}`;
  return url.href;
}

/** A session on the same server in another database: no session can rename the database that it is in. */
function onServer<Result>(connectionString: string, work: (client: pg.Client) => Promise<Result>) {
  const outside = databaseIn(connectionString) === "postgres" ? "template1" : "postgres";
  return withSession(withDatabase(connectionString, outside), "restore", work);
}

/** `absent`: there is no such database. `empty`: it has at most what migrations create. */
export async function stateOf(connectionString: string): Promise<"absent" | "empty" | "filled"> {
  try {
    return (await withSession(connectionString, "restore", isEmpty)) ? "empty" : "filled";
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === "3D000") return "absent";
    throw error;
  }
}

/** Locale columns of pg_database, as the PostgreSQL versions from 13 on have them. */
interface Locale {
  readonly datcollate: string;
  readonly datctype: string;
  readonly datlocprovider?: string;
  readonly daticulocale?: string | null;
  readonly datlocale?: string | null;
  readonly encoding: string;
}

/**
 * Creates an empty database beside the one of the address, with that one's encoding, locale and search path.
 *
 * @returns the address of the new database
 * @throws BackupError `CREATEDB_NEEDED`
 */
export async function createBeside(connectionString: string, purpose: string): Promise<string> {
  const like = databaseIn(connectionString);
  const name = nameFor(like, `${purpose}_${randomBytes(4).toString("hex")}`);
  await onServer(connectionString, async (client) => {
    const { rows } = await client.query<{ locale: Locale }>(
      `SELECT to_jsonb(base) || jsonb_build_object('encoding', pg_encoding_to_char(encoding)) AS "locale"
         FROM pg_database AS base WHERE datname = $1`,
      [like],
    );
    await client
      .query(`CREATE DATABASE ${quoted(name)} TEMPLATE template0${rows[0] ? localeOf(rows[0].locale) : ""}`)
      .catch((cause: unknown) => {
        if (!(cause instanceof pg.DatabaseError) || cause.code !== "42501") throw cause;
        throw new BackupError(
          "CREATEDB_NEEDED",
          `The role may not create databases, and a backup is restored into a new one first: let a superuser say ALTER ROLE ${quoted(partsOf(connectionString).user)} CREATEDB.`,
          cause,
        );
      });
    // Other settings of a database do not decide where its tables are found. The value is SQL already.
    const { rows: paths } = await client.query<{ path: string }>(
      `SELECT substr(setting, 13) AS "path"
         FROM pg_db_role_setting JOIN pg_database AS base ON base.oid = setdatabase, unnest(setconfig) AS setting
        WHERE datname = $1 AND setrole = 0 AND starts_with(setting, 'search_path=')`,
      [like],
    );
    for (const { path } of paths)
      await client.query(`ALTER DATABASE ${quoted(name)} SET search_path = ${path || "''"}`);
  });
  return withDatabase(connectionString, name);
}

function localeOf({
  encoding,
  datcollate,
  datctype,
  datlocprovider,
  daticulocale,
  datlocale,
}: Locale): string {
  const literal = pg.escapeLiteral;
  const icu = daticulocale ?? datlocale;
  const provider =
    datlocprovider === "i" && icu != null ? ` LOCALE_PROVIDER icu ICU_LOCALE ${literal(icu)}` : "";
  return ` ENCODING ${literal(encoding)} LC_COLLATE ${literal(datcollate)} LC_CTYPE ${literal(datctype)}${provider}`;
}

/** A name of at most 63 bytes, which is all that PostgreSQL keeps. */
function nameFor(base: string, suffix: string): string {
  const kept = Buffer.from(base).subarray(0, 62 - suffix.length);
  // As part of a stream, a character that was cut is left out.
  return `${new TextDecoder().decode(kept, { stream: true })}_${suffix}`;
}

export async function dropDatabase(connectionString: string): Promise<void> {
  await onServer(connectionString, (client) =>
    client.query(`DROP DATABASE IF EXISTS ${quoted(databaseIn(connectionString))} WITH (FORCE)`),
  );
}

/**
 * Gives a database the name of another, which gets a new name: for all clients at once, or not at all.
 * Connections to both are ended, and until it is done nobody can open new ones to the database that is
 * replaced.
 *
 * @returns what the other database is called now; undefined: there was none
 * @throws BackupError `RESTORE_TARGET_IN_USE` when some connections cannot be ended
 */
export async function exchange(connectionString: string, restored: string): Promise<string | undefined> {
  const name = databaseIn(connectionString);
  const incoming = databaseIn(restored);
  return onServer(connectionString, async (client) => {
    const { rows } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
    if (rows.length === 0) {
      await client.query(`ALTER DATABASE ${quoted(incoming)} RENAME TO ${quoted(name)}`);
      return undefined;
    }
    const stamp = new Date().toISOString().replaceAll(/[-:]|\..*/g, "");
    const former = nameFor(name, `before_${stamp}`);
    const allow = (database: string, isAllowed: boolean) =>
      client.query(`ALTER DATABASE ${quoted(database)} WITH ALLOW_CONNECTIONS ${isAllowed}`);
    await allow(name, false);
    try {
      await disconnect(client, [name, incoming]);
      await client.query("BEGIN");
      await client.query(`ALTER DATABASE ${quoted(name)} RENAME TO ${quoted(former)}`);
      await client.query(`ALTER DATABASE ${quoted(incoming)} RENAME TO ${quoted(name)}`);
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK").catch(() => {});
      await allow(name, true);
      throw error;
    }
    await allow(former, true);
    return former;
  });
}

async function disconnect(client: pg.Client, names: readonly string[]): Promise<void> {
  const deadline = Date.now() + DISCONNECT_MS;
  for (;;) {
    // Only superusers see the type of another role's process. Those of the server itself have no role.
    const { rows } = await client.query<{ pid: number; user: string; name: string | null }>(
      `SELECT pid, usename AS "user", application_name AS "name" FROM pg_stat_activity
        WHERE datname = ANY($1) AND pid <> pg_backend_pid() AND usesysid IS NOT NULL`,
      [names],
    );
    if (rows.length === 0) return;
    let refused: unknown;
    for (const { pid } of rows) {
      // One by one: PostgreSQL lets only superusers end a superuser's connections, and a refusal ends the statement.
      await client.query("SELECT pg_terminate_backend($1)", [pid]).catch((error: unknown) => {
        refused = error;
      });
    }
    if (Date.now() > deadline) {
      const who = rows.map(({ user, name }) => (name === null ? user : `${user} (${name})`)).join(", ");
      throw new BackupError(
        "RESTORE_TARGET_IN_USE",
        `Connections to the database cannot be ended: of ${who}. Have them closed, and try again; nothing was changed.`,
        refused,
      );
    }
    await sleep(50);
  }
}
