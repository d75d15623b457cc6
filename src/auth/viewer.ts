import type { UserRole } from "../database/generated/client.ts";

/**
 * What an API key may do of all that its user's role allows. Without any of them it can say who it
 * is (`viewer`), and no more.
 */
export const API_KEY_SCOPES = [
  /** Everything that the role allows. */
  "admin",
  /** Claim conversion jobs and report on them. */
  "jobs:work",
  /** Read projects, their files, jobs and activity. */
  "projects:read",
  /** Change projects and their jobs. Reading them is not part of it. */
  "projects:write",
  /** Read users. */
  "users:read",
  /** Add and change users. */
  "users:write",
] as const;
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];

/** What a request has shown to say who sends it. */
export interface Credential {
  readonly kind: "token" | "apiKey";
  /** The API key's id; a token's `jti`, or null when it has none. Never the secret itself. */
  readonly id: string | null;
}

/** Who asks. */
export interface Viewer {
  readonly userId: string;
  /** As the user's row has it: a token's word does not count. */
  readonly role: UserRole;
  /** Of an API key. Null: everything that the role allows, as for people. */
  readonly scopes: readonly ApiKeyScope[] | null;
  /** Null: none was needed, as for what the service runs by itself. */
  readonly credential: Credential | null;
  /** When the credential ends, in ms since 1970; null: never. */
  readonly expiresAt: number | null;
}

/** A viewer without a credential: what the service does in somebody's name, and programs that have it within them. */
export function viewerOf(userId: string, role: UserRole): Viewer {
  return { userId, role, scopes: null, credential: null, expiresAt: null };
}

/** Whether the scopes leave the viewer this part of the role. The role itself is another question. */
export function hasScope({ scopes }: Viewer, scope: ApiKeyScope): boolean {
  return scopes === null || scopes.includes("admin") || scopes.includes(scope);
}

/** Viewers of whom this is the same may see the same: a part of every kept answer's name. */
export function scopeOf(viewer: Viewer | null): string {
  if (viewer === null) return "";
  const { role, userId, scopes } = viewer;
  return scopes === null ? `${role}:${userId}` : `${role}:${userId}:${scopes.toSorted().join(",")}`;
}
