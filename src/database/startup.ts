import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { backoffMs } from "../cache/backoff.ts";
import { AppError, isUnavailable } from "../errors.ts";
import { databaseError } from "./errors.ts";

/** It is back within seconds as a rule, and each attempt costs it a connection. */
const RETRY = { firstMs: 100, maxMs: 5_000 } as const;

/**
 * Does work that needs the database, again and again while that does not answer: it may have been started together
 * with us, or be restarting, or failing over. Whatever else goes wrong, a refused password for example, waiting does not mend.
 *
 * @param work is done from its beginning each time
 * @param options.timeoutMs how long to wait; 0: not at all
 * @throws AppError `SERVICE_UNAVAILABLE` when the wait has been in vain; whatever else `work` throws
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

/** A name with several addresses fails with an error for each, and without a message of its own. */
function reasonOf(error: Error): string {
  if (error.message !== "" || !(error instanceof AggregateError)) return error.message;
  return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join("; ");
}
