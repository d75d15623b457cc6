import { closeSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { chown, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type GuardedProgram, startGuarded } from "./guard.ts";

/** A database server of the tests' own. It ends at the latest with the process that started it. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** The server's process id; undefined while it is down, and when it runs in a container. */
  pid(): number | undefined;
  /** Ends the server in good order and removes its files. A second call does nothing. */
  stop(): Promise<void>;
  /** Ends the server as a crash would: clients see broken connections. Its files and its port stay. */
  kill(): Promise<void>;
  /** Starts the server again, on the same port and files, after ending it if it runs. */
  restart(): Promise<void>;
}

export interface ServerProgram {
  /** Part of the temporary folder's name. */
  readonly name: string;
  readonly command: string;
  args(port: number): readonly string[];
  url(port: number): string;
  /** Resolves when the server answers, rejects when it does not yet. */
  ping(url: string): Promise<void>;
  readonly user?: { readonly uid: number; readonly gid: number };
  /** The signal that ends it at once but cleanly, even with clients connected. */
  readonly stopSignal: "TERM" | "QUIT";
  readonly crashSignal: "SIGKILL" | "SIGQUIT";
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

export async function startServer(program: ServerProgram): Promise<TestServer> {
  // Another program may take the free port before the server binds it.
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(program, await findFreePort());
    } catch (error) {
      const isPortTaken = error instanceof Error && /address already in use/i.test(error.message);
      if (!isPortTaken || attempt === 5) throw error;
    }
  }
}

async function startOnce(program: ServerProgram, port: number): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), `stack-converter-${program.name}-`));
  const logFile = join(folder, "server.log");
  const url = program.url(port);
  let running: GuardedProgram | undefined;

  async function start() {
    const log = openSync(logFile, "a");
    const started = startGuarded({
      command: program.command,
      args: program.args(port),
      cwd: folder,
      signal: program.stopSignal,
      folder,
      output: log,
      ...program.user,
    });
    closeSync(log);
    running = started;
    // Neither the server nor its guard's pipe must keep this process alive: both end with it.
    started.child.unref();

    let hasExited = false;
    void started.exited.then(() => {
      hasExited = true;
      if (running === started) running = undefined;
    });
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        await program.ping(url);
        // Something answers on the port. It is certainly our server only while our server runs.
        if (!hasExited) return;
      } catch (error) {
        if (!hasExited && Date.now() > deadline) {
          await end("SIGKILL");
          throw new Error(`${program.name} does not answer. Its log:\n${readLog(logFile)}`, { cause: error });
        }
      }
      if (hasExited) throw new Error(`${program.name} does not start. Its log:\n${readLog(logFile)}`);
      await sleep(20);
    }
  }

  async function end(signal: NodeJS.Signals) {
    const ending = running;
    if (ending === undefined) return;
    ending.signal(signal);
    const timer = setTimeout(() => ending.killGroup(), STOP_TIMEOUT_MS);
    await ending.exited;
    clearTimeout(timer);
  }

  if (program.user !== undefined) await chown(folder, program.user.uid, program.user.gid);
  try {
    await start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }

  return {
    url,
    port,
    pid: () => running?.pid,
    kill: () => end(program.crashSignal),
    async stop() {
      await end(`SIG${program.stopSignal}`);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
    async restart() {
      await end(`SIG${program.stopSignal}`);
      await start();
    },
  };
}

/**
 * A port that nobody listens on, from below the ephemeral range of Linux, macOS and Windows. Outgoing
 * connections use ports of that range, so one could be taken when a server restarts on it.
 */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
  }
  throw new Error("None of 100 ports between 20000 and 31999 is free.");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

function readLog(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-30).join("\n");
}
