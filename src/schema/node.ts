import { validationFailed } from "../errors.ts";
import { userWithin } from "../repositories/access.ts";
import { builder } from "./builder.ts";
import type { Context } from "./context.ts";
import { loaderOf, type NodeType, parseNodeId, toNodeId } from "./nodeId.ts";
import { reads } from "./pageColumns.ts";
import { demand } from "./rules.ts";

/** The key of the property that holds a node's type. */
const TYPE = Symbol("node type");

export const Node = builder.interfaceRef<{ id: string }>("Node").implement({
  description:
    "An object with a globally unique id (https://graphql.org/learn/global-object-identification/).",
  fields: (t) => ({
    id: t.id({ description: "The object's id, which begins with its type: `Project:<uuid>`." }),
  }),
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
  // A copy, because everything else in the request that reads the row shares it.
  return row && { ...row, [TYPE]: type };
}

builder.queryFields((t) => ({
  node: t.field({
    authScopes: { known: true },
    type: Node,
    nullable: true,
    description:
      "The user, project or conversion job with this id. Null if it does not exist or the viewer cannot see it.",
    args: { id: t.arg.id({ required: true, description: "The id of the object." }) },
    resolve: (_, { id }, context) => loadNode(id, ["id"], context),
  }),
  nodes: t.field({
    authScopes: { known: true },
    type: [Node],
    nullable: { list: false, items: true },
    description:
      "The users, projects and conversion jobs with these ids, in the order of the ids. Null for each that does not exist or that the viewer cannot see.",
    args: { ids: t.arg.idList({ required: true, description: "The ids of the objects: up to 100." }) },
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
