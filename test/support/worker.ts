/**
 * Ends a vitest worker together with its parent. Vitest ends its workers itself, unless a signal ends Vitest.
 * Then the workers live on, and so would every process that a test file has started. The signal is SIGKILL
 * because Vitest makes `process.exit` throw. The guards (guard.ts) end the processes that the worker has
 * started.
 */
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));

export {};
