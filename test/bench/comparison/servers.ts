import { execFileSync } from "node:child_process";
import { openSync, readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { type GuardedProgram, startGuarded } from "../../support/guard.ts";
import { findFreePort } from "../../support/server.ts";
import { has } from "../machine.ts";
import type { Contender } from "./contenders.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const START_TIMEOUT_MS = 60_000;
/** Not NODE_OPTIONS: that allows no profiles, and would apply to the benchmark itself too. */
const NODE_OPTIONS = (process.env.BENCH_NODE_OPTIONS ?? "").split(" ").filter((option) => option !== "");

export interface Server {
  readonly contender: Contender;
  readonly pid: number;
  readonly url: string;
  readonly database: string;
  /** From the start of the process to the first answer. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/** The server under load has this core for itself, if there is taskset and more than one core. */
const SERVER_CORE = 1;
const canPin = cpus().length > 1 && has("taskset");

/**
 * Keeps everything that this process starts off the servers' core: wrk, PostgreSQL and Redis.
 *
 * @returns a description of the pinning, for the results
 */
export function pinEverythingElse(): string {
  if (!has("wrk")) throw new Error("wrk is missing: apt-get install wrk");
  if (!canPin) return "nothing pinned (taskset and a second core are needed)";
  const others = cpus().flatMap((_, core) => (core === SERVER_CORE ? [] : [core]));
  execFileSync("taskset", ["-acp", others.join(","), String(process.pid)], { stdio: "ignore" });
  return `servers on core ${SERVER_CORE}; load, PostgreSQL and Redis on ${others.length === 1 ? "core" : "cores"} ${others.join(", ")}`;
}

/**
 * Starts a server, and waits until it answers `body` with data.
 *
 * @throws Error when the server ends, or does not answer within a minute
 */
export async function startServer(
  contender: Contender,
  {
    database,
    redis,
    env = {},
    body,
  }: { database: string; redis: string; env?: Record<string, string>; body: string },
): Promise<Server> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}/graphql`;
  const command = [process.execPath, ...NODE_OPTIONS, ...contender.program];
  const [program, ...args] = canPin ? ["taskset", "-c", String(SERVER_CORE), ...command] : command;
  const startedAt = performance.now();
  const running: GuardedProgram = startGuarded({
    command: program!,
    args,
    cwd: ROOT,
    env: {
      ...process.env,
      NODE_ENV: "production",
      PORT: String(port),
      DATABASE_URL: database,
      REDIS_URL: redis,
      ...contender.env,
      ...env,
    },
    signal: "TERM",
    // Some servers write a log line for each request. Nobody reads it, but it is written all the same.
    output: openSync(process.env.BENCH_LOG ?? "/dev/null", "a"),
  });
  let hasExited = false;
  void running.exited.then(() => {
    hasExited = true;
  });
  for (;;) {
    if (await answers(url, contender.headers, body)) break;
    if (hasExited) throw new Error(`${contender.name} does not start; BENCH_LOG=<file> has what it says.`);
    if (performance.now() - startedAt > START_TIMEOUT_MS) {
      running.killGroup();
      throw new Error(`${contender.name} does not answer ${body}; BENCH_LOG=<file> has what it says.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    contender,
    pid: running.pid,
    url,
    database,
    startMs: performance.now() - startedAt,
    async stop() {
      running.signal("SIGTERM");
      const timer = setTimeout(() => running.killGroup(), 20_000);
      await running.exited;
      clearTimeout(timer);
    },
  };
}

async function answers(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", ...headers },
      body,
    });
    return (await response.text()).includes('"data":{') && response.ok;
  } catch {
    return false;
  }
}

/** Sends one operation. */
export async function ask(server: Server, body: string): Promise<Response> {
  return fetch(server.url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", ...server.contender.headers },
    body,
  });
}

/** Processor time of all threads so far, in ns, as the scheduler counts it. */
export function cpuNanoseconds(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      // The thread has ended since the folder was read.
    }
  }
  return sum;
}

export function residentBytes(pid: number): number {
  return 1_024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** How long core 0 has been idle so far, in ticks of 10 ms. */
export function idleTicksOfLoadCore(): number {
  const fields = /^cpu0 (.*)$/m.exec(readFileSync("/proc/stat", "utf8"))![1]!.split(" ");
  return Number(fields[3]) + Number(fields[4]);
}
