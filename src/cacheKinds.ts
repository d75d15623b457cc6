/** How long values are kept for other requests, by kind, in ms; 0: not at all. */
export interface CacheLifetimes {
  readonly user: number;
  readonly project: number;
  readonly conversionJob: number;
  /** Pages and totals of lists. */
  readonly collection: number;
  readonly statistics: number;
}

/** The cache layer that each kind of answer is in, and the lifetime that it has. */
export const CACHE_KINDS = {
  user: { layer: "entities", lifetime: "user" },
  githubId: { layer: "entities", lifetime: "user" },
  apiKey: { layer: "entities", lifetime: "user" },
  project: { layer: "entities", lifetime: "project" },
  job: { layer: "entities", lifetime: "conversionJob" },
  documents: { layer: "entities", lifetime: "conversionJob" },
  heldProject: { layer: "entities", lifetime: "conversionJob" },
  users: { layer: "collections", lifetime: "collection" },
  projects: { layer: "collections", lifetime: "collection" },
  jobs: { layer: "collections", lifetime: "collection" },
  files: { layer: "collections", lifetime: "collection" },
  jobEvents: { layer: "collections", lifetime: "collection" },
  // Whole answers. They are not kept themselves; what is made of them is.
  composed: { layer: "collections", lifetime: undefined },
  // What whole answers are put together from.
  frame: { layer: "collections", lifetime: "collection" },
  part: { layer: "collections", lifetime: "collection" },
  userStatistics: { layer: "statistics", lifetime: "statistics" },
  projectStatistics: { layer: "statistics", lifetime: "statistics" },
  jobStatistics: { layer: "statistics", lifetime: "statistics" },
} as const satisfies Record<string, { layer: string; lifetime: keyof CacheLifetimes | undefined }>;

export type CacheKind = keyof typeof CACHE_KINDS;
