import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginCacheControl } from "@apollo/server/plugin/cacheControl";
import { startStandaloneServer } from "@apollo/server/standalone";
import responseCachePlugin from "@apollo/server-plugin-response-cache";
import { KeyvAdapter } from "@apollo/utils.keyvadapter";
import KeyvRedis from "@keyv/redis";
import Keyv from "keyv";
import { createLoaders } from "./loaders.js";
import { createRows } from "./rows.js";
import { typeDefs } from "./schema.js";

const { PORT, DATABASE_URL, REDIS_URL, CACHE } = process.env;
const rows = createRows(DATABASE_URL);

const resolvers = {
  Query: {
    project: (_, { id }, { loaders }) => loaders.project.load(id),
    projects: (_, { first, after }) => rows.newestProjects(first, after),
  },
  Mutation: {
    renameProject: (_, { id, name }) => rows.renameProject(id, name),
    reportProgress: (_, { input }) => rows.reportProgress(input),
  },
  Project: {
    owner: ({ userId }, _, { loaders }) => loaders.user.load(userId),
    conversionJobs: ({ id }, { first }, { loaders }) => loaders.jobsOfProject.load({ id, first }),
  },
  User: {
    projects: ({ id }, { first }, { loaders }) => loaders.projectsOfUser.load({ id, first }),
  },
};

const server = new ApolloServer({
  typeDefs,
  resolvers,
  ...(CACHE !== "off" && {
    plugins: [ApolloServerPluginCacheControl({ defaultMaxAge: 3_600 }), responseCachePlugin()],
  }),
  ...(CACHE === "redis" && { cache: new KeyvAdapter(new Keyv({ store: new KeyvRedis(REDIS_URL) })) }),
});
await startStandaloneServer(server, {
  context: async () => ({ loaders: createLoaders(rows) }),
  listen: { port: Number(PORT), host: "127.0.0.1" },
});
console.log("listening");
