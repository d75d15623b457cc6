import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { AppError } from "../errors.ts";
import type { EmbeddedReport } from "./embeddedProcess.ts";

/** The part of a logger that is used here. Pino's fits. */
export interface EmbeddedLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** How the database's process ended. */
export interface EmbeddedExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True if `stop` asked for it. */
  readonly wasExpected: boolean;
}

export type EmbeddedDatabase = Awaited<ReturnType<typeof startEmbeddedDatabase>>;

/**
 * How long the process may take to close the database before it is killed. Killing it costs a recovery at the
 * next start.
 */
const STOP_TIMEOUT_MS = 30_000;
const STDERR_LIMIT = 4_000;

/**
 * Starts PostgreSQL (PGlite) in a process of its own, for users who have no server at hand. It listens on a
 * free port of the loopback interface, without a password.
 *
 * It is one PostgreSQL session in which all connections take turns, one transaction at a time.
 * embeddedWire.ts explains what follows from that. A committed row survives the death of the process. It may
 * not survive a power failure, since PGlite does not sync to the disk.
 *
 * The process ends when this one does, however that happens, and closes the database first.
 *
 * @param options.dataDirectory is created if need be, for this user alone (0700)
 * @throws AppError `SERVICE_UNAVAILABLE` if another process has the directory open, or the database does not
 *   come up
 */
export async function startEmbeddedDatabase(options: { dataDirectory: string; log?: EmbeddedLog }) {
  const dataDirectory = resolve(options.dataDirectory);
  const startedAt = performance.now();
  const child = spawnProcess(dataDirectory);
  const { pid } = child;
  let isStopping = false;
  let output = "";

  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(-STDERR_LIMIT);
    options.log?.warn({ databasePid: pid, output: text.trimEnd() }, "the embedded database printed");
  });
  const stderrEnded = new Promise((resolveEnd) => child.stderr?.once("close", resolveEnd));
  const exited = new Promise<EmbeddedExit>((resolveExit) => {
    // Not "close": Node does not emit that once this side has disconnected.
    child.once("exit", (code, signal) => resolveExit({ code, signal, wasExpected: isStopping }));
  });
  const report = await firstReport(child);
  if (report.type === "failed" || pid === undefined) {
    child.kill("SIGKILL");
    // What the process printed may arrive after its exit is reported.
    await Promise.race([stderrEnded, delay(1_000)]);
    const reason = report.type === "failed" ? report.message : "it has no process";
    throw new AppError(
      "SERVICE_UNAVAILABLE",
      `The embedded database did not start: ${reason}${output && `\n${output.trimEnd()}`}`,
    );
  }
  options.log?.info(
    { databasePid: pid, port: report.port, dataDirectory, ms: Math.round(performance.now() - startedAt) },
    "embedded database started",
  );

  return {
    connectionString: `postgres://postgres@127.0.0.1:${report.port}/postgres`,
    pid,
    /** Resolves when the process has ended, whether or not that was intended. Never rejects. */
    exited,
    /**
     * Undoes open transactions, closes the database and waits for the process to end. May be called again.
     */
    async stop(): Promise<EmbeddedExit> {
      isStopping = true;
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
  };
}

function spawnProcess(dataDirectory: string): ChildProcess {
  const isSource = import.meta.url.endsWith(".ts");
  const entry = new URL(`./embeddedProcess.${isSource ? "ts" : "js"}`, import.meta.url);
  const loader = () => pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  return fork(fileURLToPath(entry), [dataDirectory], {
    execArgv: isSource ? ["--import", loader()] : [],
    // The database needs none of the service's secrets, and no options meant for the service's own process.
    env: {},
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
}

function firstReport(child: ChildProcess): Promise<EmbeddedReport> {
  return new Promise((resolveReport) => {
    const fail = (message: string) => resolveReport({ type: "failed", message });
    // as: embeddedProcess.ts sends no other kind of message
    child.once("message", (message) => resolveReport(message as EmbeddedReport));
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code, signal) => fail(`its process ended (${signal ?? `exit code ${code}`})`));
  });
}
