/** What the process is told from outside: signals, and that nobody reads its output any more. */

const STOPPING = ["SIGTERM", "SIGINT"] as const;

/** Aborted by Ctrl-C or SIGTERM. A second signal ends the process, as it does by default. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => {
    for (const signal of STOPPING) process.off(signal, abort);
    controller.abort();
  };
  for (const signal of STOPPING) process.on(signal, abort);
  return controller.signal;
}

export function onSignal(listener: (signal: string) => void): void {
  for (const signal of STOPPING) process.on(signal, listener);
}

/** The exit code of a program that SIGPIPE has ended, as shells tell it. Node.js ignores the signal. */
const BROKEN_PIPE = 141;

/**
 * Ends the process quietly when the reader of its standard output goes away, as `| head -1` does. Standard
 * error has progress and advice, and the work goes on without a reader of these.
 */
export function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(BROKEN_PIPE);
  });
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}
