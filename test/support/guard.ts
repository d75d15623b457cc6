import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { Socket } from "node:net";

/**
 * Runs a program that cannot outlive this process, however this process ends: SIGKILL, a crash, a terminated
 * worker.
 *
 * A small shell starts a subshell and then becomes the program by `exec`, so that its process id is the
 * program's. The subshell reads a pipe whose other end only this process holds. When this process ends, the
 * kernel closes that end. The subshell then signals the program and removes its folder. Signal handlers and
 * `process.on("exit")` cannot do this: SIGKILL runs neither.
 *
 * The program leads a process group (and session) of its own. A Ctrl-C in the terminal therefore does not
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
  /** Resolves when the program ends, for whatever reason. Never rejects. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends a signal to the program alone. Returns false if the program has ended. */
  signal(name: NodeJS.Signals): boolean;
  /** Sends SIGKILL to the program and to all processes that it started, which may outlive it. */
  killGroup(): void;
}

export interface GuardOptions {
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The user and group of the program, and of the subshell that removes `folder`. */
  readonly uid?: number;
  readonly gid?: number;
  /** The signal that ends the program after this process has ended. Five seconds later SIGKILL follows. */
  readonly signal: "TERM" | "QUIT";
  /** Removed after this process has ended. While it lives, it has to remove the folder itself. */
  readonly folder?: string;
  /** Where standard output and standard error go. */
  readonly output: "pipe" | number;
}

/** Starts a program that ends when this process does. Its standard input is empty. */
export function startGuarded(options: GuardOptions): GuardedProgram {
  const { command, args = [], cwd, env, uid, gid, signal, folder = "", output } = options;
  // The guard's pipe is not standard input. Node closes standard input as soon as it sees the program end,
  // before the line can be written, and the guard would mistake a crash of the server for a crash of this
  // process.
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
  // The guard may end before this process (killGroup). A broken pipe is expected then.
  lifeline.on("error", () => {});
  // The guard sends nothing, and must not keep this process alive.
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
        // ESRCH: all processes of the group have ended already.
      }
    },
  };
}
