import { defaultFieldResolver, type GraphQLSchema } from "graphql";
import type { Viewer } from "../auth/viewer.ts";
import type { AuditRecord } from "../repositories/auditEntry.ts";
import type { Context } from "./context.ts";
import { toNodeId } from "./nodeId.ts";

type Input = Readonly<Record<string, unknown>>;

interface AdministrativeAction {
  /**
   * Whether this call is audited; if not given, every call is. Some actions are not audited when users apply
   * them to themselves.
   */
  readonly isAudited?: (input: Input, viewer: Viewer | null) => boolean;
  /** The node id of the object that the action is applied to. */
  readonly target?: (input: Input, written: unknown) => unknown;
  /** Further details for the log: no secrets, and nothing long. */
  readonly details?: (input: Input) => Record<string, unknown>;
  /** The action writes no row, so its entry is written on its own once the action is done. */
  readonly isAlone?: true;
}

const isOfAnother = (userId: unknown, viewer: Viewer | null) =>
  viewer === null || userId !== toNodeId("User", viewer.userId);

/**
 * Owners take these actions on their own rows all day, and administrators may take them on everybody's. They
 * are audited only when an administrator takes them.
 */
const BY_ADMINISTRATORS: AdministrativeAction = {
  isAudited: (_, viewer) => viewer?.role === "ADMIN",
  target: ({ id }) => id,
};

/**
 * The mutations that are audited. Left out are those that a service with an administrator's key calls all the
 * time on behalf of others: signing people in (`upsertUser`), importing, and the reports of workers.
 */
const ACTIONS: Readonly<Record<string, AdministrativeAction>> = {
  createApiKey: {
    // Safe: it writes one row of api_keys.
    target: (_, written) => toNodeId("ApiKey", (written as { id: string }).id),
    details: ({ userId, name, scopes, expiresAt }) => ({ userId, name, scopes, expiresAt }),
  },
  revokeApiKey: { target: ({ id }) => id },
  updateUser: {
    isAudited: ({ id, role }, viewer) => role != null || isOfAnother(id, viewer),
    target: ({ id }) => id,
    details: ({ id: _, ...changes }) => ({ changed: Object.keys(changes), role: changes.role }),
  },
  deleteUser: { target: ({ id }) => id },
  setGithubToken: {
    isAudited: ({ userId }, viewer) => isOfAnother(userId, viewer),
    target: ({ userId }) => userId,
    details: ({ token }) => ({ isRemoved: token == null }),
  },
  updateProject: BY_ADMINISTRATORS,
  setTargetTechStack: BY_ADMINISTRATORS,
  deleteProject: BY_ADMINISTRATORS,
  updateConversionJob: BY_ADMINISTRATORS,
  pauseConversionJob: BY_ADMINISTRATORS,
  resumeConversionJob: BY_ADMINISTRATORS,
  cancelConversionJob: BY_ADMINISTRATORS,
  retryConversionJob: BY_ADMINISTRATORS,
  reprioritizeConversionJob: BY_ADMINISTRATORS,
  deleteConversionJob: BY_ADMINISTRATORS,
  invalidateCache: {
    isAlone: true,
    // Safe: the input's own type.
    details: ({ tags, pattern }) => ({ tags: (tags as unknown[] | null | undefined)?.slice(0, 20), pattern }),
  },
  warmCache: { isAlone: true },
  resetCacheStatistics: { isAlone: true },
  performMaintenance: {
    isAlone: true,
    isAudited: ({ isDryRun }) => isDryRun !== true,
    details: ({ isFullPass }) => ({ isFullPass: isFullPass === true }),
  },
};

/**
 * Makes the mutations in `ACTIONS`, the only list of administrative actions, write to the audit log. An
 * action that changes rows writes its entry in the same transaction. An action that fails or is refused
 * writes none.
 *
 * @throws Error when one of these mutations is not in the schema
 */
export function withAudit(schema: GraphQLSchema): GraphQLSchema {
  const mutations = schema.getMutationType()?.getFields() ?? {};
  for (const [name, action] of Object.entries(ACTIONS)) {
    const field = mutations[name];
    if (field === undefined)
      throw new Error(`Expected the mutation ${name} of the audit log, there is none.`);
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = async (source, args, context: Context, info) => {
      // Safe: every mutation takes one input object.
      const { idempotencyKey: _, ...input } = args.input as Input;
      const run = async () => resolve(source, args, context, info);
      if (action.isAudited?.(input, context.viewer) === false) return run();
      const record = (written?: unknown) => recordOf(name, action, input, context, written);
      if (!action.isAlone) return context.audit.run(record, run);
      const result = await run();
      await context.repositories.auditEntries.record(record());
      return result;
    };
  }
  return schema;
}

function recordOf(
  action: string,
  { target, details }: AdministrativeAction,
  input: Input,
  { viewer, requestId, address }: Context,
  written: unknown,
): AuditRecord {
  const credential = viewer?.credential;
  const targeted = target?.(input, written);
  return {
    action,
    actorId: viewer?.userId ?? null,
    credential: credential ? `${credential.kind}:${credential.id ?? "unnamed"}` : null,
    target: targeted === undefined ? null : String(targeted),
    details: details?.(input) ?? null,
    requestId,
    address,
  };
}
