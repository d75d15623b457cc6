import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import type { Logger } from "pino";
import { createApp } from "../app.ts";
import { leaveLocalToken } from "../auth/local.ts";
import type { Config } from "../config.ts";
import type { Tracing } from "../observation/tracing.ts";
import type { FleetLink } from "./fleet/link.ts";

export interface ServeIo {
  readonly log: Logger;
  /** Undefined if traces are off. */
  readonly tracing: Tracing | undefined;
  /** Set if this process is one of several workers (fleet/primary.ts). */
  readonly fleet: FleetLink | undefined;
  /** Calls back on every signal to stop, with its name. */
  readonly onSignal: (listener: (signal: string) => void) => void;
  readonly exit: (code: number) => never;
  /** Prints a line for people at a terminal, not to the log. */
  readonly announce: (line: string) => void;
  /** Runs another command of this program in a process of its own; resolves to what it printed. */
  readonly runCommand: (...args: string[]) => Promise<string>;
}

/**
 * `stack-converter serve`: runs until a signal, or until the embedded database ends. The first
 * signal lets running requests finish, the second stops at once.
 */
export async function runServe(
  config: Config,
  wantsSample: boolean,
  { log, tracing, fleet, onSignal, exit, announce, runCommand }: ServeIo,
): Promise<void> {
  // V8 lets a heap grow fourfold before a mark-sweep, which is half a gigabyte with a cache of answers.
  // Letting it grow by a half saves half of the memory, and costs no measurable time.
  setFlagsFromString("--heap-growing-percent=50");
  let hasStarted = false;
  onSignal((signal) => {
    if (hasStarted) return;
    // The server does not listen yet, and the start may be waiting for the database. As process 1 of a
    // container, this process would not end by the signal alone.
    log.info({ reason: signal }, "stopping before the start is over");
    exit(0);
  });
  const app = await createApp(config, log, {
    ...(tracing && { tracing }),
    ...(fleet && { metricsOfAll: fleet.metricsOfAll }),
  });
  hasStarted = true;

  let isStopping = false;
  let removeToken: (() => Promise<void>) | undefined;
  const stop = async (reason: string, exitCode: number, close = app.close) => {
    isStopping = true;
    log.info({ reason }, "stopping: running requests may finish; a second signal stops at once");
    await close();
    await removeToken?.();
    exit(exitCode);
  };
  let signals = 0;
  onSignal((signal) => {
    signals += 1;
    if (!isStopping) return void stop(signal, 0);
    // A signal to the whole process group arrives here twice: directly, and as a message from the primary
    // process.
    if (fleet !== undefined && signals === 1) return;
    log.warn({ reason: signal }, "stopping at once");
    exit(1);
  });
  fleet?.join({
    stop: (hasSuccessor) => {
      if (isStopping) return;
      void stop("told so", 0, hasSuccessor ? app.closeForSuccessor : app.close);
    },
    count: app.metricFamilies,
  });
  void app.embeddedExited?.then(({ wasExpected }) => {
    if (wasExpected) return;
    if (isStopping) exit(1);
    void stop("the embedded database ended", 1);
  });

  const { url, metricsPort } = await app.listen().catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  const { localToken } = app;
  if (localToken !== undefined) {
    removeToken = await leaveLocalToken(config.database.dataDirectory, { url, token: localToken });
    announce(
      `The administrator's token, which GraphiQL and the commands on this machine find by themselves:\n${localToken}`,
    );
  }
  log.info({ url, database: config.database.url ? "PostgreSQL" : "embedded" }, `GraphQL is at ${url}`);
  if (metricsPort !== undefined)
    log.info({ host: config.metrics.host, port: metricsPort }, "the metrics are at /metrics there");
  fleet?.ready(url);

  if (wantsSample && app.embeddedPid !== undefined && (await app.repositories.projects.count()) === 0) {
    // In the background: the service answers meanwhile, and goes on if the import fails. In a process of its
    // own: otherwise the tables of the stack detection would stay in this process's memory, 150 MB of them.
    const source = fileURLToPath(new URL("../..", import.meta.url));
    runCommand("import", source, "--url", url, "--quiet").then(
      (projectId) => log.info({ projectId: projectId.trim() }, "imported this package itself as a sample"),
      (error: unknown) => {
        if (!isStopping) log.warn({ err: error }, "the sample was not imported");
      },
    );
  }
}
