/**
 * Ends a vitest worker with its parent. Vitest ends its workers itself, except when a signal ends
 * Vitest: then they live on, and so would everything that a test file has started for itself. It is
 * SIGKILL because Vitest makes `process.exit` throw; the guards see to the rest.
 */
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));

export {};
