import type { RequestClient } from "./client.ts";
import { StackConverterError } from "./error.ts";
import type { ConversionJobFieldsFragment } from "./generated.ts";
import {
  createHeldJob,
  type HeldJob,
  type InterruptionReason,
  JobInterruption,
  storable,
} from "./heldJob.ts";
import { createReporter } from "./reporter.ts";
import { MAX_TIMER_MS, sleep } from "./retry.ts";
import {
  createWorkerCalls,
  type Held,
  type JobOutcome,
  type Progress,
  randomId,
  type TaskResultReport,
} from "./workerCalls.ts";

/**
 * A worker for conversion jobs: it claims them, renews their leases, and ends each one as its handler ends.
 * It imports nothing outside this folder, and runs in Node.js and in browsers.
 */
export { type InterruptionReason, JobInterruption, type Progress, type TaskResultReport };

/** What a handler gets. Its functions can be passed around: none needs `this`. */
export interface JobContext {
  /** The job as it was when it was claimed; its `results` are those of the attempt so far. */
  readonly job: ConversionJobFieldsFragment;
  /** Rises with every claim of the job. Other systems that the handler writes to can refuse a lower one. */
  readonly fencingToken: number;
  /**
   * Aborted, with a `JobInterruption` as its reason, when the job is paused, cancelled or lost, or the worker
   * is stopped. After a pause the job has a new signal: read this property again after `checkpoint()`.
   */
  readonly signal: AbortSignal;
  /**
   * To be awaited between steps. It resolves at once while the job runs, and waits while the job is paused.
   *
   * @throws JobInterruption when the job does not go on; do not catch it
   */
  readonly checkpoint: () => Promise<void>;
  /**
   * Resolves when the service has the report, or will never get it, and never rejects. It need not be
   * awaited. Reports in quick succession are sent as one.
   */
  readonly reportProgress: (progress: Progress) => Promise<void>;
  /**
   * Stores the result of one task of the plan. It is sent until it arrives. Sending the same result again
   * changes nothing.
   *
   * @throws JobInterruption when the lease is over
   * @throws StackConverterError `VALIDATION_FAILED` for a task that the plan does not have, `CONFLICT` for a
   *   result that differs from the one stored before
   */
  readonly reportTaskResult: (result: TaskResultReport) => Promise<void>;
  /** Gives the job back for another worker; that is no failure. @throws JobInterruption always; do not catch it */
  readonly release: () => never;
  /** Passes a message to the worker's `log`. */
  readonly log: (message: string) => void;
}

/** A handler's failure, final unless `isRetryable`. After any other error the job may get another attempt. */
export class JobFailure extends Error {
  override readonly name = "JobFailure";
  readonly isRetryable: boolean;

