import DataLoader from "dataloader";

/** One set for each request, as DataLoader's documentation wants it. */
export function createLoaders(rows) {
  /** Lists of several parents; all of a level ask for as many rows. */
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
