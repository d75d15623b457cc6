import type { Logger } from "pino";
import type { ApiKeyRepository } from "../repositories/apiKey.ts";

/**
 * Records when API keys were last used. It writes once a minute, and no request waits for that. A process
 * that is killed loses at most a minute of uses.
 */
export function createKeyUses(options: {
  readonly apiKeys: Pick<ApiKeyRepository, "noteUses">;
  readonly log: Pick<Logger, "warn">;
  readonly everyMs?: number;
}) {
  const { apiKeys, log, everyMs = 60_000 } = options;
  let uses = new Map<string, Date>();
  let timer: NodeJS.Timeout | undefined;

  const save = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const noted = uses;
    uses = new Map();
    // The times are for people to read, so those of a minute in which the database is away are dropped.
    await apiKeys
      .noteUses(noted)
      .catch((error: unknown) => log.warn({ err: error }, "uses of API keys were not noted"));
  };

  return {
    note(id: string): void {
      uses.set(id, new Date());
      timer ??= setTimeout(() => void save(), everyMs).unref();
    },

    /** Saves what has been noted. */
    close: save,
  };
}