  constructor(
    message: string,
    { isRetryable = false, cause }: { isRetryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.isRetryable = isRetryable;
  }
}

/** What happens to a worker. */
export type WorkerEvent = { readonly job?: ConversionJobFieldsFragment } & (
  | { readonly type: "claimed" | "paused" | "resumed" | "completed" | "released" }
  | { readonly type: "failed"; readonly error: unknown; readonly isRetryable: boolean }
  /**
   * The worker does not hold the job any more. With an `error`, the service could not be told how the job
   * ended.
   */
  | { readonly type: "lost"; readonly reason: InterruptionReason; readonly error?: unknown }
  | { readonly type: "message"; readonly message: string }
  /** The service did not answer, or failed; the call is sent again. */
  | {
      readonly type: "retrying";
      readonly call: string;
      readonly error: StackConverterError;
      readonly inMs: number;
    }
);

export interface WorkerOptions {
  readonly client: RequestClient;
  /** What the worker can do. It gets only jobs whose plans ask for nothing else. */
  readonly agentTypes: readonly string[];
  /** Returns when the job is done; throws when it failed. */
  readonly handle: (context: JobContext) => Promise<void>;
  /** How many jobs at a time; 1 by default. */
  readonly concurrency?: number | undefined;
  /** After how many seconds without an answer from the service jobs are lost, 1 to 3,600; 30 by default. */
  readonly leaseSeconds?: number | undefined;
  /**
   * How often leases are renewed, and thus after how long at most the worker learns of a pause or a
   * cancellation; by default a third of `leaseSeconds`.
   */
  readonly heartbeatSeconds?: number | undefined;
  /** The worker's own name, up to 200 characters; a random one by default. */
  readonly workerId?: string | undefined;
  /** How long a claim waits for jobs, in seconds, 0 to 30; 20 by default. */
  readonly waitSeconds?: number | undefined;
  /** End when there is nothing left to claim. */
  readonly once?: boolean | undefined;
  /** Aborting it has the effect of `stop()`. */
  readonly signal?: AbortSignal | undefined;
  readonly log?: ((event: WorkerEvent) => void) | undefined;
}

export interface Worker {
  readonly workerId: string;
  /**
   * Works until the worker is stopped. To be called once. While the service does not answer, the worker waits
   * for it.
   *
   * @throws StackConverterError when the service refuses the worker, such as `VALIDATION_FAILED` or
   *   `UNAUTHENTICATED`.
   */
  readonly run: () => Promise<void>;
  /**
   * Claims no more jobs. Running jobs may finish within `timeoutMs` (30,000 by default) and are given back
   * after that. Paused jobs are given back at once. Resolves when the worker holds no job any more. If it is
   * called again, the shorter time counts.
   */
  readonly stop: (options?: { readonly timeoutMs?: number | undefined }) => Promise<void>;
}

/**
 * How long a handler may clean up after a stop has aborted its signal. Then its job is given back without
 * waiting.
 */
const GRACE_MS = 1_000;

export function createWorker(options: WorkerOptions): Worker {
  const {
    client,
    agentTypes,
    handle,
    concurrency = 1,
    leaseSeconds = 30,
    heartbeatSeconds = leaseSeconds / 3,
    workerId = `worker-${randomId().slice(0, 12)}`,
    waitSeconds = 20,
    once = false,
    log = () => {},
  } = options;
  const leaseMs = leaseSeconds * 1_000;
  /** Each job with a function that ends the wait for its handler. */
  const active = new Map<HeldJob, () => void>();
  const works = new Set<Promise<void>>();
  const stopping = new AbortController();
  const timers: ReturnType<typeof setTimeout>[] = [];
  let freed = new AbortController();
  let ended: Promise<void> | undefined;
  let isOver = false;

  const onRetry = (call: string, error: StackConverterError, inMs: number) =>
    log({ type: "retrying", call, error, inMs });
  // At most half a lease, so that a call without an answer can be sent again while the lease lasts.
  const answerWithinMs = Math.min(10_000, Math.max(1_000, leaseMs / 2));
  const calls = createWorkerCalls({ client, workerId, answerWithinMs, onRetry });
  const reporter = createReporter({
    held: () => [...active.keys()],
    report: calls.report,
    heartbeatMs: heartbeatSeconds * 1_000,
    onError: (error, inMs) => onRetry("reportProgress", error, inMs),
  });

  async function claimAll(): Promise<void> {
    while (!stopping.signal.aborted) {
      const free = concurrency - active.size;
      if (free <= 0) {
        await oneToEnd();
        continue;
      }
      const claims = await claim(free);
      for (const one of claims) begin(createHeldJob({ claim: one, leaseMs, onDirty: reporter.wake }));
      if (!once || claims.length > 0) continue;
      if (active.size === 0) return;
      // A running job may fail, and can then be claimed again.
      await oneToEnd();
    }
  }

  async function claim(count: number) {
    try {
      return await calls.claim(
        { agentTypes, leaseSeconds, count, waitSeconds: once ? 0 : waitSeconds },
        { signal: stopping.signal, isOver: () => stopping.signal.aborted },
      );
    } catch (error) {
      // The claim was aborted, because the worker is being stopped.
      if (stopping.signal.aborted && error instanceof StackConverterError) return [];
      throw error;
    }
  }

  function oneToEnd(): Promise<void> {
    freed = new AbortController();
    return sleep(MAX_TIMER_MS, freed.signal);
  }

  function begin(held: HeldJob): void {
    const work = workOn(held).finally(() => {
      held.close();
      active.delete(held);
      works.delete(work);
      freed.abort();
    });
    works.add(work);
  }

  async function workOn(held: HeldJob): Promise<void> {
    const isAbandoned = new Promise<never>((_, reject) => {
      active.set(held, () => reject(new JobInterruption("STOPPING")));
    });
    log({ type: "claimed", job: held.job });
    void logPauses(held);
    let failure: { readonly error: unknown } | undefined;
    try {
      await Promise.race([handle(contextOf(held)), isAbandoned]);
    } catch (error) {
      failure = { error };
    }
    try {
      await settle(held, failure);
    } catch (error) {
      log({ type: "lost", job: held.job, reason: held.interruption()?.reason ?? "LEASE_LOST", error });
    }
  }

  /** Ends the job as its handler has ended, unless the worker does not hold it any more. */
  async function settle(held: HeldJob, failure: { readonly error: unknown } | undefined): Promise<void> {
    for (;;) {
      if (held.isOver()) {
        // Safe: a job is over only with an interruption.
        log({ type: "lost", job: held.job, reason: held.interruption()!.reason });
        return;
      }
      const isStopped = held.interruption() !== undefined;
      // A handler that throws after its signal was aborted is taken to do so for that reason.
      const isInterrupted = failure?.error instanceof JobInterruption || isStopped || held.isPaused();
      const isGivenBack = failure === undefined ? isStopped && held.isPaused() : isInterrupted;
      // The service accepts neither the completion nor the failure of a paused job.
      if (!isGivenBack && held.isPaused()) {
        await held.changed();
        continue;
      }
      const outcome = await held.settle((named) =>
        isGivenBack
          ? calls.release(named)
          : failure === undefined
            ? calls.complete(named)
            : fail(named, failure.error),
      );
      if (outcome.error === null) {
        if (isGivenBack) log({ type: "released", job: held.job });
        else if (failure === undefined) log({ type: "completed", job: held.job });
        else log({ type: "failed", job: held.job, ...failure, isRetryable: isRetryable(failure.error) });
        return;
      }
      if (outcome.error.from === "PAUSED") held.follow("PAUSE");
      else held.end(outcome.error.from === "CANCELLED" ? "CANCELLED" : "LEASE_LOST");
    }
  }

  function fail(named: Held, error: unknown): Promise<JobOutcome> {
    const message = storable(error instanceof Error ? error.message : String(error), 10_000);
    return calls.fail({
      ...named,
      errorMessage: message || "The worker failed without a message.",
      isRetryable: isRetryable(error),
    });
  }

  async function logPauses(held: HeldJob): Promise<void> {
    for (let wasPaused = false; active.has(held); ) {
      await held.changed();
      if (held.isPaused() !== wasPaused) {
        wasPaused = !wasPaused;
        log({ type: wasPaused ? "paused" : "resumed", job: held.job });
      }
      // A paused job will not finish, so a worker that stops does not wait for it.
      if (wasPaused && stopping.signal.aborted) held.end("STOPPING");
    }
  }

  function contextOf(held: HeldJob): JobContext {
    return {
      job: held.job,
      fencingToken: held.fencingToken,
      get signal() {
        return held.signal();
      },
      checkpoint: held.checkpoint,
      reportProgress: held.report,
      async reportTaskResult(result) {
        if (held.isOver()) throw held.interruption();
        try {
          const { directive } = await calls.reportTaskResult(held, result);
          held.follow(directive);
        } catch (error) {
          if (
            error instanceof StackConverterError &&
            (error.code === "LEASE_LOST" || error.code === "NOT_FOUND")
          ) {
            held.end(error.errors[0]?.extensions?.status === "CANCELLED" ? "CANCELLED" : "LEASE_LOST");
          }
          throw held.isOver() ? held.interruption() : error;
        }
      },
      release() {
        throw new JobInterruption("RELEASED");
      },
      log: (message) => log({ type: "message", job: held.job, message }),
    };
  }

  async function run(): Promise<void> {
    options.signal?.addEventListener("abort", onAbort);
    if (options.signal?.aborted) onAbort();
    const reporting = reporter.run();
    try {
      // A report that is refused for good ends the worker, as a refused claim does.
      await Promise.race([claimAll(), reporting]);
      await Promise.race([Promise.all(works), reporting]);
    } catch (error) {
      beginStop(0);
      await Promise.all(works);
      throw error;
    } finally {
      reporter.stop();
      await reporting.catch(() => {});
      options.signal?.removeEventListener("abort", onAbort);
      stopping.abort();
      isOver = true;
      for (const timer of timers) clearTimeout(timer);
    }
  }

  const onAbort = () => beginStop(undefined);

  function beginStop(timeoutMs = 30_000): void {
    stopping.abort();
    freed.abort();
    // There is nothing to wait for, and a timer would keep the process alive.
    if (isOver) return;
    for (const held of active.keys()) if (held.isPaused()) held.end("STOPPING");
    const interrupt = () => {
      for (const held of active.keys()) held.end("STOPPING");
    };
    const abandon = () => {
      for (const leaveBehind of active.values()) leaveBehind();
    };
    const ms = Math.min(timeoutMs, MAX_TIMER_MS - GRACE_MS);
    timers.push(setTimeout(interrupt, ms), setTimeout(abandon, ms + GRACE_MS));
  }

  return {
    workerId,
    run() {
      if (ended !== undefined) throw new TypeError("A worker runs once.");
      ended = run();
      return ended;
    },
    async stop({ timeoutMs } = {}) {
      beginStop(timeoutMs);
      // The caller of `run` gets its error.
      await ended?.catch(() => {});
    },
  };
}

function isRetryable(error: unknown): boolean {
  return !(error instanceof JobFailure) || error.isRetryable;
}
