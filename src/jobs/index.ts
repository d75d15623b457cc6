import type { Logger } from "pino";
import { listenUntilAborted } from "../database/listener.ts";
import type { Repositories } from "../repositories/index.ts";
import { createAvailability } from "./availability.ts";
import { createJobOwners } from "./owner.ts";
import { createUpkeep } from "./upkeep.ts";
import { createJobWorkers } from "./worker.ts";

export type Jobs = ReturnType<typeof createJobs>;

export interface JobsOptions {
  readonly repositories: Repositories;
  /**
   * Where other instances announce that there may be jobs; undefined on the embedded database, which has only
   * one instance.
   */
  readonly notifications: { readonly connectionString: string } | undefined;
  readonly auditRetentionDays: number;
  readonly log: Logger;
}

/** Announcements to other instances are sent at most this often: one says as much as many. */
const ANNOUNCE_EVERY_MS = 20;

/**
 * Conversion jobs: what their workers and owners can do with them, and the upkeep that they need in any case.
 */
export function createJobs({ repositories, notifications, auditRetentionDays, log }: JobsOptions) {
  const stopping = new AbortController();
  const availability = createAvailability();
  const onError = (error: unknown) => log.warn({ err: error }, "the upkeep of conversion jobs goes on later");
  let running: Promise<unknown>[] = [];
  let announcing: NodeJS.Timeout | undefined;

  /**
   * Tells that there may be jobs to claim: waiting workers here at once, those at other instances soon. The
   * notification is sent after the commit and in a statement of its own, because a transaction that notifies
   * makes all others that do so wait for its commit. If it is lost, the other instances' upkeep finds the
   * jobs.
   */
  const announce = () => {
    availability.wake();
    if (notifications === undefined || stopping.signal.aborted) return;
    announcing ??= setTimeout(() => {
      announcing = undefined;
      repositories.jobLeases.announce().catch(onError);
    }, ANNOUNCE_EVERY_MS);
  };

  const upkeep = createUpkeep({ repositories, auditRetentionDays, availability, announce, onError });

  const stopWaiting = () => {
    stopping.abort();
    availability.wake();
  };

  return {
    owners: createJobOwners(repositories, announce),
    workers: createJobWorkers({
      repositories,
      availability,
      announce,
      expireLeases: upkeep.expireLeases,
      stopping: stopping.signal,
    }),

    /** Begins the upkeep. Without it, expired leases are ended only when a worker's claim finds nothing. */
    start(): void {
      if (running.length > 0) return;
      running.push(upkeep.run(stopping.signal));
      if (notifications === undefined) return;
      const { connectionString } = notifications;
      const channel = repositories.jobLeases.channel;
      running.push(
        listenUntilAborted(
          { connectionString, channel, onNotification: availability.wake, onError },
          stopping.signal,
        ),
      );
    },

    /** Those who wait get nothing, and from now on no call waits. */
    stopWaiting,

    async close(): Promise<void> {
      stopWaiting();
      clearTimeout(announcing);
      await Promise.all(running);
      running = [];
    },
  };
}
