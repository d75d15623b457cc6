import type { ReplicaStatistics } from "../coherence/replicaReads.ts";
import { builder } from "./builder.ts";

export const CacheReplicaType = builder.objectRef<ReplicaStatistics>("CacheReplica").implement({
  description:
    "A replica of the database, as the instance that answers sees it. What it lacks is read from the primary: a replica that is behind is of less use, and never wrong.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its host and port." }),
    isDown: t.exposeBoolean("isDown", {
      description: "Whether it failed a moment ago, and is left alone for a while.",
    }),
    lagBytes: t.field({
      type: "SafeInt",
      nullable: true,
      description:
        "What it lacked of the primary's log when it was last asked, in bytes. Null: it was not asked yet, or does not follow this primary.",
      resolve: ({ lagBytes }) => lagBytes ?? null,
    }),
    lagMs: t.float({
      nullable: true,
      description: "For how long it has lacked that, in milliseconds.",
      resolve: ({ lagMs }) => lagMs ?? null,
    }),
    reads: t.expose("reads", { type: "SafeInt", description: "Answers that it gave." }),
    share: t.exposeFloat("share", {
      description:
        "Its part of all answers that the instance read from the database and could have read from a replica, 0 to 1.",
    }),
    skipped: t.expose("skipped", {
      type: "SafeInt",
      description: "How often it had nothing of what was to be read, and was passed over.",
    }),
    rejected: t.expose("rejected", {
      type: "SafeInt",
      description:
        "Answers that it gave and that were too old, as their rows revealed; the primary was asked again.",
    }),
    errors: t.expose("errors", {
      type: "SafeInt",
      description: "How often it did not answer, or could not. The primary was asked instead.",
    }),
  }),
});
