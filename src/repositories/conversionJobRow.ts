import type { ConversionJob } from "../database/generated/client.ts";
import { selectListOf } from "./jsonRows.ts";
import { selectList } from "./reader.ts";
import { pickColumns } from "./rowColumns.ts";

/**
 * A job without its documents, which can be a thousand times as big: those are read when they are
 * asked for. Every statement that reads or changes jobs gives its rows in this shape.
 */
export type ConversionJobRow = Omit<ConversionJob, "plan" | "results" | "leaseSeconds" | "fencingToken"> & {
  readonly fencingToken: number;
};

/** A job that is read by its id comes with its project's owner: who may see it is known at no further statement. */
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
  // A bigint arrives as text; a counter of claims stays below 2^53, and a double holds it exactly.
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

/** The job alone, out of a row that says more. */
export const jobOf = pickColumns<ConversionJobRow>(jobColumns);

/** The same as a text, for a select list or RETURNING. */
export const JOB_COLUMNS = selectListOf(jobColumns);
