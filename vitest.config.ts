import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // graphql-yoga loads graphql as Node resolves it. So must the sources, or there are two of it, and
  // an error of the one is no GraphQLError to the other: the field "module" names another file.
  resolve: { mainFields: ["main"] },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/globalSetup.ts",
    setupFiles: "test/support/worker.ts",
    pool: "forks",
    // The servers want a core too; on a big machine it is their connections that are scarce: 400,
    // so 50 for each test file that runs.
    maxWorkers: Math.min(8, Math.max(2, availableParallelism() - 1)),
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    env: { NODE_ENV: "test" },
  },
});
