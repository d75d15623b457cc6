import type { MaintenanceRun } from "../database/maintenance/maintenance.ts";
import type {
  IndexReport,
  MaintenanceReport,
  PruneReport,
  TableReport,
} from "../database/maintenance/report.ts";
import { builder } from "./builder.ts";
import { repeatableAnywayField } from "./cacheMutations.ts";

/** Resolves with undefined if no maintenance was due. Only a schedule asks whether it is. */
export type PerformMaintenance = (
  run: Pick<MaintenanceRun, "isFullPass" | "isDryRun">,
) => Promise<MaintenanceReport | undefined>;

const problem = "Why the step failed; null if it succeeded, and in a dry run.";

const PrunedRows = builder.objectRef<PruneReport>("PrunedRows").implement({
  description: "Rows that were deleted, because nobody needs them any more.",
  fields: (t) => ({
    table: t.exposeString("table", { description: "The name of the table." }),
    what: t.exposeString("what", { description: "Which rows of the table." }),
    rows: t.expose("rows", {
      type: "SafeInt",
      description: "The number of rows that were deleted. In a dry run, the number that would be.",
    }),
    seconds: t.exposeFloat("seconds", { description: "How long the step took, in seconds." }),
    problem: t.exposeString("problem", { nullable: true, description: problem }),
  }),
});

const TableMaintenanceAction = builder.enumType("TableMaintenanceAction", {
  description: "What can be done to a table.",
  values: {
    VACUUM: {
      description: "Make the space of dead rows available again, and update the planner's statistics.",
    },
    VACUUM_FREEZE: { description: "Do the same as `VACUUM`, and freeze old transaction ids." },
    ANALYZE: { description: "Update the planner's statistics." },
  } as const,
});

const TableMaintenance = builder.objectRef<TableReport>("TableMaintenance").implement({
  description: "What was done to a table.",
  fields: (t) => ({
    table: t.exposeString("table", { description: "The name of the table." }),
    action: t.expose("action", { type: TableMaintenanceAction, description: "What was done." }),
    reason: t.exposeString("reason", { description: "Why the action was needed." }),
    deadRows: t.expose("deadRows", {
      type: "SafeInt",
      description: "The number of dead rows that the table had.",
    }),
    bytesBefore: t.expose("bytesBefore", {
      type: "SafeInt",
      description: "The table's size before, with its indexes, in bytes.",
    }),
    bytesAfter: t.expose("bytesAfter", {
      type: "SafeInt",
      description: "The table's size afterwards, with its indexes, in bytes. In a dry run, the size before.",
    }),
    seconds: t.exposeFloat("seconds", { description: "How long the step took, in seconds." }),
    problem: t.exposeString("problem", { nullable: true, description: problem }),
  }),
});

const IndexMaintenanceAction = builder.enumType("IndexMaintenanceAction", {
  description: "What can be done to an index.",
  values: {
    REINDEX: { description: "Rebuild the index, without keeping out readers and writers." },
    DROP: { description: "Drop what an interrupted rebuild has left." },
  } as const,
});

const IndexMaintenance = builder.objectRef<IndexReport>("IndexMaintenance").implement({
  description: "What was done to an index.",
  fields: (t) => ({
    index: t.exposeString("index", { description: "The name of the index." }),
    table: t.exposeString("table", { description: "The name of its table." }),
    action: t.expose("action", { type: IndexMaintenanceAction, description: "What was done." }),
    reason: t.exposeString("reason", { description: "Why the action was needed." }),
    bytesBefore: t.expose("bytesBefore", {
      type: "SafeInt",
      description: "The index's size before, in bytes.",
    }),
    bytesAfter: t.expose("bytesAfter", {
      type: "SafeInt",
      description: "The index's size afterwards, in bytes. In a dry run, the size before.",
    }),
    seconds: t.exposeFloat("seconds", { description: "How long the step took, in seconds." }),
    problem: t.exposeString("problem", { nullable: true, description: problem }),
  }),
});

const PerformMaintenanceInput = builder.inputType("PerformMaintenanceInput", {
  description: "The options of a maintenance run.",
  fields: (t) => ({
    idempotencyKey: repeatableAnywayField(t),
    isFullPass: t.boolean({
      description: "Whether to vacuum every table, not only those that need it. The default is false.",
    }),
    isDryRun: t.boolean({
      description: "Whether to change nothing, and only report what would be done. The default is false.",
    }),
  }),
});

const PerformMaintenancePayload = builder
  .objectRef<MaintenanceReport>("PerformMaintenancePayload")
  .implement({
    description: "The report of a maintenance run, which keeps the database healthy.",
    fields: (t) => ({
      startedAt: t.expose("startedAt", { type: "DateTime", description: "When the run began." }),
      seconds: t.exposeFloat("seconds", { description: "How long the run took, in seconds." }),
      isDryRun: t.exposeBoolean("isDryRun", {
        description: "Whether this was a dry run, which changed nothing.",
      }),
      reclaimedBytes: t.expose("reclaimedBytes", {
        type: "SafeInt",
        description: "By how many bytes tables and indexes have shrunk. Growth is not deducted.",
      }),
      pruned: t.field({
        type: [PrunedRows],
        description: "The rows that were deleted, because nobody needs them any more.",
        resolve: ({ pruned }) => [...pruned],
      }),
      tables: t.field({
        type: [TableMaintenance],
        description: "The tables that needed maintenance.",
        resolve: ({ tables }) => [...tables],
      }),
      indexes: t.field({
        type: [IndexMaintenance],
        description: "The indexes that needed maintenance.",
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
      "Deletes rows that nobody needs any more, and vacuums, analyzes and reindexes what needs it. It answers when all is done. If another run is in progress it fails with `CONFLICT`, which says who runs it and since when. Administrators only.",
    args: {
      input: t.arg({ type: PerformMaintenanceInput, required: true, description: "The options of the run." }),
    },
    resolve: async (_, { input }, { system }) =>
      // Safe: without a schedule it is always due.
      (await system.performMaintenance({
        isFullPass: input.isFullPass ?? false,
        isDryRun: input.isDryRun ?? false,
      }))!,
  }),
}));
