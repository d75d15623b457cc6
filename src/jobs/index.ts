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
  /** Where other instances say that there may be jobs; undefined on the embedded database, which has but one. */
  readonly notifications: { readonly connectionString: string } | undefined;
  readonly auditRetentionDays: number;
  readonly log: Logger;
}

/** Words between instances are sent at most so often: one says as much as many. */
const ANNOUNCE_EVERY_MS = 20;

/** Conversion jobs: what their workers and their owners can do with them, and what has to be done anyway. */
export function createJobs({ repositories, notifications, auditRetentionDays, log }: JobsOptions) {
  const stopping = new AbortController();
  const availability = createAvailability();
  const onError = (error: unknown) => log.warn({ err: error }, "the upkeep of conversion jobs goes on later");
  let running: Promise<unknown>[] = [];
  let announcing: NodeJS.Timeout | undefined;

  /**
   * There may be jobs to claim: at once for those who wait here, and soon for those at other instances. After the
   * commit and in a statement of its own, because a transaction that notifies makes all others of
   * its kind wait for its commit. Should the word be lost, the others' upkeep finds the jobs.
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

    /** Begins the upkeep. Without it leases are ended only when a worker finds nothing else to do. */
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

    /** Whoever waits gets nothing now, and from now on nobody waits. */
    stopWaiting,

    async close(): Promise<void> {
      stopWaiting();
      clearTimeout(announcing);
      await Promise.all(running);
      running = [];
    },
  };
}
