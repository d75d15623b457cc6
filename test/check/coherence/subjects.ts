import type { Collection, Counter, Judge, Presence, Tally } from "./ledger.ts";

/** A read that is sent again and again with the same bytes, and the judge of its answers. */
export interface Read {
  readonly name: string;
  readonly body: string;
  /** Called when the read begins. The judge throws for data of another shape. */
  // biome-ignore lint/suspicious/noExplicitAny: answers have the shape that the text beside asks for
  expect(): Judge<any>;
}

/** A change that is sent once. It counts as invoked when this object is created. */
export interface Write {
  readonly name: string;
  readonly body: string;
  /** Called when it was answered without an error. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  acknowledge(data: any): void;
  /** Called when it was not answered, or with an error, so that its outcome is unknown. */
  fail?(): void;
}

const bodyOf = (query: string) => JSON.stringify({ query });

/** A row that holds a counter, with a key of its own. */
export interface Subject {
  readonly counter: Counter;
  /** The node id, once it is known. */
  id: string | undefined;
}

export interface User extends Subject {
  readonly githubId: string;
}

export interface Project extends Subject {
  readonly owner: User;
}

const numberOf = (text: string | undefined | null) => (text == null ? 0 : Number(text));

export const readUserByGithubId = ({ githubId, counter }: User): Read => ({
  name: "user by githubId",
  body: bodyOf(`{ user(githubId: "${githubId}") { username } }`),
  expect() {
    const judge = counter.expect();
    return (data) => judge(numberOf(data.user?.username));
  },
});

export const readUserById = ({ id, counter }: User): Read => ({
  name: "user by id",
  body: bodyOf(`{ user(id: "${id}") { username } }`),
  expect() {
    const judge = counter.expect();
    return (data) => judge(numberOf(data.user?.username));
  },
});

export const readProject = ({ id, counter, owner }: Project): Read => ({
  name: "project → owner",
  body: bodyOf(`{ project(id: "${id}") { name owner { username } } }`),
  expect() {
    const [judge, judgeOwner] = [counter.expect(), owner.counter.expect()];
    return ({ project }) =>
      judge(numberOf(project?.name)) ?? (project && judgeOwner(numberOf(project.owner.username)));
  },
});

/** Reads the plan of a job that has not been claimed. */
export const readPlan = ({ id, counter }: Subject): Read => ({
  name: "conversion job's plan",
  body: bodyOf(`{ conversionJob(id: "${id}") { plan { warnings } } }`),
  expect() {
    const judge = counter.expect();
    return (data) => judge(numberOf(data.conversionJob?.plan.warnings[0]));
  },
});

/** Reads the message of a failed job. */
export const readFailedJob = ({ id, counter }: Subject): Read => ({
  name: "conversion job",
  body: bodyOf(`{ conversionJob(id: "${id}") { status errorMessage } }`),
  expect() {
    const judge = counter.expect();
    return (data) => judge(numberOf(data.conversionJob?.errorMessage));
  },
});

export const readMembers = (collection: Collection, ownerId: string): Read => ({
  name: "projects of an owner",
  body: bodyOf(`{ projects(ownerId: "${ownerId}", first: 100) { totalCount nodes { name } } }`),
  expect() {
    const judge = collection.expectMembers();
    return ({ projects }) =>
      judge({
        members: projects.nodes.map(({ name }: { name: string }) => name),
        total: projects.totalCount,
      });
  },
});

/**
 * Reads a page whose answer is made of parts, one for each of these projects. Pages with other arguments
 * share the parts.
 *
 * @param failedJobs some of their jobs
 */
export const readProjectsInParts = (
  pageArguments: string,
  projects: readonly Project[],
  failedJobs: readonly Subject[],
): Read => ({
  name: "page of projects with owners and jobs",
  body: bodyOf(
    `{ projects(${pageArguments}) { nodes { id name owner { username } conversionJobs(last: 20) { nodes { id errorMessage } } } } }`,
  ),
  expect() {
    const judgesOf = (subjects: readonly Subject[]) =>
      new Map(subjects.map(({ id, counter }) => [id, counter.expect()]));
    const judges = judgesOf(projects);
    const judgesOfJobs = judgesOf(failedJobs);
    const judgesOfOwners = new Map(projects.map(({ id, owner }) => [id, owner.counter.expect()]));
    return ({ projects: { nodes } }) => {
      const found = new Set(nodes.map(({ id }: { id: string }) => id));
      const missing = projects.find(({ id }) => !found.has(id));
      let problem = missing && `expected ${missing.counter.name} in the page, and it is not`;
      for (const { id, name, owner, conversionJobs } of nodes) {
        problem ??= judges.get(id)?.(numberOf(name));
        problem ??= judgesOfOwners.get(id)?.(numberOf(owner.username));
        for (const job of conversionJobs.nodes)
          problem ??= judgesOfJobs.get(job.id)?.(numberOf(job.errorMessage));
      }
      return problem;
    };
  },
});

