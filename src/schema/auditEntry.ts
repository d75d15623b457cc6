import type { AuditEntryRow } from "../repositories/auditEntry.ts";
import { builder } from "./builder.ts";
import { cacheControl } from "./cacheControl.ts";
import { Connection, connectionType, pageArguments } from "./connection.ts";
import { toNodeId } from "./nodeId.ts";
import { User } from "./user.ts";

const AuditEntry = builder.objectRef<AuditEntryRow>("AuditEntry").implement({
  description: "An entry of the audit log: an administrative action, or a credential that was refused.",
  extensions: cacheControl({ maxAge: 0 }),
  fields: (t) => ({
    id: t.id({
      description: "The entry's id: `AuditEntry:<uuid>`.",
      resolve: ({ id }) => toNodeId("AuditEntry", id),
    }),
    action: t.exposeString("action", {
      description:
        "The name of the mutation that was called, `authenticationFailed` for a refused credential, or the name of an action from the command line.",
    }),
    actorId: t.id({
      nullable: true,
      description:
        "The id of the user who acted, who may have been deleted since. Null if the user is not known, as for a refused credential.",
      resolve: ({ actorId }) => actorId && toNodeId("User", actorId),
    }),
    actor: t.field({
      type: User,
      nullable: true,
      description: "The user who acted. Null if the user is not known or has been deleted.",
      resolve: ({ actorId }, _, { loaders }) => (actorId === null ? null : loaders.userById.load(actorId)),
    }),
    credential: t.exposeString("credential", {
      nullable: true,
      description:
        "How the actor was authenticated: `apiKey:<uuid>`, `token:<jti>` (`token:unnamed` without a `jti`) or `command line`. Null for a refused credential.",
    }),
    target: t.exposeID("target", {
      nullable: true,
      description: "The id of the object that the action was applied to; null if there is none.",
    }),
    details: t.string({
      nullable: true,
      description: "Further details: a JSON object, encoded as text. Null if there are none.",
      resolve: ({ details }) => (details === null ? null : JSON.stringify(details)),
    }),
    requestId: t.exposeString("requestId", {
      nullable: true,
      description:
        "The id of the request, as in the service's log. Null for the command line and for combined entries.",
    }),
    address: t.exposeString("address", {
      nullable: true,
      description: "The network address that the request came from; null if it is not known.",
    }),
    count: t.exposeInt("count", {
      description:
        "How many events the entry stands for. More than 1 only where many refused credentials were combined into one entry.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the entry was written." }),
  }),
});

const AuditEntryConnection = connectionType<AuditEntryRow>("AuditEntry", AuditEntry, "audit entries");

builder.queryField("auditEntries", (t) =>
  t.field({
    authScopes: { administrator: true },
    type: AuditEntryConnection,
    description:
      "The audit log: administrative actions and refused credentials, newest first. Administrators only.",
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
