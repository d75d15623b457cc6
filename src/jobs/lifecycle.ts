import type { ConversionJobStatus } from "../database/generated/client.ts";
import { AppError } from "../errors.ts";

/**
 * How a conversion job gets from one status to another.
 *
 *              claim                  complete
 *   PENDING ───────────▶ RUNNING ───────────────▶ COMPLETED
 *    ▲ ▲  ▲              │  ▲  │
 *    │ │  └──────────────┘  │  │ fail, or expire in the last attempt
 *    │ │  release, expire,  │  └──────────────────▶ FAILED ──┐
 *    │ │  fail              │ resume                         │
 *    │ └──────────── PAUSED ┘◀── pause (of RUNNING)          │
 *    │      resume without a worker                          │
 *    └───────────────────────────────────────────────────────┘ retry
 *
 *   cancel: PENDING, RUNNING and PAUSED ──▶ CANCELLED
 *
 * The table says which statuses allow an action, and to which statuses it may lead. The statements that carry
 * actions out (repositories/jobLease.ts, jobControl.ts) compare the status in the same statement that sets it;
 * a test checks them against this table.
 */
export const TRANSITIONS = {
  /** A worker takes the job, under a lease. */
  claim: { from: ["PENDING"], to: ["RUNNING"] },
  /** The owner stops the job; its worker keeps the lease as long as it reports in time. */
  pause: { from: ["RUNNING"], to: ["PAUSED"] },
  /** The owner lets the job go on: with the worker that still holds it, otherwise with the next. */
  resume: { from: ["PAUSED"], to: ["RUNNING", "PENDING"] },
  complete: { from: ["RUNNING"], to: ["COMPLETED"] },
  /** The worker has failed; PENDING if another attempt is allowed and could succeed. */
  fail: { from: ["RUNNING"], to: ["FAILED", "PENDING"] },
  /** The worker gives the job back unfinished. */
  release: { from: ["RUNNING", "PAUSED"], to: ["PENDING", "PAUSED"] },
  /** The worker did not report in time. */
  expire: { from: ["RUNNING", "PAUSED"], to: ["PENDING", "PAUSED", "FAILED"] },
  /** The owner asks for more attempts. */
  retry: { from: ["FAILED"], to: ["PENDING"] },
  /** The owner calls the job off. */
  cancel: { from: ["PENDING", "RUNNING", "PAUSED"], to: ["CANCELLED"] },
  /** The owner changes the job's priority; its status stays. */
  reprioritize: { from: ["PENDING", "RUNNING", "PAUSED"], to: ["PENDING", "RUNNING", "PAUSED"] },
} as const satisfies Record<
  string,
  { readonly from: readonly ConversionJobStatus[]; readonly to: readonly ConversionJobStatus[] }
>;

export type JobAction = keyof typeof TRANSITIONS;

/** The actions that a job with this status allows, in the table's order. */
export function allowedActions(status: ConversionJobStatus): JobAction[] {
  // Safe: they are the table's own keys.
  return (Object.keys(TRANSITIONS) as JobAction[]).filter((action) => allows(action, status));
}

/** Whether a job with this status allows the action. */
export function allows(action: JobAction, status: ConversionJobStatus): boolean {
  const from: readonly ConversionJobStatus[] = TRANSITIONS[action].from;
  return from.includes(status);
}

/** The job's status does not allow the action. */
export function invalidTransition(id: string, from: ConversionJobStatus, action: JobAction): AppError {
  const { from: needed, to } = TRANSITIONS[action];
  return new AppError(
    "INVALID_TRANSITION",
    `A job that is ${from} allows no ${action}: that needs ${needed.join(" or ")}.`,
    { details: { type: "ConversionJob", id, from, action, to, allowed: allowedActions(from) } },
  );
}
