import DataLoader from "dataloader";

/** Creates one set of loaders per request, as DataLoader's documentation recommends. */
export function createLoaders(rows) {
  /** Loads the lists of several parents. All lists of a level ask for the same number of rows. */
  const listLoader = (read) =>
    new DataLoader(
      (keys) =>
        read(
          keys.map(({ id }) => id),
          keys[0].first,
        ),
      { cacheKeyFn: ({ id, first }) => `${id} ${first}` },
    );
  return {
    project: new DataLoader(rows.projectsById),
    user: new DataLoader(rows.usersById),
    projectsOfUser: listLoader(rows.projectsOfUsers),
    jobsOfProject: listLoader(rows.jobsOfProjects),
  };
}
