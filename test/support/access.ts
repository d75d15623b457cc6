import pg from "pg";
import type { AppOverrides } from "../../src/app.ts";
import { signToken } from "../../src/auth/jwt.ts";
import { identify } from "./viewers.ts";

/**
 * How tests, checks and benchmarks authenticate to the service. Only this module decides it.
 *
 * A service in the test's own process uses `asTester`, which treats callers as an administrator by default. A
 * service that is started as a program gets `ACCESS_ENV`, and `ADMINISTRATOR_TOKEN` with each request.
 */

/**
 * For `createApp`: every caller is an administrator, unless the request names another
 * (test/support/viewers.ts).
 */
export const asTester: AppOverrides = { identify };

/** The same, but a request without credentials comes from a stranger, as it does in a configured service. */
export const asStranger: AppOverrides = { identify: async (said) => (said === null ? null : identify(said)) };

const JWT_SECRET = "only for tests: whoever reads this can sign tokens";

/** The environment of a service that is started as a program. */
export const ACCESS_ENV = { AUTH_JWT_SECRET: JWT_SECRET };

/** No user of `insertRows` has this key, and no GitHub account has this id. */
const ADMINISTRATOR_ID = "00000000-0000-7000-8000-ffffffffffff";
const GITHUB_ID = "0";

/** An administrator's token for the service with `ACCESS_ENV`, valid for a day. */
export const ADMINISTRATOR_TOKEN = await tokenFor(ADMINISTRATOR_ID);

/** As a header. */
export const AS_ADMINISTRATOR = { authorization: `Bearer ${ADMINISTRATOR_TOKEN}` };

/** A token of any user for the service with `ACCESS_ENV`. */
export function tokenFor(userId: string, lifetimeSeconds = 86_400): Promise<string> {
  const settings = { jwtSecret: JWT_SECRET, issuer: undefined, audience: undefined };
  return signToken(settings, { userId, lifetimeSeconds, id: "test" });
}

/** Adds the administrator to a database whose tables exist. */
export async function addAdministrator(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(
      `INSERT INTO users (id, github_id, username, role, created_at) VALUES ($1, $2, 'administrator', 'ADMIN', 'epoch')
       ON CONFLICT (id) DO NOTHING`,
      [ADMINISTRATOR_ID, GITHUB_ID],
    );
  } finally {
    await client.end();
  }
}
