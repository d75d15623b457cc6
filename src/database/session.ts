import pg from "pg";

/** Those that the role, the database or the address may set. Not every version of PostgreSQL has all of them. */
const UNLIMITED = `
  SELECT set_config(name, '0', false) FROM pg_settings
   WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout')
     AND setting <> '0'`;

/**
 * Runs work on a connection of its own, without time limits except those asked for. Meant for work that takes
 * long and must not take a connection away from requests.
 *
 * @param name shown in pg_stat_activity after the service's own name; at most 45 bytes of it
 * @param options.connectTimeoutMs by default, connecting has no time limit
 */
export async function withSession<Result>(
  connectionString: string,
  name: string,
  work: (client: pg.Client) => Promise<Result>,
  { connectTimeoutMs = 0 }: { connectTimeoutMs?: number | undefined } = {},
): Promise<Result> {
  const client = new pg.Client({
    connectionString,
    application_name: `stack-converter ${name}`,
    connectionTimeoutMillis: connectTimeoutMs,
  });
  // A connection that breaks rejects the pending query. Without a listener it would also end the process.
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(UNLIMITED);
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** A name quoted as an SQL identifier, whatever it contains. */
export function quoted(name: string): string {
  return pg.escapeIdentifier(name);
}

/**
 * What the driver takes from an address. It has its own way with percent signs: it accepts them unencoded, and
 * leaves some encoded ones in a database's name as they are.
 */
export function partsOf(connectionString: string): { user: string; password: string; database: string } {
  const { user = "", password, database = user } = new pg.Client({ connectionString });
  return { user, password: typeof password === "string" ? password : "", database };
}
