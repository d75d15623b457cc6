import type { MaintenanceRun } from "../database/maintenance/maintenance.ts";
import type {
  IndexReport,
  MaintenanceReport,
  PruneReport,
  TableReport,
} from "../database/maintenance/report.ts";
import { builder } from "./builder.ts";
import { repeatableAnywayField } from "./cacheMutations.ts";

/** Undefined: it was not due, which only a schedule asks. */
export type PerformMaintenance = (
  run: Pick<MaintenanceRun, "isFullPass" | "isDryRun">,
) => Promise<MaintenanceReport | undefined>;

const problem = "Why it was not done; null: it was, or it is a dry run.";

const PrunedRows = builder.objectRef<PruneReport>("PrunedRows").implement({
  description: "Rows that nobody needs any more.",
  fields: (t) => ({
    table: t.exposeString("table", { description: "Their table." }),
    what: t.exposeString("what", { description: "Which they are." }),
    rows: t.expose("rows", { type: "SafeInt", description: "How many were deleted, or would be." }),
    seconds: t.exposeFloat("seconds", { description: "How long it took." }),
    problem: t.exposeString("problem", { nullable: true, description: problem }),
  }),
});

const TableMaintenanceAction = builder.enumType("TableMaintenanceAction", {
  description: "What can be done to a table.",
  values: {
    VACUUM: { description: "Make room of dead rows, and take the planner's figures." },
    VACUUM_FREEZE: { description: "The same, and free it of old transaction ids." },
    ANALYZE: { description: "Take the planner's figures." },
  } as const,
});

const TableMaintenance = builder.objectRef<TableReport>("TableMaintenance").implement({
  description: "What was done to a table.",
  fields: (t) => ({
    table: t.exposeString("table", { description: "Its name." }),
    action: t.expose("action", { type: TableMaintenanceAction, description: "What." }),
    reason: t.exposeString("reason", { description: "Why." }),
    deadRows: t.expose("deadRows", { type: "SafeInt", description: "Dead rows that it had." }),
    bytesBefore: t.expose("bytesBefore", {
      type: "SafeInt",
      description: "Its size before, with its indexes.",
    }),
    bytesAfter: t.expose("bytesAfter", { type: "SafeInt", description: "Its size after." }),
    seconds: t.exposeFloat("seconds", { description: "How long it took." }),
    problem: t.exposeString("problem", { nullable: true, description: problem }),
  }),
});

const IndexMaintenanceAction = builder.enumType("IndexMaintenanceAction", {
  description: "What can be done to an index.",
  values: {
    REINDEX: { description: "Build it anew, beside its readers and writers." },
    DROP: { description: "Remove what a rebuilding that broke off has left." },
  } as const,
});

const IndexMaintenance = builder.objectRef<IndexReport>("IndexMaintenance").implement({
  description: "What was done to an index.",
  fields: (t) => ({
    index: t.exposeString("index", { description: "Its name." }),
    table: t.exposeString("table", { description: "Its table." }),
    action: t.expose("action", { type: IndexMaintenanceAction, description: "What." }),
    reason: t.exposeString("reason", { description: "Why." }),
    bytesBefore: t.expose("bytesBefore", { type: "SafeInt", description: "Its size before." }),
    bytesAfter: t.expose("bytesAfter", { type: "SafeInt", description: "Its size after." }),
    seconds: t.exposeFloat("seconds", { description: "How long it took." }),
    problem: t.exposeString("problem", { nullable: true, description: problem }),
  }),
});

const PerformMaintenanceInput = builder.inputType("PerformMaintenanceInput", {
  description: "How to maintain the database.",
  fields: (t) => ({
    idempotencyKey: repeatableAnywayField(t),
    isFullPass: t.boolean({ description: "Every table, not only those that need it." }),
    isDryRun: t.boolean({ description: "Change nothing, and say what would be done." }),
  }),
});

const PerformMaintenancePayload = builder
  .objectRef<MaintenanceReport>("PerformMaintenancePayload")
  .implement({
    description: "What was done to keep the database healthy.",
    fields: (t) => ({
      startedAt: t.expose("startedAt", { type: "DateTime", description: "When it began." }),
      seconds: t.exposeFloat("seconds", { description: "How long it took." }),
      isDryRun: t.exposeBoolean("isDryRun", { description: "Whether nothing was changed." }),
      reclaimedBytes: t.expose("reclaimedBytes", {
        type: "SafeInt",
        description: "By how much tables and indexes have become smaller.",
      }),
      pruned: t.field({
        type: [PrunedRows],
        description: "Rows that nobody needs any more.",
        resolve: ({ pruned }) => [...pruned],
      }),
      tables: t.field({
        type: [TableMaintenance],
        description: "Tables that needed something.",
        resolve: ({ tables }) => [...tables],
      }),
      indexes: t.field({
        type: [IndexMaintenance],
        description: "Indexes that needed something.",
        resolve: ({ indexes }) => [...indexes],
      }),
      notes: t.field({
        type: ["String"],
        description: "What was left out, and why.",
        resolve: ({ notes }) => [...notes],
      }),
    }),
  });

builder.mutationFields((t) => ({
  performMaintenance: t.field({
    authScopes: { administrator: true },
    type: PerformMaintenancePayload,
    description:
      "For administrators: prunes what nobody needs, and vacuums, analyzes and reindexes what needs it. Answers when it is done; `CONFLICT` says who is at it already, and since when.",
    args: { input: t.arg({ type: PerformMaintenanceInput, required: true, description: "How." }) },
    resolve: async (_, { input }, { system }) =>
      // Safe: without a schedule it is always due.
      (await system.performMaintenance({
        isFullPass: input.isFullPass ?? false,
        isDryRun: input.isDryRun ?? false,
      }))!,
  }),
}));
