import { randomUUID } from "node:crypto";
import { type Config, ConfigError } from "../config.ts";
import type { Repositories } from "../repositories/index.ts";
import { signToken } from "./jwt.ts";
import { localSecret } from "./local.ts";

export interface Authentication extends Readonly<Config["auth"]> {
  /** Tokens are signed with a secret that is kept with the embedded database. */
  readonly isLocal: boolean;
}

/**
 * Decides how users are authenticated: as configured, or, on an embedded database outside of production, by a
 * secret that is kept with the data.
 *
 * @throws ConfigError when neither applies
 */
export async function authenticationOf({ auth, database, environment }: Config): Promise<Authentication> {
  if (auth.jwtSecret !== undefined || auth.jwksUrl !== undefined) return { ...auth, isLocal: false };
  if (database.url === undefined && environment !== "production")
    return { ...auth, jwtSecret: await localSecret(database.dataDirectory), isLocal: true };
  throw new ConfigError([
    "AUTH_JWT_SECRET: expected a secret for tokens (openssl rand -base64 48), or AUTH_JWKS_URL with AUTH_ISSUER and " +
      "AUTH_AUDIENCE for those of an identity provider: without either, nobody could be told from anybody",
  ]);
}

/** GitHub numbers its accounts from 1, so no account has this id. */
const LOCAL_GITHUB_ID = "0";
const LOCAL_TOKEN_SECONDS = 365 * 86_400;

/**
 * Finds or creates the administrator who stands for the person that runs the service on its embedded database.
 *
 * @returns the user's id
 */
export async function ensureLocalUser({ users }: Repositories): Promise<string> {
  const [existing] = await users.findByGithubIds([LOCAL_GITHUB_ID]);
  const { id } =
    existing ?? (await users.create({ githubId: LOCAL_GITHUB_ID, username: "developer", role: "ADMIN" }));
  return id;
}

export function localTokenOf(
  userId: string,
  { jwtSecret, issuer, audience }: Authentication,
): Promise<string> {
  // Safe: this is called for local authentication alone, which has a secret.
  const settings = { jwtSecret: jwtSecret!, issuer, audience };
  return signToken(settings, { userId, lifetimeSeconds: LOCAL_TOKEN_SECONDS, id: randomUUID() });
}
