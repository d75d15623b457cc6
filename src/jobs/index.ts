import type { Repositories } from "../repositories/index.ts";
import { createJobWorkers } from "./worker.ts";

export type Jobs = ReturnType<typeof createJobs>;

/** Conversion jobs: what their workers and their owners can do with them. */
export function createJobs(repositories: Repositories) {
  return { workers: createJobWorkers(repositories) };
}