export const readMemberCount = (collection: Collection, ownerId: string): Read => ({
  name: "owner → count of projects",
  body: bodyOf(`{ user(id: "${ownerId}") { projects { totalCount } } }`),
  expect() {
    const judge = collection.expectCount();
    return (data) => judge(data.user.projects.totalCount);
  },
});

export const readMemberStatistics = (collection: Collection, ownerId: string): Read => ({
  name: "statistics of an owner's projects",
  body: bodyOf(`{ projectStatistics(ownerId: "${ownerId}") { total } }`),
  expect() {
    const judge = collection.expectCount();
    return (data) => judge(data.projectStatistics.total);
  },
});

export const readProjectTally = (tally: Tally, ownerId: string): Read => ({
  name: "statistics of projects that come and go",
  body: bodyOf(`{ projectStatistics(ownerId: "${ownerId}") { total } }`),
  expect() {
    const judge = tally.expect();
    return (data) => judge(data.projectStatistics.total);
  },
});

export const readJobCount = (tally: Tally, projectId: string): Read => ({
  name: "count of a project's jobs",
  body: bodyOf(`{ conversionJobs(projectId: "${projectId}") { totalCount } }`),
  expect() {
    const judge = tally.expect();
    return (data) => judge(data.conversionJobs.totalCount);
  },
});

export const readJobStatistics = (tally: Tally, projectId: string): Read => ({
  name: "statistics of a project's jobs",
  body: bodyOf(`{ conversionJobStatistics(projectId: "${projectId}") { total } }`),
  expect() {
    const judge = tally.expect();
    return (data) => judge(data.conversionJobStatistics.total);
  },
});

export const readUserStatistics = (tally: Tally): Read => ({
  name: "statistics of users",
  body: bodyOf("{ userStatistics { total } }"),
  expect() {
    const judge = tally.expect();
    return (data) => judge(data.userStatistics.total);
  },
});

/** Reads the newest users. Checks their values, and the total number of users. */
export const readNewestUsers = (tally: Tally, byGithubId: ReadonlyMap<string, User>): Read => ({
  name: "newest users",
  body: bodyOf("{ users(last: 8) { totalCount nodes { githubId username } } }"),
  expect() {
    const judge = tally.expect();
    const judges = new Map([...byGithubId].map(([githubId, { counter }]) => [githubId, counter.expect()]));
    return ({ users }) => {
      let problem = judge(users.totalCount);
      for (const { githubId, username } of users.nodes)
        problem ??= judges.get(githubId)?.(numberOf(username));
      return problem;
    };
  },
});

export const readPresenceOfProject = (presence: Presence, id: string): Read => ({
  name: "project that is deleted",
  body: bodyOf(`{ project(id: "${id}") { name } }`),
  expect() {
    const judge = presence.expect();
    return (data) => judge(data.project !== null);
  },
});

export const readPresenceOfUser = (presence: Presence, githubId: string): Read => ({
  name: "user that is deleted",
  body: bodyOf(`{ user(githubId: "${githubId}") { username } }`),
  expect() {
    const judge = presence.expect();
    return (data) => judge(data.user !== null);
  },
});

export const mutations = {
  upsertUser: (githubId: string, username: string) =>
    bodyOf(
      `mutation { upsertUser(input: { githubId: "${githubId}", username: "${username}" }) { user { id } } }`,
    ),
  importProject: (ownerId: string, name: string) =>
    bodyOf(
      `mutation { importProject(input: { ownerId: "${ownerId}", name: "${name}", githubUrl: "https://github.com/acme/${name}" }) { project { id } } }`,
    ),
  renameProject: (id: string, name: string) =>
    bodyOf(`mutation { updateProject(input: { id: "${id}", name: "${name}" }) { project { id } } }`),
  deleteProject: (id: string) => bodyOf(`mutation { deleteProject(input: { id: "${id}" }) { deletedId } }`),
  createJob: (projectId: string, warning: number) =>
    bodyOf(
      `mutation { createConversionJob(input: { projectId: "${projectId}", plan: ${planOf(warning)} }) { conversionJob { id } } }`,
    ),
  updateJob: (id: string, warning: number) =>
    bodyOf(
      `mutation { updateConversionJob(input: { id: "${id}", plan: ${planOf(warning)} }) { conversionJob { id } } }`,
    ),
};

const planOf = (warning: number) =>
  `{ warnings: ["${warning}"], tasks: [{ id: "t", type: "convert-file", description: "d", agentType: "converter" }] }`;
