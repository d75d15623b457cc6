import type { ProgressStream } from "../import/progressBar.ts";
import { createClient } from "../sdk/index.ts";
import { createWorker, type WorkerEvent } from "../sdk/worker.ts";
import { analyse } from "./analysis/handler.ts";
import { ANALYSIS_AGENT } from "./analysis/plan.ts";
import { createJobBars } from "./jobBars.ts";
import { count } from "./wording.ts";

export interface WorkCommand {
  readonly url: string;
  readonly token?: string | undefined;
  /** How many jobs at a time. */
  readonly concurrency: number;
  /** End when there is nothing left to do. */
  readonly once: boolean;
}

export interface WorkIo {
  readonly print: (line: string) => void;
  /** For the bars. */
  readonly progress: ProgressStream;
  /** Whether the bars and the lines go to a terminal. */
  readonly isInteractive: boolean;
  /** Calls back on every signal to stop, with its name. */
  readonly onSignal: (listener: (signal: string) => void) => void;
  readonly exit: (code: number) => never;
}

/**
 * `stack-converter work --demo`: a worker that analyses projects. After the first signal running jobs may
 * finish, and are given back after half a minute. The second signal ends the process, and the jobs' leases
 * run out.
 *
 * @returns the exit code: 1 when a job has failed
 * @throws StackConverterError when the service refuses the worker
 */
export async function runWork({ url, token, concurrency, once }: WorkCommand, io: WorkIo): Promise<number> {
  const client = createClient({ url, token });
  const bars = createJobBars({ stream: io.progress, isInteractive: io.isInteractive, print: io.print });
  const ended = { completed: 0, failed: 0, released: 0, lost: 0 };
  const results = new Map<string, string[]>();
  let isWaiting = false;

  const worker = createWorker({
    client,
    agentTypes: [ANALYSIS_AGENT],
    concurrency,
    once,
    log(event) {
      const line = describe(event);
      if (event.type === "retrying") {
        // Told once, not every ten seconds.
        if (!isWaiting) bars.say(line);
        isWaiting = true;
        return;
      }
      isWaiting = false;
      const { job } = event;
      if (event.type in ended) ended[event.type as keyof typeof ended]++;
      if (job !== undefined && event.type in ended) {
        bars.end(job.id);
        for (const result of results.get(job.id) ?? []) bars.say(result);
        results.delete(job.id);
      }
      bars.say(line);
    },
    handle(context) {
      const { job } = context;
      return analyse(context, {
        client,
        onProgress: (progress, task) => bars.show(job.id, job.project.name, progress, task),
        onResult: ({ id }, { status, output, error }) => {
          const text = (output ?? error ?? "").split("\n").map((line) => `    ${line}`);
          results.set(job.id, [...(results.get(job.id) ?? []), `  ${id} ${status}`, ...text]);
        },
      });
    },
  });

  let isStopping = false;
  io.onSignal((signal) => {
    if (isStopping) {
      bars.close();
      io.exit(1);
    }
    isStopping = true;
    bars.say(`${signal}: running jobs may finish; a second signal stops at once.`);
    void worker.stop();
  });

  const jobs = concurrency === 1 ? "one job" : `${concurrency} jobs`;
  bars.say(`${worker.workerId} analyses projects for ${url}, ${jobs} at a time.`);
  try {
    await worker.run();
  } finally {
    bars.close();
  }
  const { completed, failed, released, lost } = ended;
  bars.say(
    `Done: ${count(completed, "job")} completed, ${failed} failed, ${released} given back, ${lost} lost or cancelled.`,
  );
  return failed > 0 ? 1 : 0;
}

function describe(event: WorkerEvent): string {
  const job = event.job === undefined ? "" : ` ${event.job.project.name} (${event.job.id})`;
  switch (event.type) {
    case "retrying":
      return `${event.error.message} Trying again until it answers.`;
    case "message":
      return `${event.message}${job}`;
    case "failed": {
      const reason = event.error instanceof Error ? event.error.message : String(event.error);
      return `failed${job}: ${reason}`;
    }
    case "lost":
      return `${event.reason === "CANCELLED" ? "cancelled" : "lost"}${job}`;
    case "released":
      return `given back${job}`;
    default:
      return `${event.type}${job}`;
  }
}
