import pg from "pg";
import type { AppOverrides } from "../../src/app.ts";
import { signToken } from "../../src/auth/jwt.ts";
import { identify } from "./viewers.ts";

/**
 * How tests, checks and benchmarks are known to the service: the one place that says it.
 *
 * Within one process it takes whoever asks for the same, `asTester`. A service that is started as a program is
 * given `ACCESS_ENV`, and `administratorToken` with each request.
 */

/** For `createApp`: an administrator, unless a request says who asks (test/support/viewers.ts). */
export const asTester: AppOverrides = { identify };

/** The same, but whoever does not say who asks is a stranger, as they are to a service that is configured. */
export const asStranger: AppOverrides = { identify: async (said) => (said === null ? null : identify(said)) };

const JWT_SECRET = "only for tests: whoever reads this can sign tokens";

/** The environment of a service that is started as a program. */
export const ACCESS_ENV = { AUTH_JWT_SECRET: JWT_SECRET };

/** No user of `insertRows` has this key, and no account of GitHub this id. */
const ADMINISTRATOR_ID = "00000000-0000-7000-8000-ffffffffffff";
const GITHUB_ID = "0";

/** A token of an administrator of the service with `ACCESS_ENV`, good for a day. */
export const ADMINISTRATOR_TOKEN = await tokenFor(ADMINISTRATOR_ID);

/** As a header. */
export const AS_ADMINISTRATOR = { authorization: `Bearer ${ADMINISTRATOR_TOKEN}` };

/** A token of any user of the service with `ACCESS_ENV`. */
export function tokenFor(userId: string, lifetimeSeconds = 86_400): Promise<string> {
  const settings = { jwtSecret: JWT_SECRET, issuer: undefined, audience: undefined };
  return signToken(settings, { userId, lifetimeSeconds, id: "test" });
}

/** Adds the administrator to a database that has its tables. */
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
