import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { createApp } from "../app.ts";
import type { Config } from "../config.ts";
import { createClient } from "../sdk/index.ts";

export interface ServeIo {
  readonly log: Logger;
  /** Calls back on every signal to stop, with its name. */
  readonly onSignal: (listener: (signal: string) => void) => void;
  readonly exit: (code: number) => never;
}

/**
 * `stack-converter serve`: runs until a signal, or until the embedded database ends. The first
 * signal lets running requests finish, the second stops at once.
 */
export async function runServe(
  config: Config,
  wantsSample: boolean,
  { log, onSignal, exit }: ServeIo,
): Promise<void> {
  const app = await createApp(config, log);

  let isStopping = false;
  const stop = async (reason: string, exitCode: number) => {
    if (isStopping) {
      log.warn({ reason }, "stopping at once");
      exit(exitCode || 1);
    }
    isStopping = true;
    log.info({ reason }, "stopping: running requests may finish; a second signal stops at once");
    await app.close();
    exit(exitCode);
  };
  onSignal((signal) => void stop(signal, 0));
  void app.embeddedExited?.then(({ wasExpected }) => {
    if (!wasExpected) void stop("the embedded database ended", 1);
  });

  const { url } = await app.listen().catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  log.info({ url, database: config.database.url ? "PostgreSQL" : "embedded" }, `GraphQL is at ${url}`);

  if (wantsSample && app.embeddedPid !== undefined && (await app.repositories.projects.count()) === 0) {
    // In the background: the service answers meanwhile, and goes on without it.
    importSample(url, log).catch((error: unknown) => log.warn({ err: error }, "the sample was not imported"));
  }
}

/** This package's own source, through the API, as anybody's would be. */
async function importSample(url: string, log: Logger): Promise<void> {
  // Loaded when it is needed: the tables of the stack detection are 80 MB of memory.
  const { importSource } = await import("../import/upload.ts");
  const source = fileURLToPath(new URL("../..", import.meta.url));
  const { projectId, scanned } = await importSource({ client: createClient({ url }), source });
  log.info({ projectId, files: scanned.files.length }, "imported this package itself as a sample");
}
