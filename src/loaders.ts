import { createHash } from "node:crypto";
import DataLoader from "dataloader";
import type { CoherentStore } from "./coherence/store.ts";
import {
  anyOfTypeTag,
  collectionTag,
  type EntityType,
  lookupTag,
  rowTag,
  type TagRecorder,
} from "./coherence/tags.ts";
import type { Instant } from "./coherence/validator.ts";
import type { ApiKeyRow } from "./repositories/apiKey.ts";
import type { ConversionJobRow } from "./repositories/conversionJob.ts";
import type { Repositories } from "./repositories/index.ts";
import type { ListRequest, Page } from "./repositories/page.ts";

export type Loaders = ReturnType<typeof createLoaders>;

/** What answers pages and totals of lists of one entity. */
export type ListLoader<Row> = DataLoader<ListRequest, Page<Row> | number, string>;

/** How long what is read is kept for other requests, by kind, in ms; 0: not at all. */
export interface CacheLifetimes {
  readonly user: number;
  readonly project: number;
  readonly conversionJob: number;
  /** Pages and totals of lists. */
  readonly collection: number;
  readonly statistics: number;
}

/** Which layer of the cache each kind of answer is in, and which of the lifetimes it has. */
export const CACHE_KINDS = {
  user: { layer: "entities", lifetime: "user" },
  githubId: { layer: "entities", lifetime: "user" },
  apiKey: { layer: "entities", lifetime: "user" },
  project: { layer: "entities", lifetime: "project" },
  job: { layer: "entities", lifetime: "conversionJob" },
  documents: { layer: "entities", lifetime: "conversionJob" },
  users: { layer: "collections", lifetime: "collection" },
  projects: { layer: "collections", lifetime: "collection" },
  jobs: { layer: "collections", lifetime: "collection" },
  files: { layer: "collections", lifetime: "collection" },
  jobEvents: { layer: "collections", lifetime: "collection" },
  userStatistics: { layer: "statistics", lifetime: "statistics" },
  projectStatistics: { layer: "statistics", lifetime: "statistics" },
  jobStatistics: { layer: "statistics", lifetime: "statistics" },
} as const satisfies Record<string, { layer: string; lifetime: keyof CacheLifetimes }>;

export type CacheKind = keyof typeof CACHE_KINDS;

export interface LoaderOptions {
  /** Collects what the request's answer depends on, cached or not. */
  readonly reads: TagRecorder;
  readonly store: Pick<CoherentStore, "getMany">;
  readonly ttlMs: CacheLifetimes;
  /**
   * An instant after the request's arrival, when there is one: then its reads need not ask for another.
   * Undefined in a request that writes, whose later reads must see what it wrote.
   */
  readonly begun?: () => Instant | undefined;
}

/** The key of statistics over all rows: a loader takes no null. */
export const EVERYTHING = "everything";

const idOrNull = (key: string) => (key === EVERYTHING ? null : key);

/** What was read, and everything that it depends on. */
interface Read<Value> {
  readonly value: Value;
  readonly tags: readonly string[];
  /** False: it is this request's alone. */
  readonly isKept?: boolean;
}

/** A worker is at it or about to be: it changes all the time, and is read again for every request. */
const isActive = ({ status }: Pick<ConversionJobRow, "status">) =>
  status === "PENDING" || status === "RUNNING" || status === "PAUSED";

/**
 * The loaders of one request: one for every way in which the graph leads from a key to rows.
 * All loads of one kind that come up at the same level of an operation become one look-up in the
 * coherent store and, for what is not there, one statement. No row is read twice in a request.
 */
