import type { ReplicaStatistics } from "../coherence/replicaReads.ts";
import { builder } from "./builder.ts";

export const CacheReplicaType = builder.objectRef<ReplicaStatistics>("CacheReplica").implement({
  description:
    "A replica of the database, as the instance that answers sees it. What the replica lacks is read from the primary. So a replica that lags is less useful, but never makes an answer wrong.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "The replica's host and port." }),
    isDown: t.exposeBoolean("isDown", {
      description: "Whether the replica has just failed, so that it is not used for a while.",
    }),
    lagBytes: t.field({
      type: "SafeInt",
      nullable: true,
      description:
        "How much of the primary's log the replica lacked when it was last asked, in bytes. Null if it was not asked yet, or does not follow this primary.",
      resolve: ({ lagBytes }) => lagBytes ?? null,
    }),
    lagMs: t.float({
      nullable: true,
      description:
        "For how long the replica has lacked the part of the log that `lagBytes` tells, in milliseconds. Null if `lagBytes` is null.",
      resolve: ({ lagMs }) => lagMs ?? null,
    }),
    reads: t.expose("reads", {
      type: "SafeInt",
      description: "The number of answers that were taken from the replica.",
    }),
    share: t.exposeFloat("share", {
      description:
        "The replica's share of all answers that the instance read from the database and could have read from a replica: 0 to 1.",
    }),
    skipped: t.expose("skipped", {
      type: "SafeInt",
      description:
        "How often the replica was passed over, because it had not replayed enough of the log for anything that was to be read.",
    }),
    rejected: t.expose("rejected", {
      type: "SafeInt",
      description:
        "The number of answers from the replica that were discarded, because their rows revealed that they were too old. The primary was asked again.",
    }),
    errors: t.expose("errors", {
      type: "SafeInt",
      description: "How often the replica did not answer, or failed. The primary was asked instead.",
    }),
  }),
});
