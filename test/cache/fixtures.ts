import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { pino } from "pino";
import { createRedisConnection, type RedisConfig } from "../../src/cache/connection.ts";
import { atEndOfFile } from "../support/cleanup.ts";

export const silent = pino({ level: "silent" });

const DEFAULTS = { maxRetries: 2, connectTimeoutMs: 2_000, commandTimeoutMs: 2_000 };

/** Opens a connection and waits until it is ready. It is closed when the test file ends. */
export async function connectTo(url: string, config: Partial<RedisConfig> = {}) {
  const connection = createRedisConnection({ ...DEFAULTS, url, ...config }, silent);
  atEndOfFile(connection.close);
  if (!(await connection.waitUntilReady(10_000))) throw new Error(`No connection to ${url}.`);
  return connection;
}

/** A plain Redis client, for commands that a test sends past the product. */
export function controlClient(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on("error", () => {});
  atEndOfFile(async () => client.disconnect());
  return client;
}

/** Records unhandled rejections and exceptions, for an assertion. Vitest fails the run for them too. */
export function watchUnhandled(): unknown[] {
  const seen: unknown[] = [];
  const record = (reason: unknown) => seen.push(reason);
  process.on("unhandledRejection", record);
  process.on("uncaughtException", record);
  atEndOfFile(async () => {
    process.off("unhandledRejection", record);
    process.off("uncaughtException", record);
  });
  return seen;
}

/** A logger that keeps its lines. */
export function recordingLog() {
  const lines: string[] = [];
  return { lines, log: pino({ level: "trace" }, { write: (line: string) => lines.push(line) }) };
}

/** Everything that printing the error could show. */
export function everythingIn(error: unknown): string {
  return inspect(error, { depth: 10, showHidden: true });
}

/** Stops a process as Ctrl-Z does, and returns when it has stopped. */
export async function freeze(pid: number | undefined): Promise<void> {
  if (pid === undefined) throw new Error("The server runs in a container and cannot be stopped from here.");
  process.kill(pid, "SIGSTOP");
  await until(() =>
    execFileSync("ps", ["-o", "state=", "-p", String(pid)])
      .toString()
      .startsWith("T"),
  );
}

export function thaw(pid: number | undefined): void {
  if (pid !== undefined) process.kill(pid, "SIGCONT");
}

export async function until(isTrue: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`Not true after ${timeoutMs} ms: ${isTrue}`);
    await sleep(5);
  }
}
