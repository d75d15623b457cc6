import DataLoader from "dataloader";
import type { CacheKind } from "./cacheKinds.ts";
import { anyOfTypeTag, collectionTag, type EntityType, lookupTag, rowTag } from "./coherence/tags.ts";
import { createCached, createRepeated, type Read } from "./loaders/cached.ts";
import { createComposedAnswerLoader } from "./loaders/composedAnswer.ts";
import { createLazy } from "./loaders/lazy.ts";
import type { LoaderOptions } from "./loaders/options.ts";
import {
  ownerWithin,
  ownsProject,
  seesJob,
  seesUser,
  TO_EVERYTHING,
  visibleJobs,
} from "./repositories/access.ts";
import type { ApiKeyRow } from "./repositories/apiKey.ts";
import type { ConversionJobDocuments, ConversionJobRow } from "./repositories/conversionJob.ts";
import type { Repositories } from "./repositories/index.ts";
import { type ListRequest, type Page, requestName } from "./repositories/page.ts";
import type { ProjectRow } from "./repositories/project.ts";
import type { UserRow } from "./repositories/user.ts";

export type Loaders = ReturnType<typeof createLoaders>;

/** Answers pages and totals of lists of one entity. */
export type ListLoader<Row> = DataLoader<ListRequest, Page<Row> | number, string>;

/** The key of statistics over all rows, as a loader takes no null. */
export const EVERYTHING = "everything";

const idOrNull = (key: string) => (key === EVERYTHING ? null : key);

const lazily = createLazy();

/** A worker works on the job or will soon: it changes all the time, so every request reads it anew. */
const isActive = ({ status }: Pick<ConversionJobRow, "status">) =>
  status === "PENDING" || status === "RUNNING" || status === "PAUSED";

/**
 * The loaders of one request: one for every way in which the graph leads from a key to rows. All loads of one
 * kind at the same level of an operation become one look-up in the coherent store and, for what is missing
 * there, one statement. No row is read twice in a request. Each loader is made when it is first asked for.
 *
 * The store's entries are shared by everybody. A loader returns a row to those who may see it, and null to
 * others. What is read to decide that is among what the answer depends on.
 */
