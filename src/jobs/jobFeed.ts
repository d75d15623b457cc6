import type { CoherentStore } from "../coherence/store.ts";
import { collectionTag, rowTag } from "../coherence/tags.ts";
import { validationFailed } from "../errors.ts";
import type { Repositories } from "../repositories/index.ts";
import type { JobEventRow } from "../repositories/jobEvent.ts";
import { type Batch, createFeed } from "./feed.ts";
import { allowedActions } from "./lifecycle.ts";

/** Events of one job, in the order of their numbers. The cursor is the number of the last event. */
export interface JobNews extends Batch<number> {
  readonly jobId: string;
  readonly events: readonly JobEventRow[];
}

const MAX_EVENTS = 1_000;

export type JobFeed = ReturnType<typeof createJobFeed>;

/**
 * Follows the event log of a job. It ends when the job has ended and all its events are told, or when the job
 * is deleted. A FAILED job may be retried: a client that wants to see that follows again from the same
 * cursor, which the log still has.
 */
export function createJobFeed({ jobEvents }: Pick<Repositories, "jobEvents">, store: CoherentStore) {
  return createFeed<number, JobNews>({
    store,
    logOf: (jobId) => {
      const tags = [rowTag("ConversionJob", jobId), collectionTag("ConversionJobEvent", "jobId", jobId)];
      return {
        tags: async () => tags,
        async read(after = 0): Promise<JobNews> {
          const part = await jobEvents.readAfter(jobId, after, MAX_EVENTS);
          if (part === null)
            return { jobId, events: [], cursor: after, hasNews: false, hasMore: false, isEnd: true };
          const { status, lastSequence, events } = part;
          if (after > lastSequence) {
            throw validationFailed([
              {
                path: ["after"],
                message: `expected at most ${lastSequence}, the job's last event, got ${after}`,
              },
            ]);
          }
          const cursor = events.at(-1)?.sequence ?? after;
          return {
            jobId,
            events,
            cursor,
            hasNews: events.length > 0,
            hasMore: cursor < lastSequence && events.length === MAX_EVENTS,
            isEnd: cursor >= lastSequence && hasEnded(status),
          };
        },
      };
    },
  });
}

/** No worker will take the job, unless its owner asks for more attempts. */
function hasEnded(status: Parameters<typeof allowedActions>[0]): boolean {
  return !allowedActions(status).some((action) => action !== "retry");
}