export function createLoaders(
  repositories: Repositories,
  { reads, store, ttlMs, begun = () => undefined }: LoaderOptions,
) {
  const { users, apiKeys, auditEntries, projects, projectFiles, conversionJobs, jobEvents } = repositories;

  /** Loads through the store, and notes what the answers depend on, kept or not. */
  async function cached<Value>(
    kind: CacheKind,
    keys: readonly string[],
    read: (missing: readonly string[]) => Promise<readonly (Read<Value> | Error)[]>,
  ): Promise<(Value | Error)[]> {
    const keyOf = new Map(keys.map((key) => [`${kind}:${key}`, key]));
    const answers = await store.getMany<Value>([...keyOf.keys()], {
      kind,
      ttlMs: ttlMs[CACHE_KINDS[kind].lifetime],
      begun: begun(),
      loadMany: async (missing) => {
        const results = await read(missing.map((storeKey) => keyOf.get(storeKey)!));
        return results.map((result) => {
          if (result instanceof Error) return result;
          const { value, tags, isKept = true } = result;
          for (const tag of tags) reads.add(tag);
          return { value, tags: isKept ? tags : undefined };
        });
      },
    });
    return answers.map((answer) => {
      if (answer instanceof Error) return answer;
      for (const tag of answer.tags ?? []) reads.add(tag);
      return answer.value;
    });
  }

  function rows<Row>(
    type: EntityType,
    kind: CacheKind,
    find: (ids: readonly string[]) => Promise<(Row | null)[]>,
    isKept: (row: Row) => boolean = () => true,
  ) {
    return new DataLoader<string, Row | null>((ids) =>
      cached(kind, ids, async (missing) => {
        const found = await find(missing);
        return found.map((row, index) => ({
          value: row,
          tags: [rowTag(type, missing[index]!)],
          isKept: row === null || isKept(row),
        }));
      }),
    );
  }

  const userById = rows("User", "user", users.findByIds);
  const projectById = rows("Project", "project", projects.findByIds);
  const conversionJobById = rows("ConversionJob", "job", conversionJobs.findByIds, (job) => !isActive(job));

  /** @param tagsOf a row's own tags: its columns are in the page, whatever the list depends on */
  function lists<Row>(
    kind: CacheKind,
    load: (requests: readonly ListRequest[]) => Promise<(Page<Row> | number | Error)[]>,
    tagsOf: (row: Row) => string[],
    onRow: (row: Row) => void = () => {},
    isKept: (row: Row) => boolean = () => true,
  ): ListLoader<Row> {
    return new DataLoader<ListRequest, Page<Row> | number, string>(
      async (requests) => {
        const requestOf = new Map(requests.map((request) => [digest(request), request]));
        const answers = await cached(kind, [...requestOf.keys()], async (missing) => {
          const asked = missing.map((key) => requestOf.get(key)!);
          const loaded = await load(asked);
          return loaded.map((value, index): Read<Page<Row> | number> | Error => {
            if (value instanceof Error) return value;
            const { tags } = asked[index]!.list;
            if (typeof value === "number") return { value, tags };
            return {
              value,
              tags: [...tags, ...value.rows.flatMap(tagsOf)],
              isKept: value.rows.every(isKept),
            };
          });
        });
        for (const answer of answers) {
          if (typeof answer === "object" && "rows" in answer) answer.rows.forEach(onRow);
        }
        return answers;
      },
      { cacheKeyFn: JSON.stringify },
    );
  }

  /** Lists that are never kept: nothing tells of their changes. */
  const readAnew = <Row>(
    load: (requests: readonly ListRequest[]) => Promise<(Page<Row> | number | Error)[]>,
  ): ListLoader<Row> =>
    new DataLoader<ListRequest, Page<Row> | number, string>(load, { cacheKeyFn: JSON.stringify });

  function statistics<Statistics>(
    kind: CacheKind,
    tagsOf: (key: string) => string[],
    read: (keys: readonly string[]) => Promise<readonly Statistics[]>,
  ) {
    return new DataLoader<string, Statistics>((keys) =>
      cached(kind, keys, async (missing) => {
        const figures = await read(missing);
        return figures.map((value, index) => ({ value, tags: tagsOf(missing[index]!) }));
      }),
    );
  }

  return {
    userById,
    projectById,
    conversionJobById,

    userByGithubId: new DataLoader<string, Awaited<ReturnType<typeof users.findById>>>((githubIds) =>
      cached("githubId", githubIds, async (missing) => {
        const found = await users.findByGithubIds(missing);
        return found.map((user, index) => ({
          value: user,
          tags: [lookupTag("User", "githubId", missing[index]!), ...(user ? [rowTag("User", user.id)] : [])],
        }));
      }),
    ),

    /** Not kept where there is none: whoever makes up keys would fill the cache with them. */
    apiKeyByHash: new DataLoader<string, ApiKeyRow | null>((hashes) =>
      cached("apiKey", hashes, async (missing) => {
        const found = await apiKeys.findByHashes(missing);
        return found.map((key, index) => ({
          value: key,
          tags: [lookupTag("ApiKey", "hash", missing[index]!), ...(key ? [rowTag("ApiKey", key.id)] : [])],
          isKept: key !== null,
        }));
      }),
    ),

    /** The plan and results of jobs. */
    conversionJobDocumentsById: rows("ConversionJob", "documents", conversionJobs.findDocumentsByIds),

    // Rows that come with a list need not be read again by id.
    users: lists(
      "users",
      users.loadLists,
      (user) => [rowTag("User", user.id)],
      (user) => userById.prime(user.id, user),
    ),
    projects: lists(
      "projects",
      projects.loadLists,
      (project) => [rowTag("Project", project.id)],
      (project) => projectById.prime(project.id, project),
    ),
    conversionJobs: lists(
      "jobs",
      conversionJobs.loadLists,
      (job) => [rowTag("ConversionJob", job.id)],
      (job) => conversionJobById.prime(job.id, job),
      (job) => !isActive(job),
    ),
    projectFiles: lists("files", projectFiles.loadLists, () => []),
    jobEvents: lists("jobEvents", jobEvents.loadLists, () => []),
    apiKeys: readAnew(apiKeys.loadLists),
    auditEntries: readAnew(auditEntries.loadLists),

    /** By `EVERYTHING`: they have no argument. */
    userStatistics: statistics(
      "userStatistics",
      () => [anyOfTypeTag("User"), anyOfTypeTag("Project")],
      (keys) => Promise.all(keys.map(() => users.statistics())),
    ),

    /** By owner, or `EVERYTHING`. */
    projectStatistics: statistics(
      "projectStatistics",
      (key) => [key === EVERYTHING ? anyOfTypeTag("Project") : collectionTag("Project", "userId", key)],
      (keys) => projects.statisticsByUsers(keys.map(idOrNull)),
    ),

    /** By project, or `EVERYTHING`. */
    conversionJobStatistics: statistics(
      "jobStatistics",
      (key) => [
        key === EVERYTHING ? anyOfTypeTag("ConversionJob") : collectionTag("ConversionJob", "projectId", key),
      ],
      (keys) => conversionJobs.statisticsByProjects(keys.map(idOrNull)),
    ),
  };
}

/** A list's request as a key of bounded length. */
function digest(request: ListRequest): string {
  return createHash("sha256").update(JSON.stringify(request)).digest("base64url");
}
