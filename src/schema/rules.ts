import { type ApiKeyScope, hasScope, type Viewer } from "../auth/viewer.ts";
import type { UserRole } from "../database/generated/client.ts";
import { AppError, forbidden } from "../errors.ts";
import { type Access, TO_EVERYTHING, TO_NOTHING } from "../repositories/access.ts";

/**
 * Who may do what. Every field of Query, Mutation and Subscription names one of these rules, and so do the
 * fields below them that lead to more than their parent's rule gives; a test holds each against what the
 * schema does.
 *
 * A rule is about whole fields, and says FORBIDDEN: that tells nothing about any row. Which rows a field finds is
 * `accessOf`, and a row that is out of reach is not found.
 */
const RULES = {
  /** Nobody needs to be known. */
  anyone: undefined,
  /** Whoever is known, by whatever credential. */
  known: { roles: ["USER", "WORKER", "ADMIN"], scopes: [] },
  /** See projects and jobs: one's own, those whose lease one holds, or all. */
  reader: { roles: ["USER", "WORKER", "ADMIN"], scopes: ["projects:read"], workerScopes: ["jobs:work"] },
  /** See what belongs to a job that was come by, its project and files included: workers need it. */
  jobReader: { roles: ["USER", "WORKER", "ADMIN"], scopes: ["projects:read", "jobs:work"] },
  /** See what is about more than the jobs that a worker holds: figures, activity, owners. */
  owner: { roles: ["USER", "ADMIN"], scopes: ["projects:read"] },
  /** Change projects and jobs. */
  editor: { roles: ["USER", "ADMIN"], scopes: ["projects:write"] },
  /** Claim jobs and report on them. */
  worker: { roles: ["WORKER", "ADMIN"], scopes: ["jobs:work"] },
  /** See users: oneself, or all. */
  userReader: { roles: ["USER", "WORKER", "ADMIN"], scopes: ["users:read"] },
  /** Change users: oneself, or all. */
  userEditor: { roles: ["USER", "ADMIN"], scopes: ["users:write"] },
  /** Add users, and change what they may do: for the service that signs people in. */
  userAdministrator: { roles: ["ADMIN"], scopes: ["users:write"] },
  /** See and change how the service itself is doing. */
  administrator: { roles: ["ADMIN"], scopes: ["admin"] },
} as const satisfies Record<string, RuleDefinition | undefined>;

interface RuleDefinition {
  readonly roles: readonly UserRole[];
  /** An API key needs one of these; none: any key will do. */
  readonly scopes: readonly ApiKeyScope[];
  /** More that will do for the keys of workers. */
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

/** What a refused field fails with. */
export function refusal(viewer: Viewer | null): AppError {
  return viewer === null
    ? new AppError("UNAUTHENTICATED", "This needs a token: the request names nobody.")
    : forbidden("You may not do this: your role or your API key's scopes do not allow it.");
}

/** @throws AppError `UNAUTHENTICATED`, `FORBIDDEN` */
export function demand(rule: Rule, viewer: Viewer | null): void {
  if (!isAllowed(rule, viewer)) throw refusal(viewer);
}

/** Which rows the viewer may see and change, whatever way leads to them. */
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
