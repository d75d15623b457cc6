import type { ConversionJob } from "../database/generated/client.ts";
import { selectListOf } from "./jsonRows.ts";
import { selectList } from "./reader.ts";
import { pickColumns } from "./rowColumns.ts";

/**
 * A job without its documents, which can be a thousand times as large and are read only when asked for. Every
 * statement that reads or changes jobs returns rows of this shape.
 */
export type ConversionJobRow = Omit<ConversionJob, "plan" | "results" | "leaseSeconds" | "fencingToken"> & {
  readonly fencingToken: number;
};

/**
 * A job that is read by its id comes with its project's owner: deciding who may see it takes no further
 * statement.
 */
export type OwnedJobRow = ConversionJobRow & { readonly ownerId: string };

const FIELDS = {
  id: "id",
  projectId: "project_id",
  status: "status",
  progress: "progress",
  currentTask: "current_task",
  errorMessage: "error_message",
  priority: "priority",
  agentTypes: "agent_types",
  attempt: "attempt",
  maxAttempts: "max_attempts",
  availableAt: "available_at",
  workerId: "worker_id",
  workerUserId: "worker_user_id",
  // A bigint arrives as text. A counter of claims stays below 2^53, and a double holds it exactly.
  fencingToken: `"fencing_token"::float8`,
  leaseExpiresAt: "lease_expires_at",
  eventSequence: "event_sequence",
  startedAt: "started_at",
  completedAt: "completed_at",
  version: "version",
  createdAt: "created_at",
  updatedAt: "updated_at",
} as const satisfies Record<keyof ConversionJobRow, string>;

export const jobColumns = selectList(FIELDS, {
  times: ["availableAt", "leaseExpiresAt", "startedAt", "completedAt", "createdAt", "updatedAt"],
});

/** Copies the job out of a row that has more columns. */
export const jobOf = pickColumns<ConversionJobRow>(jobColumns);

/** The same columns as text, for a select list or RETURNING. */
export const JOB_COLUMNS = selectListOf(jobColumns);
