import { setTimeout as sleep } from "node:timers/promises";
import type { Repositories } from "../repositories/index.ts";
import type { Availability } from "./availability.ts";

export interface UpkeepOptions {
  readonly repositories: Pick<Repositories, "jobLeases" | "idempotencyKeys" | "auditEntries">;
  readonly availability: Availability;
  /** Entries of the audit log older than this are deleted; 0: none. */
  readonly auditRetentionDays: number;
  /** Tells other instances that there may be jobs. */
  readonly announce: () => void;
  /** Time between two rounds, in ms. It varies a little, so that instances do not run them all at once. */
  readonly everyMs?: number;
  readonly onError: (error: unknown) => void;
}

const LEASES_PER_STATEMENT = 100;
const PRUNE_EVERY_MS = 600_000;

/**
 * What has to be done about jobs although nobody asks for it. Every instance does it, and skips what another
 * one is just doing.
 *
 * - Expired leases are ended.
 * - Waiting workers are woken when there are jobs that were not announced: their backoff is over, another
 *   program wrote them, or the announcement was lost.
 * - Idempotency keys that no client will use again are deleted, and old entries of the audit log. That may take
 *   minutes, and nothing else waits for it.
 */
export function createUpkeep({
  repositories: { jobLeases, idempotencyKeys, auditEntries },
  auditRetentionDays,
  availability,
  announce,
  everyMs = 1_000,
  onError,
}: UpkeepOptions) {
  /** @returns how many leases were ended */
  async function expireLeases(): Promise<number> {
    let total = 0;
    for (;;) {
      const expired = await jobLeases.expire(LEASES_PER_STATEMENT);
      total += expired.length;
      if (expired.length < LEASES_PER_STATEMENT) break;
    }
    if (total > 0) announce();
    return total;
  }

  async function lookAfterJobs(): Promise<void> {
    if (await jobLeases.hasExpired()) await expireLeases();
    if (availability.waiting() > 0 && (await jobLeases.hasClaimable())) availability.wake();
  }

  async function prune(signal: AbortSignal): Promise<void> {
    await idempotencyKeys.prune(signal);
    if (auditRetentionDays > 0) await auditEntries.prune(auditRetentionDays, signal);
  }

  async function repeat(
    work: (signal: AbortSignal) => Promise<void>,
    pauseMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      await work(signal).catch(onError);
      await sleep(pauseMs * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => {});
    }
  }

  return {
    expireLeases,

    /** Runs until the signal aborts. Never rejects. */
    async run(signal: AbortSignal): Promise<void> {
      await Promise.all([repeat(lookAfterJobs, everyMs, signal), repeat(prune, PRUNE_EVERY_MS, signal)]);
    },
  };
}
