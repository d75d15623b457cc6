import { type ApiKeyScope, hasScope, type Viewer } from "../auth/viewer.ts";
import type { UserRole } from "../database/generated/client.ts";
import { AppError, forbidden } from "../errors.ts";
import { type Access, TO_EVERYTHING, TO_NOTHING } from "../repositories/access.ts";

/**
 * Who may do what. Every field of Query, Mutation and Subscription names one of these rules. So do the fields
 * below them that lead to more than their parent's rule allows. A test compares each rule with what the
 * schema does.
 *
 * A rule is about whole fields, and its refusal is FORBIDDEN, which reveals nothing about any row. Which rows
 * a field finds is decided by `accessOf`; a row out of the viewer's reach counts as not found.
 */
const RULES = {
  /** Everybody, with or without a credential. */
  anyone: undefined,
  /** Every viewer, with whatever credential. */
  known: { roles: ["USER", "WORKER", "ADMIN"], scopes: [] },
  /** Read projects and jobs: the viewer's own, those whose lease the viewer holds, or all. */
  reader: { roles: ["USER", "WORKER", "ADMIN"], scopes: ["projects:read"], workerScopes: ["jobs:work"] },
  /** Read what belongs to a job that the viewer can see, its project and files included. Workers need this. */
  jobReader: { roles: ["USER", "WORKER", "ADMIN"], scopes: ["projects:read", "jobs:work"] },
  /** Read what concerns more than the jobs that a worker holds: statistics, activity, owners. */
  owner: { roles: ["USER", "ADMIN"], scopes: ["projects:read"] },
  /** Change projects and jobs. */
  editor: { roles: ["USER", "ADMIN"], scopes: ["projects:write"] },
  /** Claim jobs and report on them. */
  worker: { roles: ["WORKER", "ADMIN"], scopes: ["jobs:work"] },
  /** Read users: the viewer alone, or all. */
  userReader: { roles: ["USER", "WORKER", "ADMIN"], scopes: ["users:read"] },
  /** Change users: the viewer alone, or all. */
  userEditor: { roles: ["USER", "ADMIN"], scopes: ["users:write"] },
  /** Add users, and change their roles. This is for the service that signs people in. */
  userAdministrator: { roles: ["ADMIN"], scopes: ["users:write"] },
  /** Read and change the state of the service itself. */
  administrator: { roles: ["ADMIN"], scopes: ["admin"] },
} as const satisfies Record<string, RuleDefinition | undefined>;

interface RuleDefinition {
  readonly roles: readonly UserRole[];
  /** An API key needs one of these scopes. If there are none, any key will do. */
  readonly scopes: readonly ApiKeyScope[];
  /** Further scopes, any of which is enough for a worker's key. */
  readonly workerScopes?: readonly ApiKeyScope[];
}

export type Rule = keyof typeof RULES;
export const RULE_NAMES = Object.keys(RULES) as Rule[]; // Safe: its own keys.

export function isAllowed(rule: Rule, viewer: Viewer | null): boolean {
  const definition: RuleDefinition | undefined = RULES[rule];
  if (definition === undefined) return true;
  if (viewer === null) return false;
  const { roles, scopes, workerScopes = [] } = definition;
  if (!roles.includes(viewer.role)) return false;
  const enough = viewer.role === "WORKER" ? [...scopes, ...workerScopes] : scopes;
  return enough.length === 0 || enough.some((scope) => hasScope(viewer, scope));
}

/** The error with which a refused field fails. */
export function refusal(viewer: Viewer | null): AppError {
  return viewer === null
    ? new AppError("UNAUTHENTICATED", "This needs a token: the request names nobody.")
    : forbidden("You may not do this: your role or your API key's scopes do not allow it.");
}

/** @throws AppError `UNAUTHENTICATED`, `FORBIDDEN` */
export function demand(rule: Rule, viewer: Viewer | null): void {
  if (!isAllowed(rule, viewer)) throw refusal(viewer);
}

/** Which rows the viewer may see and change, by whatever path an operation reaches them. */
export function accessOf(viewer: Viewer | null): Access {
  switch (viewer?.role) {
    case "ADMIN":
      return TO_EVERYTHING;
    case "USER":
      return { to: "owned", userId: viewer.userId };
    case "WORKER":
      return { to: "held", userId: viewer.userId };
    default:
      return TO_NOTHING;
  }
}
