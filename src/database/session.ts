import pg from "pg";

/**
 * Does work on a connection of its own, which has no time limits but those that are asked for: for what takes long
 * and must not take a connection away from requests.
 *
 * @param name as it is seen in pg_stat_activity, after the service's own; at most 45 bytes of it
 * @param options.connectTimeoutMs unless told, connecting takes as long as it takes
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
  // A connection that breaks rejects the query that waits for it; without a listener it would end the process, too.
  client.on("error", () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** A name as SQL has it, whatever it holds. */
export function quoted(name: string): string {
  return pg.escapeIdentifier(name);
}
