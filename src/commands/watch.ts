import type { ProgressStream } from "../import/progressBar.ts";
import { type Client, createClient, type JobEvent } from "../sdk/index.ts";
import { CommandError, withHint } from "./error.ts";
import { createJobBars } from "./jobBars.ts";
import { words } from "./wording.ts";

export interface WatchCommand {
  readonly url: string;
  readonly token?: string | undefined;
  /** By default the newest job. */
  readonly jobId?: string | undefined;
  /** A line of JSON for each event, and nothing else. */
  readonly isJson: boolean;
}

export interface WatchIo {
  readonly print: (line: string) => void;
  /** For the bar. */
  readonly progress: ProgressStream;
  /** Whether the bar and the lines go to a terminal. */
  readonly isInteractive: boolean;
  readonly signal: AbortSignal;
}

/**
 * `stack-converter watch`: prints the events of a job, from its beginning until it ends.
 *
 * @returns the exit code: 0 when the job was completed, 1 when it failed or was cancelled, 130 when the
 *   signal was aborted
 * @throws CommandError and StackConverterError: the messages are for people
 */
export async function runWatch({ url, token, jobId, isJson }: WatchCommand, io: WatchIo): Promise<number> {
  const client = createClient({ url, token });
  const bars = createJobBars({
    stream: io.progress,
    isInteractive: io.isInteractive && !isJson,
    print: io.print,
  });
  let last: JobEvent | undefined;
  try {
    const { id, project } = await findJob(client, jobId, io.signal);
    if (!isJson) bars.say(`${project.name} (${id})`);
    for await (const event of client.watchJob(id, { signal: io.signal })) {
      if (isJson) io.print(JSON.stringify(event));
      else if (event.type !== "PROGRESS" || !bars.isInteractive) bars.say(describe(event));
      if (event.status === "RUNNING") {
        const task = event.currentTask ?? (event.type === "PROGRESS" ? null : last?.currentTask);
        bars.show(id, project.name, event.progress, task ?? "");
      } else bars.end(id);
      last = event;
    }
  } catch (error) {
    if (io.signal.aborted) return 130;
    throw withHint(error);
  } finally {
    bars.close();
  }
  return last?.status === "COMPLETED" ? 0 : 1;
}

async function findJob(client: Client, jobId: string | undefined, signal: AbortSignal) {
  if (jobId === undefined) {
    const { nodes } = await client.conversionJobs({ first: 1 }, { signal });
    if (nodes[0]) return nodes[0];
    throw new CommandError("There is no conversion job yet: `npx stack-converter convert` creates one.");
  }
  const job = await client.conversionJob({ id: jobId }, { signal });
  if (job) return job;
  throw new CommandError(`There is no conversion job ${jobId}.`);
}

function describe(event: JobEvent): string {
  const { type, progress, currentTask, workerId, taskId, taskStatus, message, attempt, priority } = event;
  const details: Partial<Record<JobEvent["type"], string>> = {
    CLAIMED: `by ${workerId}, attempt ${attempt}`,
    PROGRESS: [`${progress} %`, currentTask].filter(Boolean).join("  "),
    REPRIORITIZED: `to ${priority}`,
    TASK_RESULT: `${taskId} ${taskStatus}`,
  };
  const what = details[type] ?? "";
  const time = new Date(event.createdAt).toISOString().slice(11, 23);
  const text = [what, message].filter(Boolean).join(": ");
  return `${time}  ${words(type.toLowerCase().replaceAll("_", "-")).padEnd(14)}  ${text}`.trimEnd();
}
