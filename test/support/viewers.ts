import { API_KEY_SCOPES, type Viewer, viewerOf } from "../../src/auth/viewer.ts";

/**
 * Identifies the caller in tests within this process: the `Authorization` header says who asks, and is
 * believed.
 *
 *     (none)                       an administrator: most tests are not about who may do what
 *     nobody                       a stranger
 *     USER <id>                    a user; WORKER and ADMIN alike
 *     USER <id> projects:read,…    one of their API keys
 */
export async function identify(authorization: string | null): Promise<Viewer | null> {
  if (authorization === null) return ADMINISTRATOR;
  if (authorization === "nobody") return null;
  const [role, userId, names] = authorization.split(" ");
  if (userId === undefined || (role !== "USER" && role !== "WORKER" && role !== "ADMIN"))
    throw new Error(`Expected a role and a user's id, got "${authorization}".`);
  const scopes =
    names === undefined ? null : API_KEY_SCOPES.filter((scope) => names.split(",").includes(scope));
  return { ...viewerOf(userId, role), scopes };
}

/** This administrator has no row, so that a list of users holds only those that a test has inserted. */
export const ADMINISTRATOR = viewerOf("00000000-0000-7000-8000-ffffffffffff", "ADMIN");
