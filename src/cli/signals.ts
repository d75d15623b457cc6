/** What the process is told from outside: signals, and that nobody reads its output any more. */

const STOPPING = ["SIGTERM", "SIGINT"] as const;

/** The exit code of a program that SIGPIPE has ended, as shells tell it. Node.js ignores the signal. */
const BROKEN_PIPE = 141;

export function createSignals(host: Pick<NodeJS.Process, "on" | "off" | "stdout" | "stderr" | "exit">) {
  return {
    /** Aborted by Ctrl-C or SIGTERM. A second signal ends the process, as it does by default. */
    interruption(): AbortSignal {
      const controller = new AbortController();
      const abort = (): void => {
        for (const signal of STOPPING) host.off(signal, abort);
        controller.abort();
      };
      for (const signal of STOPPING) host.on(signal, abort);
      return controller.signal;
    },

    onSignal(listener: (signal: string) => void): void {
      for (const signal of STOPPING) host.on(signal, listener);
    },

    /**
     * Ends the process quietly when the reader of its standard output goes away, as `| head -1` does. Standard
     * error has progress and advice, and the work goes on without a reader of these.
     */
    endWithReader(): void {
      host.stdout.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") throw error;
        host.exit(BROKEN_PIPE);
      });
      host.stderr.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") throw error;
      });
    },
  };
}
