import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ConversionTaskInput, JobEvent } from "../../../src/sdk/index.ts";
import { paginate } from "../../../src/sdk/index.ts";

/** Creates a project, and functions that create jobs of it and read what became of them. */
export async function createJobs(client: Client, ownerId: string) {
  const { project } = await client.importProject({
    input: { ownerId, name: "widget", githubUrl: `https://github.com/acme/${Math.random()}` },
  });

  let agentType = "";

  /** Creates a job with these tasks, each of which depends on the one before. */
  async function create(
    input: { tasks?: readonly string[]; priority?: number; maxAttempts?: number; agentType?: string } = {},
  ): Promise<string> {
    const { tasks = ["a", "b"], agentType: needed = agentType, ...rest } = input;
    const planned = tasks.map(
      (id, index): ConversionTaskInput => ({
        id,
        type: "analysis",
        description: `The task ${id}.`,
        agentType: needed,
        dependencies: tasks.slice(Math.max(0, index - 1), index),
      }),
    );
    const { conversionJob } = await client.createConversionJob({
      input: { projectId: project.id, plan: { tasks: planned }, ...rest },
    });
    return conversionJob.id;
  }

  async function events(id: string): Promise<JobEvent[]> {
    const readPage = async (page: object = {}) =>
      (await client.conversionJobEvents({ id, first: 1_000, ...page }))?.events;
    const all: JobEvent[] = [];
    for await (const event of paginate(readPage)) all.push(event);
    return all;
  }

  /** The types of the job's events, without those of progress, whose number varies. */
  async function story(id: string): Promise<string[]> {
    return (await events(id)).filter(({ type }) => type !== "PROGRESS").map(({ type }) => type);
  }

  /** Waits until the job is as wanted. */
  async function until(
    id: string,
    wanted: (job: NonNullable<Awaited<ReturnType<Client["conversionJob"]>>>) => boolean,
  ) {
    for (;;) {
      const job = await client.conversionJob({ id });
      if (job && wanted(job)) return job;
      await sleep(20);
    }
  }

  /** Waits until its worker has released it. */
  async function released(id: string): Promise<void> {
    while (!(await story(id)).includes("RELEASED")) await sleep(20);
  }

  return {
    released,
    projectId: project.id,
    create,
    events,
    story,
    until,
    agentType: () => agentType,
    /** From now on, jobs need a new agent type, so no worker claims jobs that the test before has left. */
    separate() {
      agentType = randomUUID();
    },
  };
}

/** A promise that is resolved from outside. */
export function createGate<Value = void>() {
  let open: (value: Value) => void = () => {};
  const opened = new Promise<Value>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
