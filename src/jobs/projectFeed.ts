import type { CoherentStore } from "../coherence/store.ts";
import { collectionTag, rowTag } from "../coherence/tags.ts";
import type { Repositories } from "../repositories/index.ts";
import type { ProjectActivityPart } from "../repositories/projectActivity.ts";
import { type Batch, createFeed } from "./feed.ts";

export interface ProjectNews extends Batch<string>, ProjectActivityPart {
  readonly projectId: string;
}

const MAX_EVENTS = 1_000;
/** Jobs beyond this number are followed too, but their progress reports alone wake nobody. */
const MAX_WATCHED_JOBS = 1_000;

export type ProjectFeed = ReturnType<typeof createProjectFeed>;

/** The events of all jobs of a project and the changes of its status. It ends when the project is deleted. */
export function createProjectFeed(
  { projectActivity }: Pick<Repositories, "projectActivity">,
  store: CoherentStore,
) {
  return createFeed<string, ProjectNews>({
    store,
    logOf: (projectId) => ({
      // Under the collection's tag, jobs are created, deleted and change their status. Everything else that
      // happens to a job that has not ended comes under the tag of its events.
      tags: async () => [
        rowTag("Project", projectId),
        collectionTag("ConversionJob", "projectId", projectId),
        ...(await projectActivity.activeJobIds(projectId, MAX_WATCHED_JOBS)).map((jobId) =>
          collectionTag("ConversionJobEvent", "jobId", jobId),
        ),
      ],
      async read(after) {
        const part = await projectActivity.readAfter(projectId, after, MAX_EVENTS);
        if (part === null) {
          const cursor = after ?? "";
          return {
            projectId,
            jobEvents: [],
            statusChanges: [],
            cursor,
            hasNews: false,
            hasMore: false,
            isEnd: true,
          };
        }
        // A new follower's first message tells it the position at which it begins.
        const hasNews = after === undefined || part.jobEvents.length > 0 || part.statusChanges.length > 0;
        return { projectId, ...part, hasNews, isEnd: false };
      },
    }),
  });
}
