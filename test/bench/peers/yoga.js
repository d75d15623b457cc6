import { createServer } from "node:http";
import { createRedisCache } from "@envelop/response-cache-redis";
import { createInMemoryCache, useResponseCache } from "@graphql-yoga/plugin-response-cache";
import SchemaBuilder from "@pothos/core";
import { createYoga } from "graphql-yoga";
import { Redis } from "ioredis";
import { createLoaders } from "./loaders.js";
import { createRows } from "./rows.js";

const { PORT, DATABASE_URL, REDIS_URL, CACHE } = process.env;
const rows = createRows(DATABASE_URL);

const builder = new SchemaBuilder({});
const [User, Project, ConversionJob] = ["User", "Project", "ConversionJob"].map((name) =>
  builder.objectRef(name),
);

const connection = (name, node) =>
  builder.objectRef(name).implement({ fields: (t) => ({ nodes: t.expose("nodes", { type: [node] }) }) });
const ProjectConnection = connection("ProjectConnection", Project);
const ConversionJobConnection = connection("ConversionJobConnection", ConversionJob);

Project.implement({
  fields: (t) => ({
    id: t.exposeID("id", { nullable: false }),
    name: t.exposeString("name", { nullable: false }),
    githubUrl: t.exposeString("githubUrl", { nullable: false }),
    status: t.exposeString("status", { nullable: false }),
    owner: t.field({
      type: User,
      nullable: false,
      resolve: ({ userId }, _, { loaders }) => loaders.user.load(userId),
    }),
    conversionJobs: t.field({
      type: ConversionJobConnection,
      nullable: false,
      args: { first: t.arg.int({ required: true }) },
      resolve: ({ id }, { first }, { loaders }) => loaders.jobsOfProject.load({ id, first }),
    }),
  }),
});
User.implement({
  fields: (t) => ({
    id: t.exposeID("id", { nullable: false }),
    username: t.exposeString("username", { nullable: false }),
    projects: t.field({
      type: ProjectConnection,
      nullable: false,
      args: { first: t.arg.int({ required: true }) },
      resolve: ({ id }, { first }, { loaders }) => loaders.projectsOfUser.load({ id, first }),
    }),
  }),
});
ConversionJob.implement({
  fields: (t) => ({
    id: t.exposeID("id", { nullable: false }),
    status: t.exposeString("status", { nullable: false }),
    progress: t.exposeInt("progress", { nullable: false }),
  }),
});
builder.queryType({
  fields: (t) => ({
    project: t.field({
      type: Project,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (_, { id }, { loaders }) => loaders.project.load(id),
    }),
    projects: t.field({
      type: ProjectConnection,
      nullable: false,
      args: { first: t.arg.int({ required: true }), after: t.arg.string() },
      resolve: (_, { first, after }) => rows.newestProjects(first, after),
    }),
  }),
});
const ConversionJobProgressInput = builder.inputType("ConversionJobProgressInput", {
  fields: (t) => ({
    id: t.id({ required: true }),
    fencingToken: t.int({ required: true }),
    progress: t.int(),
    currentTask: t.string(),
  }),
});
const ReportProgressInput = builder.inputType("ReportProgressInput", {
  fields: (t) => ({
    workerId: t.string({ required: true }),
    jobs: t.field({ type: [ConversionJobProgressInput], required: true }),
  }),
});
const ConversionJobResult = builder.objectRef("ConversionJobResult").implement({
  fields: (t) => ({ conversionJob: t.expose("conversionJob", { type: ConversionJob, nullable: true }) }),
});
const ReportProgressPayload = builder.objectRef("ReportProgressPayload").implement({
  fields: (t) => ({ results: t.expose("results", { type: [ConversionJobResult] }) }),
});
builder.mutationType({
  fields: (t) => ({
    renameProject: t.field({
      type: Project,
      nullable: true,
      args: { id: t.arg.id({ required: true }), name: t.arg.string({ required: true }) },
      resolve: (_, { id, name }) => rows.renameProject(id, name),
    }),
    reportProgress: t.field({
      type: ReportProgressPayload,
      nullable: false,
      args: { input: t.arg({ type: ReportProgressInput, required: true }) },
      resolve: (_, { input }) => rows.reportProgress(input),
    }),
  }),
});

const yoga = createYoga({
  schema: builder.toSchema(),
  logging: false,
  context: () => ({ loaders: createLoaders(rows) }),
  plugins:
    CACHE === "off"
      ? []
      : [
          useResponseCache({
            session: () => null,
            ttl: 3_600_000,
            cache:
              CACHE === "redis" ? createRedisCache({ redis: new Redis(REDIS_URL) }) : createInMemoryCache(),
          }),
        ],
});
createServer(yoga).listen(Number(PORT), "127.0.0.1", () => console.log("listening"));
