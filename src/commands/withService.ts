import type { Logger } from "pino";
import { type App, createApp } from "../app.ts";
import type { Config } from "../config.ts";

/**
 * The service without its server: what it writes, instances that run know at once. It asks nobody who
 * they are, for whoever has its settings has its database.
 */
export async function withService<Result>(
  config: Config,
  log: Logger,
  work: (app: App) => Promise<Result>,
): Promise<Result> {
  const cache = { ...config.cache, warmCount: 0 };
  // Somebody waits for it, who would rather hear that the database is away.
  const database = { ...config.database, startupTimeoutMs: 0 };
  const app = await createApp({ ...config, cache, database }, log, { identify: async () => null });
  try {
    return await work(app);
  } finally {
    await app.close();
  }
}
