import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { Socket } from "node:net";

/**
 * A program that cannot outlive us, however we end: SIGKILL, a crash, a terminated worker.
 *
 * A small shell becomes the program by `exec`, so its process id is the program's, and leaves
 * a subshell behind that reads a pipe of which only we hold the other end. The kernel closes
 * that end with our last breath; the subshell then signals the program and removes its folder.
 * Signal handlers and `process.on("exit")` cannot do this: SIGKILL runs neither.
 *
 * The program leads a process group (and session) of its own: a Ctrl-C in the terminal does not
 * reach it before our own orderly stop does, and its children are found by the group.
 */
const GUARD = `
signal=$1 folder=$2
shift 2
(
  trap "" HUP INT QUIT TERM
  # A line says that the program is gone and that we live: there is nothing left to guard.
  if read -r _ <&3; then exit 0; fi
  kill -s "$signal" -- "-$$"
  tries=0
  while kill -0 "$$" && [ "$tries" -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
  if [ -n "$folder" ]; then rm -rf "$folder"; fi
  kill -s KILL -- "-$$"
) >/dev/null 2>&1 &
exec 3<&-
exec "$@"
`;

export interface GuardedProgram {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Settles when the program ends, for whatever reason. Never rejects. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends a signal to the program alone. False when it has ended. */
  signal(name: NodeJS.Signals): boolean;
  /** Sends SIGKILL to the program and everything it started, which may outlive it. */
  killGroup(): void;
}

export interface GuardOptions {
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** User and group to run as; both the program's and the one that removes `folder`. */
  readonly uid?: number;
  readonly gid?: number;
  /** What ends the program when we are gone. Five seconds later it is SIGKILL. */
  readonly signal: "TERM" | "QUIT";
  /** Removed when we are gone. As long as we live that is our own business. */
  readonly folder?: string;
  /** Where standard output and standard error go. */
  readonly output: "pipe" | number;
}

/** Starts a program that ends when this process does. Its standard input is empty. */
export function startGuarded(options: GuardOptions): GuardedProgram {
  const { command, args = [], cwd, env, uid, gid, signal, folder = "", output } = options;
  // Not through standard input: Node closes that one as soon as it sees the program end, before
  // the line can be written, and the guard would take a crashed server for a crash of ours.
  const stdio: StdioOptions = ["ignore", output, output, "pipe"];
  const child = spawn("/bin/sh", ["-c", GUARD, "guard", signal, folder, command, ...args], {
    stdio,
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const { pid } = child;
  const lifeline = child.stdio[3];
  if (pid === undefined || !(lifeline instanceof Socket)) throw new Error("/bin/sh could not be started.");

  let isRunning = true;
  // The guard may have gone before us (killGroup): that the pipe is broken then says nothing new.
  lifeline.on("error", () => {});
  // It has nothing to say, and is no reason for us to stay alive.
  lifeline.unref();
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signalName) => {
      isRunning = false;
      lifeline.end("\n");
      resolve({ code, signal: signalName });
    });
  });
  return {
    pid,
    child,
    exited,
    signal: (name) => isRunning && child.kill(name),
    killGroup() {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // ESRCH: all of them have ended already.
      }
    },
  };
}
