import { validationFailed } from "../errors.ts";
import { userWithin } from "../repositories/access.ts";
import { builder } from "./builder.ts";
import type { Context } from "./context.ts";
import { loaderOf, type NodeType, parseNodeId, toNodeId } from "./nodeId.ts";
import { reads } from "./pageColumns.ts";
import { demand } from "./rules.ts";

/** A row as the loaders give it, told apart by its node type. */
const TYPE = Symbol("node type");

export const Node = builder.interfaceRef<{ id: string }>("Node").implement({
  description: "Anything with an id of its own (https://graphql.org/learn/global-object-identification/).",
  fields: (t) => ({ id: t.id({ description: "Says what it is and which one: `Project:<uuid>`." }) }),
  resolveType: (node) => (node as { [TYPE]?: NodeType })[TYPE],
});

/** The `id` field of a node type. */
export const nodeIdOf = (type: NodeType) => ({
  extensions: { ...reads<{ id: string }>("id"), nodeIdOf: type },
  resolve: (row: { id: string }) => toNodeId(type, row.id),
});

async function loadNode(
  nodeId: string,
  path: readonly (string | number)[],
  { access, loaders, viewer }: Context,
) {
  const { type, id } = parseNodeId(nodeId, path);
  demand(type === "User" ? "userReader" : "reader", viewer);
  const row = await loaderOf(type, loaders).load(type === "User" ? userWithin(access, id) : id);
  // A copy: the row itself is shared by whatever else in the request reads it.
  return row && { ...row, [TYPE]: type };
}

builder.queryFields((t) => ({
  node: t.field({
    authScopes: { known: true },
    type: Node,
    nullable: true,
    description: "Any user, project or conversion job by its id; null when there is none.",
    args: { id: t.arg.id({ required: true, description: "The node's id." }) },
    resolve: (_, { id }, context) => loadNode(id, ["id"], context),
  }),
  nodes: t.field({
    authScopes: { known: true },
    type: [Node],
    nullable: { list: false, items: true },
    description:
      "Any users, projects and conversion jobs by their ids, in the ids' order, null for each that does not exist.",
    args: { ids: t.arg.idList({ required: true, description: "Up to 100 ids." }) },
    resolve: (_, { ids }, context) => {
      assertAtMost(100, ids, ["ids"]);
      return Promise.all(ids.map((id, index) => loadNode(id, ["ids", index], context)));
    },
  }),
}));

function assertAtMost(max: number, list: readonly unknown[], path: readonly string[]): void {
  if (list.length > max) {
    throw validationFailed([{ path, message: `expected at most ${max} entries, got ${list.length}` }]);
  }
}
