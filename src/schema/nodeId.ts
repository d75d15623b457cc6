import { validationFailed } from "../errors.ts";
import type { Loaders } from "../loaders.ts";

/** The types that have a node id, each with a row of its own. */
export const NODE_TYPES = ["User", "Project", "ConversionJob"] as const;
export type NodeType = (typeof NODE_TYPES)[number];
/** Those and what has an id of the same form, but is no node: it is not for everybody to look up. */
export type IdentifiedType = NodeType | "ApiKey" | "AuditEntry";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What gives the type's rows by their keys. */
export function loaderOf(type: NodeType, loaders: Loaders) {
  return {
    User: loaders.userById,
    Project: loaders.projectById,
    ConversionJob: loaders.conversionJobById,
  }[type];
}

/**
 * Node ids are readable on purpose: `Project:0199…` says in a log, a URL or a bug report what it
 * is, and is the name under which caches know the row.
 */
export const toNodeId = (type: IdentifiedType, id: string) => `${type}:${id}`;

/** @throws AppError `VALIDATION_FAILED` for anything that is no node id */
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
 * The row's key in a node id of a known type.
 * @throws AppError `VALIDATION_FAILED` for anything else, ids of other types included
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
