/** What other programs may import of the service. Its clients import `stack-converter/sdk` instead. */
export { type App, createApp } from "./app.ts";
export { type Config, ConfigError, loadConfig } from "./config.ts";
export { createDatabase, type Database } from "./database/database.ts";
export type { PoolStatistics } from "./database/poolReport.ts";
export { AppError, type ErrorCode, type ValidationIssue } from "./errors.ts";
export { createRepositories, type Repositories } from "./repositories/index.ts";
