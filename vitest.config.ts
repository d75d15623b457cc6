import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    // Left to itself Vite takes graphql's ES modules for our files while Node takes its CommonJS ones
    // for the packages that we use: two copies, and no `instanceof GraphQLError` between them.
    alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve("graphql") }],
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/globalSetup.ts",
    setupFiles: "test/support/worker.ts",
    pool: "forks",
    // The servers want a core too; on a big machine their connections are what is scarce
    // (400, at most 30 for a test file).
    maxWorkers: Math.min(8, Math.max(2, availableParallelism() - 1)),
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    env: { NODE_ENV: "test" },
  },
});
