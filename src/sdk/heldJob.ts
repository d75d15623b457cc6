import type { WorkerDirective } from "./generated.ts";
import type { Held, JobClaim, JobOutcome, Progress } from "./workerCalls.ts";

/** Why work on a job is interrupted. */
export type InterruptionReason =
  /** Its owner has paused it: wait with `checkpoint()`, or throw to give it back. */
  | "PAUSED"
  /** Its owner has cancelled it. */
  | "CANCELLED"
  /** The lease is over: another worker may have the job. */
  | "LEASE_LOST"
  /** The worker is being stopped, and the job's time for finishing is over. */
  | "STOPPING"
  /** The handler gives the job back by `release()`. */
  | "RELEASED";

const meanings: Readonly<Record<InterruptionReason, string>> = {
  PAUSED: "The job was paused.",
  CANCELLED: "The job was cancelled.",
  LEASE_LOST: "The lease of the job is over: another worker may be at it.",
  STOPPING: "The worker is being stopped.",
  RELEASED: "The worker gives the job back.",
};

/** The abort reason of a job's signal. `checkpoint` and `release` throw it too. */
export class JobInterruption extends Error {
  override readonly name = "JobInterruption";
  readonly reason: InterruptionReason;

  constructor(reason: InterruptionReason) {
    super(meanings[reason]);
    this.reason = reason;
  }
}

export type HeldJob = ReturnType<typeof createHeldJob>;

/**
 * The state of a job that a worker holds: the lease's end by the worker's own clock, whether the job is
 * paused, and what is still to be reported. A lease that was not renewed in time counts as lost, even if the
 * service cannot be asked.
 *
 * @param onDirty called when there is something to report
 */
export function createHeldJob({
  claim: { conversionJob: job, fencingToken, heldFrom },
  leaseMs,
  onDirty,
}: {
  readonly claim: JobClaim;
  readonly leaseMs: number;
  readonly onDirty: () => void;
}) {
  let controller = new AbortController();
  let ended: JobInterruption | undefined;
  let isPaused = false;
  let isSettling = false;
  let isClosed = false;
  let unsent: Progress | undefined;
  let sentWaiters: (() => void)[] = [];
  let changeWaiters: (() => void)[] = [];
  let expiry: ReturnType<typeof setTimeout> | undefined;

  const held: Held = { id: job.id, fencingToken, isOver: () => ended !== undefined && !isGivingBack() };
  const isSilent = () => isClosed || ended !== undefined;
  /** A worker that stops still has its lease. */
  const isGivingBack = () => ended?.reason === "STOPPING";

  function notify(): void {
    const waiters = changeWaiters;
    changeWaiters = [];
    for (const resolve of waiters) resolve();
  }

  function end(reason: InterruptionReason): void {
    // A lost lease stays lost. A job that is being given back may still be lost.
    if (ended !== undefined && !isGivingBack()) return;
    ended = new JobInterruption(reason);
    controller.abort(ended);
    unsent = undefined;
    for (const resolve of sentWaiters.splice(0)) resolve();
    notify();
  }

  function renew(from: number): void {
    clearTimeout(expiry);
    expiry = setTimeout(() => end("LEASE_LOST"), Math.max(0, from + leaseMs - performance.now()));
  }

  function follow(directive: WorkerDirective): void {
    if (held.isOver() || (directive === "PAUSE") === isPaused) return;
    isPaused = directive === "PAUSE";
    if (isPaused) controller.abort(new JobInterruption("PAUSED"));
    else if (ended === undefined) controller = new AbortController();
    notify();
  }

  renew(heldFrom);

  return {
    ...held,
    job,
    signal: () => controller.signal,
    end,
    follow,
    interruption: () => ended,
    isPaused: () => isPaused,
    /** Resolves at the next pause, resumption or end. */
    changed: () => new Promise<void>((resolve) => changeWaiters.push(resolve)),

    /** Resolves when the job is not paused. @throws JobInterruption when the job does not go on */
    async checkpoint(): Promise<void> {
      while (isPaused && ended === undefined) {
        await new Promise<void>((resolve) => changeWaiters.push(resolve));
      }
      if (ended !== undefined) throw ended;
    },

    /** Resolves when the service has the report, or will never get it. */
    report(progress: Progress): Promise<void> {
      if (isSilent()) return Promise.resolve();
      unsent = { ...unsent, ...valid(progress) };
      onDirty();
      return new Promise((resolve) => sentWaiters.push(resolve));
    },
    hasUnsent: () => unsent !== undefined,

    /** Takes the report that is to be sent. Then call `apply` with its outcome, or `failed` if the call failed. */
    takeReport() {
      const report = unsent;
      const waiters = sentWaiters;
      const at = performance.now();
      unsent = undefined;
      sentWaiters = [];
      return {
        item: { ...held, ...report },
        apply(outcome: JobOutcome): void {
          for (const resolve of waiters) resolve();
          // The answer to the call that ended the job may overtake this one.
          if (isClosed) return;
          if (outcome.error === null) {
            renew(at);
            follow(outcome.directive);
          } else if (!isSettling) {
            // While a call that ends the job is in flight, that call's answer decides. It may have ended the
            // job already, and the report was refused for that reason alone.
            end(outcome.error.from === "CANCELLED" ? "CANCELLED" : "LEASE_LOST");
          }
        },
        failed(): void {
          if (isSilent()) {
            for (const resolve of waiters) resolve();
            return;
          }
          sentWaiters.push(...waiters);
          if (report !== undefined) unsent = { ...report, ...unsent };
        },
      };
    },

    /** Sends the call that ends the job. Reports that are refused meanwhile do not count. */
    async settle<Result>(send: (held: Held) => Promise<Result>): Promise<Result> {
      isSettling = true;
      try {
        return await send(held);
      } finally {
        isSettling = false;
      }
    },

    /** The job has ended, or is given up: nothing more is reported. */
    close(): void {
      isClosed = true;
      clearTimeout(expiry);
      unsent = undefined;
      for (const resolve of sentWaiters.splice(0)) resolve();
    },
  };
}

/**
 * Brings a report into the service's limits: one that breaks a rule would fail the other jobs' reports in its
 * call.
 */
function valid({ progress, currentTask }: Progress): Progress {
  return {
    ...(progress !== undefined && { progress: Math.min(100, Math.max(0, Math.floor(progress))) }),
    ...(currentTask !== undefined && { currentTask: (currentTask && storable(currentTask, 1_000)) || null }),
  };
}

/**
 * Brings a text into the service's limits. It refuses U+0000 and halves of surrogate pairs, such as the cut
 * may leave.
 */
export function storable(text: string, maxLength: number): string {
  return text
    .trim()
    .slice(0, maxLength)
    .replace(/[\0\p{Surrogate}]/gu, "\uFFFD");
}