export function createLoaders(repositories: Repositories, options: LoaderOptions) {
  const { access = TO_EVERYTHING, store, ttlMs, begun, within = (read) => read() } = options;
  const { isNoted = () => true } = options;
  const { users, apiKeys, auditEntries, projects, projectFiles, conversionJobs, jobEvents, composedAnswers } =
    repositories;
  const cached = createCached(options);

  /** Whether what is read may come to be kept. */
  const isKeeping = (): boolean => begun?.() !== undefined;

  /** Prefix of the keys of answers that depend on the requester. */
  const scope = access.to === "everything" ? "" : `${access.to}:${access.userId}:`;

  function rows<Row>(
    type: EntityType,
    kind: CacheKind,
    find: (ids: readonly string[]) => Promise<(Row | null)[]>,
    {
      tagsOf = () => [],
      isKept = () => true,
    }: { tagsOf?: (row: Row) => readonly string[]; isKept?: (row: Row) => boolean } = {},
  ) {
    const known = (id: string) => [rowTag(type, id)];
    return (ids: readonly string[]) =>
      cached<Row | null>(kind, ids, known, async (missing) => {
        const found = await find(missing);
        return found.map((row, index) => ({
          value: row,
          tags: [...known(missing[index]!), ...(row === null ? [] : tagsOf(row))],
          isKept: row === null || isKept(row),
        }));
      });
  }

  const visible = <Row>(row: Row | null | Error, sees: (row: Row) => boolean) =>
    row === null || row instanceof Error || sees(row) ? row : null;

  const usersByIds = rows("User", "user", users.findByIds);
  const projectsByIds = rows("Project", "project", projects.findByIds);
  const jobsByIds = rows("ConversionJob", "job", conversionJobs.findOwnedByIds, {
    // The project's owner is read with the job.
    tagsOf: ({ projectId }) => [rowTag("Project", projectId)],
    isKept: (job) => !isActive(job),
  });

  /** For each project, whether a worker of the user holds one of its jobs. */
  const areHeld = (userId: string, ids: readonly string[]) =>
    cached<boolean>(
      "heldProject",
      ids,
      () => undefined,
      async (missing) => {
        const held = await conversionJobs.findHeld(userId, missing);
        return missing.map((projectId) => {
          const jobIds = held.filter((job) => job.projectId === projectId).map(({ id }) => id);
          return {
            value: jobIds.length > 0,
            // A claim changes the collection; the end of a lease may change only the job.
            tags: [
              collectionTag("ConversionJob", "projectId", projectId),
              ...jobIds.map((id) => rowTag("ConversionJob", id)),
            ],
            isKept: false,
          };
        });
      },
      { scope: `${userId}:` },
    );

  const visibleRows = <Row>(
    find: (ids: readonly string[]) => Promise<(Row | null | Error)[]>,
    sees: (row: Row) => boolean,
  ) => new DataLoader<string, Row | null>(async (ids) => (await find(ids)).map((row) => visible(row, sees)));

  /**
   * @param tagOf a row's own tag, since a page contains the row's columns, whatever the list depends on;
   *   undefined where the list's tags alone cover all changes
   */
  function lists<Row>(
    kind: CacheKind,
    load: (requests: readonly ListRequest[]) => Promise<(Page<Row> | number | Error)[]>,
    tagOf: ((row: Row) => string) | undefined,
    onRow: (row: Row) => unknown = () => {},
    isKept: (row: Row) => boolean = () => true,
  ): ListLoader<Row> {
    return new DataLoader<ListRequest, Page<Row> | number, string>(
      async (requests) => {
        const requestOf = new Map(requests.map((request) => [requestName(request), request]));
        const known = (key: string) => {
          const { tags, isKept = true } = requestOf.get(key)!.list;
          return isKept ? tags : undefined;
        };
        const answers = await cached(kind, [...requestOf.keys()], known, async (missing) => {
          const asked = missing.map((key) => requestOf.get(key)!);
          const loaded = await load(asked);
          return loaded.map((value, index): Read<Page<Row> | number> | Error => {
            if (value instanceof Error) return value;
            const { tags, isKept: isListKept = true } = asked[index]!.list;
            if (typeof value === "number") return { value, tags, isKept: isListKept };
            return {
              value,
              tags: tagOf === undefined ? tags : [...tags, ...value.rows.map(tagOf)],
              isKept: isListKept && value.rows.every(isKept),
            };
          });
        });
        for (const [index, answer] of answers.entries()) {
          const request = requests[index]!;
          // A row without all of its columns cannot answer a look-up by id.
          if (request.want === "page" && request.columns === undefined && !(answer instanceof Error))
            (answer as Page<Row>).rows.forEach(onRow); // Safe: a request for a page is answered with one.
        }
        return answers;
      },
      { cacheKeyFn: requestName },
    );
  }

  /** Lists that are never kept, because no tag covers their changes. */
  const readAnew = <Row>(
    load: (requests: readonly ListRequest[]) => Promise<(Page<Row> | number | Error)[]>,
  ): ListLoader<Row> =>
    new DataLoader<ListRequest, Page<Row> | number, string>((requests) => within(() => load(requests)), {
      cacheKeyFn: requestName,
    });

  function statistics<Statistics>(
    kind: CacheKind,
    tagsOf: (key: string) => string[],
    read: (keys: readonly string[]) => Promise<readonly Statistics[]>,
  ) {
    return new DataLoader<string, Statistics>((keys) =>
      cached(
        kind,
        keys,
        tagsOf,
        async (missing) =>
          (await read(missing)).map((value, index) => ({ value, tags: tagsOf(missing[index]!) })),
        { scope },
      ),
    );
  }

  const loaders = lazily({
    isKeeping: () => isKeeping,

    composedAnswer: () =>
      createComposedAnswerLoader({
        composedAnswers,
        access,
        scope,
        cached,
        repeated: createRepeated(options),
        isKept: isKeeping,
        isNoted: () => store.hasReplicas || isNoted(),
        ttlMs,
      }),

    userById: () => visibleRows(usersByIds, (user) => seesUser(access, user)),
    projectById: () =>
      new DataLoader<string, ProjectRow | null>(async (ids) => {
        // Both at once, whatever the first one would find, so that timing does not reveal what exists.
        const [found, held] = await Promise.all([
          projectsByIds(ids),
          access.to === "held" ? areHeld(access.userId, ids) : [],
        ]);
        return found.map((row, index) =>
          visible(row, (project) => held[index] === true || ownsProject(access, project)),
        );
      }),
    conversionJobById: (): DataLoader<string, ConversionJobRow | null> =>
      visibleRows(jobsByIds, (job) => seesJob(access, job)),

    userByGithubId: () =>
      new DataLoader<string, UserRow | null>(async (githubIds) => {
        const known = (githubId: string) => [lookupTag("User", "githubId", githubId)];
        const rows = await cached<UserRow | null>("githubId", githubIds, known, async (missing) => {
          const found = await users.findByGithubIds(missing);
          return found.map((user, index) => ({
            value: user,
            tags: [...known(missing[index]!), ...(user ? [rowTag("User", user.id)] : [])],
          }));
        });
        return rows.map((row) => visible(row, (user) => seesUser(access, user)));
      }),

    /** A miss is not kept: otherwise a client that makes up keys could fill the cache. */
    apiKeyByHash: () =>
      new DataLoader<string, ApiKeyRow | null>((hashes) =>
        cached(
          "apiKey",
          hashes,
          () => undefined,
          async (missing) => {
            const found = await apiKeys.findByHashes(missing);
            return found.map((key, index) => ({
              value: key,
              tags: [
                lookupTag("ApiKey", "hash", missing[index]!),
                ...(key ? [rowTag("ApiKey", key.id)] : []),
              ],
              isKept: key !== null,
            }));
          },
        ),
      ),

    /**
     * The plan and results of jobs. Only for jobs that the requester was found to see: this loader does not
     * check that.
     */
    conversionJobDocumentsById: () =>
      new DataLoader<string, ConversionJobDocuments | null>(
        rows("ConversionJob", "documents", conversionJobs.findDocumentsByIds),
      ),

    // Rows that come with a list need not be read again by id.
    users: (): ListLoader<UserRow> =>
      lists(
        "users",
        users.loadLists,
        (user) => rowTag("User", user.id),
        (user) => loaders.userById.prime(user.id, user),
      ),
    projects: (): ListLoader<ProjectRow> =>
      lists(
        "projects",
        projects.loadLists,
        (project) => rowTag("Project", project.id),
        (project) => loaders.projectById.prime(project.id, project),
      ),
    conversionJobs: (): ListLoader<ConversionJobRow> =>
      lists(
        "jobs",
        conversionJobs.loadLists,
        (job) => rowTag("ConversionJob", job.id),
        // A list's rows do not have their owners; for administrators, owners do not matter.
        (job) => access.to === "everything" && loaders.conversionJobById.prime(job.id, job),
        (job) => !isActive(job),
      ),
    projectFiles: () => lists("files", projectFiles.loadLists, undefined),
    jobEvents: () => lists("jobEvents", jobEvents.loadLists, undefined),
    apiKeys: () => readAnew(apiKeys.loadLists),
    auditEntries: () => readAnew(auditEntries.loadLists),

    /** The only key is `EVERYTHING`: all that the requester may see. These statistics have no argument. */
    userStatistics: () =>
      statistics(
        "userStatistics",
        () =>
          access.to === "everything"
            ? [anyOfTypeTag("User"), anyOfTypeTag("Project")]
            : [rowTag("User", access.userId), collectionTag("Project", "userId", access.userId)],
        (keys) => Promise.all(keys.map(() => users.statistics(access))),
      ),

    /** By owner, or `EVERYTHING`: all that the requester may see. */
    projectStatistics: () =>
      statistics(
        "projectStatistics",
        (key) => {
          const userId = ownerWithin(access, idOrNull(key) ?? undefined);
          return [
            userId === undefined ? anyOfTypeTag("Project") : collectionTag("Project", "userId", userId),
          ];
        },
        (keys) =>
          projects.statisticsByUsers(
            keys.map((key) => ownerWithin(access, idOrNull(key) ?? undefined) ?? null),
          ),
      ),

    /** By project, or `EVERYTHING`: all that the requester may see. */
    conversionJobStatistics: () =>
      statistics(
        "jobStatistics",
        (key) => [...visibleJobs(access, idOrNull(key) ?? undefined).tags],
        (keys) => conversionJobs.statisticsByProjects(keys.map(idOrNull), access),
      ),
  });
  return loaders;
}
