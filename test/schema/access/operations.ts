import { PLAN } from "../../support/rows.ts";
import { type ADAS, BOBS } from "./world.ts";

/** The rows that an operation is about. */
export type Rows = typeof ADAS | typeof BOBS;

export interface Operation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Matches the answer if the viewer may see the rows. Undefined: any answer without an error counts. */
  readonly marker?: RegExp;
}

const { tasks, ...plan } = PLAN;
const planInput = { ...plan, tasks: tasks.map(({ status: _, ...task }) => task) };
const project = { name: "new", githubUrl: "https://github.com/acme/new" };

/** One operation for each field of Query and Subscription, about these rows. */
export function readsOf(rows: Rows): Record<string, Operation> {
  const { user, project, job } = rows;
  const named = (...ids: string[]) => new RegExp(ids.join("|"));
  const githubId = 1_000 + Number(user.slice(-12));
  return {
    "Query.activeConversionJobs": {
      query: `{ activeConversionJobs { totalCount nodes { id } edges { node { id } } } }`,
      marker: named(job),
    },
    "Query.apiKeys": { query: `{ apiKeys(userId: "${user}") { totalCount nodes { id } } }` },
    "Query.auditEntries": { query: `{ auditEntries { totalCount } }` },
    "Query.cacheStatistics": { query: `{ cacheStatistics { misses } }` },
    "Query.conversionJob": { query: `{ conversionJob(id: "${job}") { id } }`, marker: named(job) },
    "Query.conversionJobs": {
      query: `{ a: conversionJobs { nodes { id } } b: conversionJobs(projectId: "${project}") { totalCount nodes { id } } }`,
      marker: named(job),
    },
    "Query.conversionJobStatistics": {
      query: `{ conversionJobStatistics(projectId: "${project}") { total } }`,
      marker: /"total":[1-9]/,
    },
    "Query.health": { query: `{ health { status } }` },
    "Query.node": {
      query: `{ a: node(id: "${project}") { id } b: node(id: "${job}") { id } }`,
      marker: named(project, job),
    },
    "Query.nodes": {
      query: `{ nodes(ids: ["${project}", "${job}"]) { id } }`,
      marker: named(project, job),
    },
    "Query.poolStatistics": {
      query: `{ poolStatistics { total errors { count } slowQueries { id plan } advice { subject } } }`,
    },
    "Query.project": { query: `{ project(id: "${project}") { id } }`, marker: named(project) },
    "Query.projects": {
      query: `{ a: projects { nodes { id } } b: projects(ownerId: "${user}") { nodes { id } } }`,
      marker: named(project),
    },
    "Query.projectStatistics": {
      query: `{ projectStatistics(ownerId: "${user}") { total } }`,
      marker: /"total":[1-9]/,
    },
    "Query.searchProjects": {
      query: `{ searchProjects(query: "project ${Number(project.slice(-12))}") { totalCount nodes { id } } }`,
      marker: named(project),
    },
    "Query.statistics": { query: `{ statistics { pool { total } } }` },
    "Query.user": {
      query: `{ a: user(id: "${user}") { id } b: user(githubId: "${githubId}") { id } }`,
      marker: named(user),
    },
    "Query.users": { query: `{ users { nodes { id } } }`, marker: named(user) },
    "Query.userStatistics": { query: `{ userStatistics { total } }` },
    "Query.viewer": { query: `{ viewer { id } }`, marker: /User:/ },
    "Subscription.conversionJobEvents": {
      query: `subscription { conversionJobEvents(jobId: "${job}") { job { id } } }`,
    },
    "Subscription.projectActivity": {
      query: `subscription { projectActivity(projectId: "${project}") { project { id } } }`,
    },
  };
}

/** One operation for each field of Mutation, with an input about these rows. */
export function writesOf(rows: Rows): Record<string, Operation> {
  const lease = { workerId: rows === BOBS ? "v" : "w" };
  const held = { id: rows.job, fencingToken: 1 };
  const results = "results { id directive conversionJob { id } error { code from allowed } }";
  const inputs: Record<string, readonly [input: unknown, selection: string]> = {
    addProjectFiles: [
      { projectId: rows.project, files: [{ path: "a", sizeBytes: 1 }], isLast: true },
      "project { id }",
    ],
    cancelConversionJob: [{ id: rows.job }, "conversionJob { id }"],
    claimConversionJobs: [
      { workerId: "x", agentTypes: ["converter"] },
      "claims { conversionJob { id project { id } } }",
    ],
    cleanUpConversionJobs: [{ olderThanDays: 1 }, "deletedCount"],
    completeConversionJobs: [{ ...lease, jobs: [held] }, results],
    createApiKey: [{ userId: rows.user, name: "k", scopes: ["ADMIN"] }, "apiKey { id } secret"],
    createConversionJob: [{ projectId: rows.project, plan: planInput }, "conversionJob { id }"],
    deleteConversionJob: [{ id: rows.job }, "deletedId"],
    deleteProject: [{ id: rows.project }, "deletedId"],
    deleteUser: [{ id: rows.user }, "deletedId"],
    failConversionJobs: [{ ...lease, jobs: [{ ...held, errorMessage: "no" }] }, results],
    importProject: [{ ...project, ownerId: rows.user }, "project { id }"],
    importProjects: [{ projects: [{ ...project, ownerId: rows.user }] }, "projects { id }"],
    invalidateCache: [{ tags: ["Project#"] }, "tags"],
    pauseConversionJob: [{ id: rows.job }, "conversionJob { id }"],
    performMaintenance: [{ isDryRun: true }, "isDryRun"],
    releaseConversionJobs: [{ ...lease, jobs: [held] }, results],
    reportProgress: [{ ...lease, jobs: [{ ...held, progress: 50 }] }, results],
    reportTaskResult: [
      { ...lease, ...held, taskId: "t1", status: "COMPLETED" },
      "directive conversionJob { id }",
    ],
    reprioritizeConversionJob: [{ id: rows.job, priority: 5 }, "conversionJob { id }"],
    resetCacheStatistics: [{}, "figures"],
    resumeConversionJob: [{ id: rows.paused }, "conversionJob { id }"],
    retryConversionJob: [{ id: rows.failed }, "conversionJob { id }"],
    revokeApiKey: [{ id: `ApiKey:${rows.user.slice("User:".length)}` }, "apiKey { id }"],
    setGithubToken: [{ userId: rows.user, token: "t" }, "user { id }"],
    setTargetTechStack: [{ id: rows.project, targetTechStack: { language: "Go" } }, "project { id }"],
    updateConversionJob: [{ id: rows.pending, plan: planInput }, "conversionJob { id }"],
    updateProject: [{ id: rows.project, name: "other" }, "project { id }"],
    updateUser: [{ id: rows.user, username: "other" }, "user { id }"],
    upsertUser: [{ githubId: "1001", username: "other" }, "user { id }"],
    warmCache: [{ operations: [{ query: "{ projects { totalCount } }" }] }, "warmed"],
  };
  return Object.fromEntries(
    Object.entries(inputs).map(([name, [input, selection]]) => {
      const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input!`;
      return [
        `Mutation.${name}`,
        {
          query: `mutation ($input: ${type}) { ${name}(input: $input) { ${selection} } }`,
          variables: { input },
        },
      ];
    }),
  );
}
