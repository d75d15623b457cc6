import type { Logger } from "pino";
import type { ApiKeyRepository } from "../repositories/apiKey.ts";

/**
 * Notes when API keys were used: once a minute, and never on a request's way. What is lost when the process
 * is killed is a minute of it.
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
    // They are figures for people: those of a minute in which the database is away are done without.
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
