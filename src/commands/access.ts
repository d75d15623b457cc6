import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { App } from "../app.ts";
import { generateApiKey } from "../auth/apiKey.ts";
import { signToken } from "../auth/jwt.ts";
import { existingLocalSecret } from "../auth/local.ts";
import { API_KEY_SCOPES } from "../auth/viewer.ts";
import type { Config } from "../config.ts";
import { CommandError } from "./error.ts";
import { withService } from "./withService.ts";

/**
 * `stack-converter grant`, `token` and `api-key`: operators decide who may use the service. The commands work
 * on the service's database and settings, not through its API, because the first administrator has to come
 * from somewhere.
 */

export interface AccessIo {
  readonly print: (line: string) => void;
  readonly log: Logger;
}

type Role = "USER" | "WORKER" | "ADMIN";

/** @throws CommandError for a new user without a name */
export async function runGrant(
  config: Config,
  { githubId, username, role }: { githubId: string; username?: string | undefined; role: Role },
  { print, log }: AccessIo,
): Promise<void> {
  if (!/^[0-9]{1,20}$/.test(githubId))
    throw new CommandError(`--github-id: expected GitHub's numeric id, got "${githubId}".`);
  await withService(config, log, async ({ repositories: { users }, audit }) => {
    const [existing] = await users.findByGithubIds([githubId]);
    if (!existing && username === undefined)
      throw new CommandError(`There is no user with the GitHub id ${githubId}: --username adds one.`);
    const user = await audit.run(
      recordOf("grant", existing ? `User:${existing.id}` : undefined, { githubId, role }),
      () =>
        existing
          ? users.update(existing.id, { role })
          : users.create({ githubId, username: username!, role }),
    );
    print(`User:${user.id} (${user.username}) is ${role} now.`);
  });
}

/** @throws CommandError when there is no secret to sign with, or no such user */
export async function runToken(
  config: Config,
  { user, hours }: { user: string; hours: number },
  { print, log }: AccessIo,
): Promise<void> {
  const jwtSecret =
    config.auth.jwtSecret ??
    (config.database.url === undefined
      ? await existingLocalSecret(config.database.dataDirectory)
      : undefined);
  if (jwtSecret === undefined)
    throw new CommandError("AUTH_JWT_SECRET is not set: tokens are the identity provider's matter.");
  // A running service has its embedded database to itself. An id needs no look into the database.
  const userId = idIn(user) ?? (await withService(config, log, (app) => userNamed(app, user)));
  print(
    await signToken(
      { ...config.auth, jwtSecret },
      { userId, lifetimeSeconds: hours * 3_600, id: randomUUID() },
    ),
  );
}

/** @throws CommandError for scopes that do not exist, or no such user */
export async function runApiKeyCreate(
  config: Config,
  {
    user,
    name,
    scope: scopes,
    days,
  }: { user: string; name: string; scope: readonly string[]; days?: number },
  { print, log }: AccessIo,
): Promise<void> {
  const unknown = scopes.filter((scope) => !(API_KEY_SCOPES as readonly string[]).includes(scope));
  if (unknown.length > 0)
    throw new CommandError(
      `--scope: expected some of ${API_KEY_SCOPES.join(", ")}, got ${unknown.join(", ")}.`,
    );
  await withService(config, log, async (app) => {
    const { secret, hash, prefix } = generateApiKey();
    const userId = idIn(user) ?? (await userNamed(app, user));
    const expiresAt = days === undefined ? null : new Date(Date.now() + days * 86_400_000);
    await app.audit.run(recordOf("createApiKey", `User:${userId}`, { name, scopes, prefix }), () =>
      app.repositories.apiKeys.create({ userId, name, prefix, hash, scopes, expiresAt }),
    );
    print(secret);
  });
}

export async function runApiKeyList(config: Config, { print, log }: AccessIo): Promise<void> {
  await withService(config, log, async ({ repositories: { apiKeys } }) => {
    const list = apiKeys.list();
    for (let after: string | undefined; ; ) {
      const { rows, hasNextPage } = await apiKeys.findMany(undefined, { first: 100, after });
      for (const { id, prefix, name, userId, scopes, expiresAt, revokedAt, lastUsedAt } of rows) {
        const state = revokedAt ? "revoked" : expiresAt && expiresAt <= new Date() ? "expired" : "valid";
        const used = lastUsedAt?.toISOString() ?? "never used";
        print([`ApiKey:${id}`, prefix, state, name, `User:${userId}`, scopes.join(","), used].join("\t"));
      }
      if (!hasNextPage) return;
      after = apiKeys.cursorOf(list, rows.at(-1)!);
    }
  });
}

/** @throws AppError `NOT_FOUND`, and `CONFLICT` if several keys begin with `key` */
export async function runApiKeyRevoke(config: Config, key: string, { print, log }: AccessIo): Promise<void> {
  await withService(config, log, async ({ repositories: { apiKeys }, audit }) => {
    const id = idIn(key, "ApiKey") ?? (await apiKeys.findByPrefix(key)).id;
    const { name } = await audit.run(recordOf("revokeApiKey", `ApiKey:${id}`, null), () =>
      apiKeys.revoke(id),
    );
    print(`ApiKey:${id} (${name}) is revoked.`);
  });
}

async function userNamed({ repositories: { users } }: App, githubId: string): Promise<string> {
  const [user] = await users.findByGithubIds([githubId]);
  if (user) return user.id;
  throw new CommandError(`There is no user with the GitHub id "${githubId}".`);
}

/** The UUID in a node id, or a UUID itself, in lower case; undefined for any other text. */
function idIn(text: string, type = "User"): string | undefined {
  const id = text.startsWith(`${type}:`) ? text.slice(type.length + 1) : text;
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id) ? id.toLowerCase() : undefined;
}

/** The audit log's entry for a change by somebody who has the database's settings. */
const recordOf =
  (action: string, target: string | undefined, details: Record<string, unknown> | null) => () => ({
    action,
    actorId: null,
    credential: "command line",
    target: target ?? null,
    details,
    requestId: null,
    address: null,
  });
