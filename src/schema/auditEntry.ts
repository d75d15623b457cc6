import type { AuditEntryRow } from "../repositories/auditEntry.ts";
import { builder } from "./builder.ts";
import { cacheControl } from "./cacheControl.ts";
import { Connection, connectionType, pageArguments } from "./connection.ts";
import { toNodeId } from "./nodeId.ts";
import { User } from "./user.ts";

const AuditEntry = builder.objectRef<AuditEntryRow>("AuditEntry").implement({
  description: "Something that an administrator did, or a credential that was refused.",
  extensions: cacheControl({ maxAge: 0 }),
  fields: (t) => ({
    id: t.id({ description: "`AuditEntry:<uuid>`.", resolve: ({ id }) => toNodeId("AuditEntry", id) }),
    action: t.exposeString("action", {
      description: "The mutation's name; `authenticationFailed`; or a command's, from the command line.",
    }),
    actorId: t.id({
      nullable: true,
      description: "Who did it, who may be gone by now; null: not known, as of a refused credential.",
      resolve: ({ actorId }) => actorId && toNodeId("User", actorId),
    }),
    actor: t.field({
      type: User,
      nullable: true,
      description: "Who did it, if they are still there.",
      resolve: ({ actorId }, _, { loaders }) => (actorId === null ? null : loaders.userById.load(actorId)),
    }),
    credential: t.exposeString("credential", {
      nullable: true,
      description: "How they were known: `apiKey:<uuid>`, `token:<jti>`, or `command line`.",
    }),
    target: t.exposeID("target", { nullable: true, description: "The id of what it was done to." }),
    details: t.string({
      nullable: true,
      description: "What else there is to say: JSON.",
      resolve: ({ details }) => (details === null ? null : JSON.stringify(details)),
    }),
    requestId: t.exposeString("requestId", {
      nullable: true,
      description: "The request, as in the service's log.",
    }),
    address: t.exposeString("address", { nullable: true, description: "The network address it came from." }),
    count: t.exposeInt("count", {
      description: "How many are told as one; of refused credentials, when there were many.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was." }),
  }),
});

const AuditEntryConnection = connectionType<AuditEntryRow>("AuditEntry", AuditEntry, "audit entries");

builder.queryField("auditEntries", (t) =>
  t.field({
    authScopes: { administrator: true },
    type: AuditEntryConnection,
    description:
      "What administrators did and which credentials were refused, the newest first. For administrators.",
    extensions: cacheControl({ maxAge: 0 }),
    args: pageArguments(),
    resolve: (_, page, { loaders, repositories: { auditEntries } }, info) => {
      const list = auditEntries.list();
      return new Connection({
        loader: loaders.auditEntries,
        list,
        page,
        cursorOf: auditEntries.cursorOf,
        info,
      });
    },
  }),
);
