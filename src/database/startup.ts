import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { backoffMs } from "../cache/backoff.ts";
import { AppError, isUnavailable } from "../errors.ts";
import { databaseError } from "./errors.ts";

/** The database is usually back within seconds, and each attempt costs it a connection. */
const RETRY = { firstMs: 100, maxMs: 5_000 } as const;

/**
 * Runs work that needs the database, and repeats it while the database does not answer: it may have been
 * started together with the service, be restarting, or be failing over. Any other failure is thrown at once,
 * since waiting does not fix, for example, a refused password.
 *
 * @param work starts from its beginning each time
 * @param options.timeoutMs how long to wait; 0: not at all
 * @throws AppError `SERVICE_UNAVAILABLE` when the wait has timed out; whatever else `work` throws
 */
export async function retryUntilAnswered<Result>(
  work: () => Promise<Result>,
  { timeoutMs, log }: { timeoutMs: number; log: Pick<Logger, "info" | "warn"> },
): Promise<Result> {
  const startedAt = performance.now();
  const waitedMs = () => Math.round(performance.now() - startedAt);
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await work();
      if (attempt > 1) log.info({ waitedMs: waitedMs() }, "the database answers now");
      return result;
    } catch (error) {
      if (!isAway(error)) throw error;
      const leftMs = timeoutMs - waitedMs();
      if (leftMs <= 0)
        throw new AppError(
          "SERVICE_UNAVAILABLE",
          `The database does not answer (waited for ${waitedMs()} ms): ${reasonOf(error)}`,
          { cause: error },
        );
      const retryInMs = Math.min(backoffMs(attempt, RETRY), leftMs);
      log.warn(
        { err: error, waitedMs: waitedMs(), timeoutMs, retryInMs },
        `the database does not answer, and the start waits for it: ${reasonOf(error)}`,
      );
      await sleep(retryInMs);
    }
  }
}

const isAway = (error: unknown): error is Error => isUnavailable(databaseError(error));

/** A host name with several addresses fails with one error per address, and without a message of its own. */
function reasonOf(error: Error): string {
  if (error.message !== "" || !(error instanceof AggregateError)) return error.message;
  return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join("; ");
}
