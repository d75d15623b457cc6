import DataLoader from "dataloader";
import {
  anyOfTypeTag,
  collectionTag,
  type EntityType,
  lookupTag,
  rowTag,
  type TagRecorder,
} from "./coherence/tags.ts";
import type { Repositories } from "./repositories/index.ts";
import type { ListRequest, Page } from "./repositories/page.ts";

export type Loaders = ReturnType<typeof createLoaders>;

/** What answers pages and totals of lists of one entity. */
export type ListLoader<Row> = DataLoader<ListRequest, Page<Row> | number, string>;

/** The key of statistics over all rows: a loader takes no null. */
export const EVERYTHING = "everything";

const idOrNull = (key: string) => (key === EVERYTHING ? null : key);

/**
 * The loaders of one request: one for every way in which the graph leads from a key to rows.
 * All loads of one kind that come up at the same level of an operation become one statement,
 * and no row is read twice in a request.
 *
 * @param reads collects what the request's answer depends on
 */
export function createLoaders(repositories: Repositories, reads: TagRecorder) {
  const { users, projects, projectFiles, conversionJobs } = repositories;

  const userById = byId("User", users.findByIds);
  const projectById = byId("Project", projects.findByIds);
  const conversionJobById = byId("ConversionJob", conversionJobs.findByIds);

  function byId<Row>(type: EntityType, find: (ids: readonly string[]) => Promise<(Row | null)[]>) {
    return new DataLoader<string, Row | null>((ids) => {
      for (const id of ids) reads.add(rowTag(type, id));
      return find(ids);
    });
  }

  function lists<Row>(
    load: (requests: readonly ListRequest[]) => Promise<(Page<Row> | number | Error)[]>,
    onRow: (row: Row) => void,
  ): ListLoader<Row> {
    return new DataLoader<ListRequest, Page<Row> | number, string>(
      async (requests) => {
        for (const { list } of requests) for (const tag of list.tags) reads.add(tag);
        const answers = await load(requests);
        for (const answer of answers) {
          if (typeof answer === "object" && "rows" in answer) answer.rows.forEach(onRow);
        }
        return answers;
      },
      { cacheKeyFn: JSON.stringify },
    );
  }

  return {
    userById,
    projectById,
    conversionJobById,

    userByGithubId: new DataLoader((githubIds: readonly string[]) => {
      for (const githubId of githubIds) reads.add(lookupTag("User", "githubId", githubId));
      return users.findByGithubIds(githubIds);
    }),

    /** The plan and results of jobs. */
    conversionJobDocumentsById: byId("ConversionJob", conversionJobs.findDocumentsByIds),

    // Rows that come with a list need not be read again by id.
    users: lists(users.loadLists, (user) => {
      reads.add(rowTag("User", user.id));
      userById.prime(user.id, user);
    }),
    projects: lists(projects.loadLists, (project) => {
      reads.add(rowTag("Project", project.id));
      projectById.prime(project.id, project);
    }),
    conversionJobs: lists(conversionJobs.loadLists, (job) => {
      reads.add(rowTag("ConversionJob", job.id));
      conversionJobById.prime(job.id, job);
    }),
    projectFiles: lists(projectFiles.loadLists, () => {}),

    /** By `EVERYTHING`: they have no argument. */
    userStatistics: new DataLoader(async (keys: readonly (typeof EVERYTHING)[]) => {
      reads.add(anyOfTypeTag("User"));
      reads.add(anyOfTypeTag("Project"));
      const statistics = await users.statistics();
      return keys.map(() => statistics);
    }),

    /** By owner, or `EVERYTHING`. */
    projectStatistics: new DataLoader((keys: readonly string[]) => {
      const userIds = keys.map(idOrNull);
      for (const userId of userIds) {
        reads.add(userId === null ? anyOfTypeTag("Project") : collectionTag("Project", "userId", userId));
      }
      return projects.statisticsByUsers(userIds);
    }),

    /** By project, or `EVERYTHING`. */
    conversionJobStatistics: new DataLoader((keys: readonly string[]) => {
      const projectIds = keys.map(idOrNull);
      for (const projectId of projectIds) {
        reads.add(
          projectId === null
            ? anyOfTypeTag("ConversionJob")
            : collectionTag("ConversionJob", "projectId", projectId),
        );
      }
      return conversionJobs.statisticsByProjects(projectIds);
    }),
  };
}
