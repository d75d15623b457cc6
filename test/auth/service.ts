import type { Logger } from "pino";
import { ACCESS_ENV, tokenFor } from "../support/access.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { insertRows } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

/**
 * Starts the service with its own authentication, behind a socket, with three users. The third is an
 * administrator.
 */
export async function startAuthenticated(
  env: Readonly<Record<string, string>> = {},
  { log }: { log?: Logger } = {},
) {
  const database = env.DATABASE_URL ? { url: env.DATABASE_URL } : await createTestDatabase();
  const served = await startServed(
    { ...ACCESS_ENV, DATABASE_URL: database.url, CACHE_SAMPLE_RATE: "0", ...env },
    { overrides: {}, ...(log && { log }) },
  );
  const { pool } = served.app.database;
  if (!env.DATABASE_URL) {
    await insertRows(pool, { users: 3, projects: 3, jobs: 3 });
    await pool.query("UPDATE users SET role = 'ADMIN' WHERE username = 'user 3'");
  }
  return { ...served, databaseUrl: database.url, pool };
}

export const asUser = async (userId: string, lifetimeSeconds?: number) => ({
  authorization: `Bearer ${await tokenFor(userId, lifetimeSeconds)}`,
});

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
