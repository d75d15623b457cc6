import Fastify from "fastify";
import { Redis } from "ioredis";
import mercurius from "mercurius";
import cache from "mercurius-cache";
import { createRows } from "./rows.js";
import { typeDefs } from "./schema.js";

const { PORT, DATABASE_URL, REDIS_URL, CACHE } = process.env;
const rows = createRows(DATABASE_URL);
const app = Fastify();

/** Mercurius calls a loader with all parents of a level, each with its arguments. */
const list = (read) => (queries) =>
  read(
    queries.map(({ obj }) => obj.id),
    queries[0].params.first,
  );

await app.register(mercurius, {
  schema: typeDefs,
  jit: 1,
  resolvers: {
    Query: {
      project: async (_, { id }) => (await rows.projectsById([id]))[0],
      projects: (_, { first, after }) => rows.newestProjects(first, after),
    },
    Mutation: {
      renameProject: (_, { id, name }) => rows.renameProject(id, name),
      reportProgress: (_, { input }) => rows.reportProgress(input),
    },
  },
  loaders: {
    Project: {
      owner: (queries) => rows.usersById(queries.map(({ obj }) => obj.userId)),
      conversionJobs: list(rows.jobsOfProjects),
    },
    User: { projects: list(rows.projectsOfUsers) },
  },
});

if (CACHE !== "off") {
  // A write invalidates by references: the project's own, which pages that show the project have too.
  const references = { project: (_, { id }) => [`project:${id}`], projects: () => ["projects"] };
  const ofPage = (_source, _args, result) => [
    "projects",
    ...(result?.nodes ?? []).map(({ id }) => `project:${id}`),
  ];
  await app.register(cache, {
    ttl: 3_600,
    storage:
      CACHE === "redis"
        ? { type: "redis", options: { client: new Redis(REDIS_URL), invalidation: true } }
        : { type: "memory", options: { size: 10_000, invalidation: true } },
    policy: {
      Query: {
        project: { references: ({ arg }) => references.project(undefined, arg) },
        projects: { references: ({ result }) => ofPage(undefined, undefined, result) },
      },
      Project: { owner: true, conversionJobs: true },
      User: { projects: { references: ({ result }) => ofPage(undefined, undefined, result) } },
      Mutation: {
        renameProject: { invalidate: (_, { id }) => [`project:${id}`] },
      },
    },
  });
}

await app.listen({ port: Number(PORT), host: "127.0.0.1" });
console.log("listening");
