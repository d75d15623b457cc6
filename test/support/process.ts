import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { atEndOfFile } from "./cleanup.ts";
import { startGuarded } from "./guard.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSX = import.meta.resolve("tsx");

export interface Program {
  readonly pid: number;
  /** Standard output and standard error so far, as they came. */
  output(): string;
  /**
   * Resolves with the first line of the output, from the program's start on, that contains the text or
   * matches the pattern.
   *
   * @throws Error with the whole output when the program ends, or `timeoutMs` (30,000) pass, without it
   */
  waitForLine(wanted: string | RegExp, options?: { timeoutMs?: number }): Promise<string>;
  /** Resolves when the program has ended, with how it ended. All its output has been read by then. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /**
   * Sends a signal (by default SIGTERM) and waits for the end. After `timeoutMs` (20,000) it sends SIGKILL to
   * the program and its children.
   */
  stop(options?: {
    signal?: NodeJS.Signals;
    timeoutMs?: number;
  }): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends SIGKILL to the program and to all processes that it started. */
  kill(): Promise<void>;
}

export interface ProgramOptions {
  readonly args?: readonly string[];
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By default the repository's root. */
  readonly cwd?: string;
}

/** Runs a TypeScript (or JavaScript) file of this repository, named from the repository's root. */
export function startProgram(file: string, options: ProgramOptions = {}): Program {
  return startCommand(process.execPath, {
    ...options,
    args: ["--import", TSX, fileURLToPath(new URL(file, `file://${ROOT}`)), ...(options.args ?? [])],
  });
}

/** Runs any command. It is killed when the test file ends, however the file ends. */
export function startCommand(command: string, options: ProgramOptions = {}): Program {
  const { args = [], env = {}, cwd = ROOT } = options;
  const program = startGuarded({
    command,
    args,
    cwd,
    env: { ...process.env, ...env },
    signal: "TERM",
    output: "pipe",
  });
  let text = "";
  for (const stream of [program.child.stdout, program.child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => {
      text += chunk;
    });
  }
  let hasEnded = false;
  // Not `exit`: at that event the end of the output may still be in the pipes.
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    program.child.once("close", (code, signal) => {
      hasEnded = true;
      resolve({ code, signal });
    });
  });

  async function waitForLine(wanted: string | RegExp, { timeoutMs = 30_000 } = {}) {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const wasEnded = hasEnded;
      const lines = text.split("\n");
      // The last line may be incomplete while the program runs.
      if (!wasEnded) lines.pop();
      const line = lines.find((candidate) =>
        typeof wanted === "string" ? candidate.includes(wanted) : candidate.match(wanted) !== null,
      );
      if (line !== undefined) return line;
      if (wasEnded || Date.now() > deadline) {
        const how = wasEnded ? "ended" : `ran for ${timeoutMs} ms`;
        throw new Error(
          `${command} ${args.join(" ")} ${how} without the line ${wanted}. Its output:\n${text}`,
        );
      }
      await sleep(10);
    }
  }

  async function kill() {
    // After the end, the group's id may belong to other processes.
    if (!hasEnded) program.killGroup();
    await exited;
  }

  async function stop({ signal = "SIGTERM" as NodeJS.Signals, timeoutMs = 20_000 } = {}) {
    program.signal(signal);
    const timer = setTimeout(program.killGroup, timeoutMs);
    const result = await exited;
    clearTimeout(timer);
    return result;
  }

  atEndOfFile(kill);
  return { pid: program.pid, output: () => text, waitForLine, exited, stop, kill };
}
