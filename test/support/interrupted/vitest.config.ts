import { defineConfig } from "vitest/config";

/** The run that test/support/interrupted.test.ts interrupts. */
export default defineConfig({
  test: {
    root: new URL("../../..", import.meta.url).pathname,
    include: ["test/support/interrupted/hangs.ts"],
    globalSetup: "test/support/globalSetup.ts",
    setupFiles: "test/support/worker.ts",
    pool: "forks",
    testTimeout: 120_000,
    disableConsoleIntercept: true,
  },
});
