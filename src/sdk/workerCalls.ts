import { createBatch } from "./batch.ts";
import type { RequestClient } from "./client.ts";
import type { StackConverterError } from "./error.ts";
import {
  ClaimConversionJobsDocument,
  type ClaimConversionJobsMutation,
  CompleteConversionJobsDocument,
  type ConversionJobResultFieldsFragment,
  FailConversionJobsDocument,
  ReleaseConversionJobsDocument,
  ReportProgressDocument,
  ReportTaskResultDocument,
  type ReportTaskResultInput,
  type ReportTaskResultMutation,
} from "./generated.ts";
import { isTransient, retrying } from "./retry.ts";

type Claimed = ClaimConversionJobsMutation["claimConversionJobs"]["claims"][number];

/** A claimed job, with the fencing token and the end of its lease. */
export interface JobClaim extends Claimed {
  /** The instant by the worker's own clock from which its lease counts: the service began it no earlier. */
  readonly heldFrom: number;
}

/** Identifies a held job in calls, and tells whether calls about it have become pointless. */
export interface Held {
  readonly id: string;
  readonly fencingToken: number;
  readonly isOver: () => boolean;
}

/** The outcome for one job of a call. */
export type JobOutcome = ConversionJobResultFieldsFragment;

export interface Progress {
  /** Percent, 0 to 100. */
  readonly progress?: number | undefined;
  /** What the worker is doing; null for nothing in particular. */
  readonly currentTask?: string | null | undefined;
}

/** How one task of a job's plan ended, and what came of it. */
export type TaskResultReport = Omit<
  ReportTaskResultInput,
  "workerId" | "id" | "fencingToken" | "idempotencyKey"
>;

export type WorkerCalls = ReturnType<typeof createWorkerCalls>;

const MAX_JOBS_PER_CALL = 100;

/** Below the 1 MB body limit of many proxies (nginx's default), with room for the document. */
const MAX_BYTES_PER_CALL = 900_000;

/**
 * The calls of the worker protocol. A call that ends a job is retried until an answer comes or the lease is
 * over. It carries an idempotency key: if an answer was lost on the way, the service repeats the answer, not
 * the change. Jobs that end at the same moment share a call.
 */
