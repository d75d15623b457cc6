import type { UserRole } from "../database/generated/client.ts";

/**
 * Which parts of its user's role an API key may have. A key without any scope can ask whose it is (`viewer`),
 * and no more.
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

/** What a request presented to identify its sender. */
export interface Credential {
  readonly kind: "token" | "apiKey";
  /** The API key's id; a token's `jti`, or null when it has none. Never the secret itself. */
  readonly id: string | null;
}

/** Who sends a request. */
export interface Viewer {
  readonly userId: string;
  /** The role in the user's row; what a token says about it is ignored. */
  readonly role: UserRole;
  /** An API key's scopes. Null: everything that the role allows, as for people. */
  readonly scopes: readonly ApiKeyScope[] | null;
  /** Null: none was needed, as for operations that the service runs itself. */
  readonly credential: Credential | null;
  /** When the credential ends, in ms since 1970; null: never. */
  readonly expiresAt: number | null;
}

/** A viewer without a credential: for what the service does in somebody's name, and for programs that embed it. */
export function viewerOf(userId: string, role: UserRole): Viewer {
  return { userId, role, scopes: null, credential: null, expiresAt: null };
}

/** Whether the viewer's scopes include this one. The role is not checked here. */
export function hasScope({ scopes }: Viewer, scope: ApiKeyScope): boolean {
  return scopes === null || scopes.includes("admin") || scopes.includes(scope);
}

/** Viewers with the same value may see the same. It is part of the key under which a response is kept. */
export function scopeOf(viewer: Viewer | null): string {
  if (viewer === null) return "";
  const { role, userId, scopes } = viewer;
  return scopes === null ? `${role}:${userId}` : `${role}:${userId}:${scopes.toSorted().join(",")}`;
}
