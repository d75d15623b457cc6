import type { Logger } from "pino";
import { type App, createApp } from "../app.ts";
import type { Config } from "../config.ts";

/**
 * Runs `work` with the service but without its server. Running instances learn of its writes at once. It
 * authenticates nobody, because anybody with the service's settings has its database anyway.
 */
export async function withService<Result>(
  config: Config,
  log: Logger,
  work: (app: App) => Promise<Result>,
): Promise<Result> {
  const cache = { ...config.cache, warmCount: 0 };
  // Somebody waits for the command, and would rather hear at once that the database is away.
  const database = { ...config.database, startupTimeoutMs: 0 };
  const app = await createApp({ ...config, cache, database }, log, { identify: async () => null });
  try {
    return await work(app);
  } finally {
    await app.close();
  }
}