export function createWorkerCalls({
  client,
  workerId,
  answerWithinMs,
  onRetry,
}: {
  readonly client: RequestClient;
  readonly workerId: string;
  readonly answerWithinMs: number;
  readonly onRetry: (call: string, error: StackConverterError, inMs: number) => void;
}) {
  /** The options of one call. Its retries share them, and thus the key. */
  const keyed = () => ({ headers: { "idempotency-key": randomId() }, timeoutMs: answerWithinMs });

  function ending<Item extends Held>(
    call: string,
    send: (items: readonly Item[], options: ReturnType<typeof keyed>) => Promise<readonly JobOutcome[]>,
    bytesOf?: (item: Item) => number,
  ) {
    const sendRetrying = (items: readonly Item[]) => {
      const options = keyed();
      return retrying(() => send(items, options), {
        isOver: () => items.every(({ isOver }) => isOver()),
        onRetry: (error, inMs) => onRetry(call, error, inMs),
      });
    };
    return createBatch<Item, JobOutcome>(sendRetrying, {
      maxItems: MAX_JOBS_PER_CALL,
      maxBytes: MAX_BYTES_PER_CALL,
      ...(bytesOf && { bytesOf }),
    });
  }

  const release = ending<Held>("release", async (jobs, options) => {
    const input = { workerId, jobs: jobs.map(named) };
    const answer = await client.request(ReleaseConversionJobsDocument, { input }, options);
    return answer.releaseConversionJobs.results;
  });

  /**
   * Claims jobs, and waits for them for up to `waitSeconds`. Its retries share one key: if the answer was lost
   * on the way, the next try gets the same jobs. Otherwise nobody would work on them until their leases end.
   */
  async function claim(
    claim: { agentTypes: readonly string[]; leaseSeconds: number; count: number; waitSeconds: number },
    { signal, isOver }: { signal: AbortSignal; isOver: () => boolean },
  ): Promise<readonly JobClaim[]> {
    const count = Math.min(claim.count, MAX_JOBS_PER_CALL);
    const leaseMs = claim.leaseSeconds * 1_000;
    const timeoutMs = claim.waitSeconds * 1_000 + answerWithinMs;
    for (;;) {
      const options = { ...keyed(), signal, timeoutMs };
      const heldFrom = performance.now();
      let tries = 0;
      const send = () => {
        tries++;
        return client.request(ClaimConversionJobsDocument, { input: { workerId, ...claim, count } }, options);
      };
      const { claims } = (
        await retrying(send, { isOver, signal, onRetry: (error, inMs) => onRetry("claim", error, inMs) })
      ).claimConversionJobs;
      // A repeated answer leaves out jobs that were lost meanwhile, but there may be others.
      if (claims.length === 0 && tries > 1 && !isOver()) continue;
      const held = claims.map((one) => ({ ...one, heldFrom }));
      return performance.now() - heldFrom < leaseMs / 10 ? held : renewed(held, { leaseMs, isOver });
    }
  }

  /**
   * The leases may have begun at any moment since the claim was first sent. When that is long ago, they are
   * renewed before anybody relies on them. Jobs that the worker does not hold any more are left out. If the
   * worker is stopped meanwhile, it gives the others back.
   */
  async function renewed(
    claims: readonly JobClaim[],
    { leaseMs, isOver }: { leaseMs: number; isOver: () => boolean },
  ): Promise<readonly JobClaim[]> {
    const until = performance.now() + leaseMs;
    const isLost = () => performance.now() >= until;
    const jobs = claims.map(({ conversionJob: { id }, fencingToken }) => ({
      id,
      fencingToken,
      isOver: isLost,
    }));
    let heldFrom = 0;
    const send = () => {
      heldFrom = performance.now();
      return report(jobs);
    };
    try {
      const outcomes = await retrying(send, {
        isOver: () => isLost() || isOver(),
        onRetry: (error, inMs) => onRetry("reportProgress", error, inMs),
      });
      // Safe: the service answers for each job.
      const isHeld = (_: unknown, index: number) => outcomes[index]!.error === null;
      if (!isOver()) return claims.filter(isHeld).map((claim) => ({ ...claim, heldFrom }));
      await Promise.all(jobs.filter(isHeld).map(release));
    } catch (error) {
      // Without an answer the leases will end by themselves.
      if (!isTransient(error)) throw error;
    }
    return [];
  }

  /**
   * Reports on up to 100 jobs, and renews their leases. It is not retried: the next report says the same, and
   * more.
   */
  async function report(jobs: readonly (Held & Progress)[]): Promise<readonly JobOutcome[]> {
    const input = {
      workerId,
      jobs: jobs.map(({ progress, currentTask, ...job }) => ({ ...named(job), progress, currentTask })),
    };
    const options = { timeoutMs: answerWithinMs };
    return (await client.request(ReportProgressDocument, { input }, options)).reportProgress.results;
  }

  return {
    claim,
    report,

    /** @throws StackConverterError `LEASE_LOST`, `NOT_FOUND`, `VALIDATION_FAILED`, `CONFLICT` among others */
    async reportTaskResult(
      job: Held,
      result: TaskResultReport,
    ): Promise<ReportTaskResultMutation["reportTaskResult"]> {
      const options = keyed();
      const input = { workerId, ...named(job), ...result };
      const answer = await retrying(() => client.request(ReportTaskResultDocument, { input }, options), {
        isOver: job.isOver,
        onRetry: (error, inMs) => onRetry("reportTaskResult", error, inMs),
      });
      return answer.reportTaskResult;
    },

    complete: ending<Held>("complete", async (jobs, options) => {
      const input = { workerId, jobs: jobs.map(named) };
      const answer = await client.request(CompleteConversionJobsDocument, { input }, options);
      return answer.completeConversionJobs.results;
    }),

    fail: ending<Held & { errorMessage: string; isRetryable: boolean }>(
      "fail",
      async (jobs, options) => {
        const input = {
          workerId,
          jobs: jobs.map(({ errorMessage, isRetryable, ...job }) => ({
            ...named(job),
            errorMessage,
            isRetryable,
          })),
        };
        return (await client.request(FailConversionJobsDocument, { input }, options)).failConversionJobs
          .results;
      },
      (job) => new TextEncoder().encode(JSON.stringify(job)).length,
    ),

    release,
  };
}

function named({ id, fencingToken }: Held) {
  return { id, fencingToken };
}

/** Not by `randomUUID`, which browsers offer on secure pages alone. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
