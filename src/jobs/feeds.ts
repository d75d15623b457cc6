import type { CoherentStore } from "../coherence/store.ts";
import type { Repositories } from "../repositories/index.ts";
import { createJobFeed } from "./jobFeed.ts";
import { createProjectFeed } from "./projectFeed.ts";

export type Feeds = ReturnType<typeof createFeeds>;

/** The logs that can be followed. Followers of the same log share its reads. */
export function createFeeds(repositories: Repositories, store: CoherentStore) {
  return { jobs: createJobFeed(repositories, store), projects: createProjectFeed(repositories, store) };
}
