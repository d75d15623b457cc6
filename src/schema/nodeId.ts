import { validationFailed } from "../errors.ts";
import type { Loaders } from "../loaders.ts";

/** The types of nodes. Each node is one row. */
export const NODE_TYPES = ["User", "Project", "ConversionJob"] as const;
export type NodeType = (typeof NODE_TYPES)[number];
/**
 * The types of nodes, and types whose ids have the same form but which are no nodes, because they are not for
 * everybody to look up.
 */
export type IdentifiedType = NodeType | "ApiKey" | "AuditEntry";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The loader of the type's rows by their keys. */
export function loaderOf(type: NodeType, loaders: Loaders) {
  return {
    User: loaders.userById,
    Project: loaders.projectById,
    ConversionJob: loaders.conversionJobById,
  }[type];
}

/**
 * Node ids are readable on purpose: `Project:0199…` says in a log, a URL or a bug report what it is. It is
 * also the row's tag in the cache.
 */
export const toNodeId = (type: IdentifiedType, id: string) => `${type}:${id}`;

/** @throws AppError `VALIDATION_FAILED` for anything that is not a node id */
export function parseNodeId(
  nodeId: string,
  path: readonly (string | number)[],
): { type: NodeType; id: string } {
  const separator = nodeId.indexOf(":");
  const type = NODE_TYPES.find((name) => name === nodeId.slice(0, separator));
  const id = nodeId.slice(separator + 1);
  if (!type || !UUID.test(id)) throw refuse(nodeId, "a node id", NODE_TYPES[1], path);
  return { type, id: id.toLowerCase() };
}

/**
 * Extracts the row's key from a node id of a known type.
 *
 * @throws AppError `VALIDATION_FAILED` for anything else, including ids of other types
 */
export function parseIdOf(type: IdentifiedType, nodeId: string, path: readonly (string | number)[]): string {
  const separator = nodeId.indexOf(":");
  const id = nodeId.slice(separator + 1);
  if (nodeId.slice(0, separator) !== type || !UUID.test(id))
    throw refuse(nodeId, `the id of a ${type}`, type, path);
  return id.toLowerCase();
}

function refuse(nodeId: string, expected: string, type: IdentifiedType, path: readonly (string | number)[]) {
  const shown = nodeId.length > 80 ? `${nodeId.slice(0, 80)}…` : nodeId;
  return validationFailed([
    {
      path,
      message: `expected ${expected}, such as "${type}:01890a5d-ac96-774b-bcce-b302099a8057", got ${JSON.stringify(shown)}`,
    },
  ]);
}
