import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Client, createClient, type JobEvent } from "../../src/sdk/index.ts";
import { createWorker } from "../../src/sdk/worker.ts";
import { createLink } from "../check/coherence/link.ts";
import { ACCESS_ENV, ADMINISTRATOR_TOKEN, addAdministrator } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createEmptyDatabase } from "../support/postgres.ts";
import { type Program, startCommand } from "../support/process.ts";
import { findFreePort } from "../support/server.ts";
import { startService } from "../support/service.ts";
import { createGate, createJobs } from "./support/jobs.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

let client: Client;
let url: string;
let jobs: Awaited<ReturnType<typeof createJobs>>;

beforeAll(async () => {
  const service = await startService();
  url = service.url;
  client = createClient({ url });
  jobs = await createJobs(client, service.ownerId);
});
beforeEach(() => jobs.separate());

/** Works on all jobs that there are, with `reports` reports of progress for each. */
async function work(
  agentType: string,
  { reports = 20, pauseMs = 0, client: by = client } = {},
): Promise<void> {
  const worker = createWorker({
    client: by,
    agentTypes: [agentType],
    once: true,
    async handle({ reportProgress, reportTaskResult }) {
      for (let index = 1; index <= reports; index++) {
        await reportProgress({ progress: Math.floor((index * 100) / reports), currentTask: `step ${index}` });
        await sleep(pauseMs);
      }
      await reportTaskResult({ taskId: "a", status: "COMPLETED" });
    },
  });
  await worker.run();
}

async function watched(by: Client, id: string, after?: number): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of by.watchJob(id, { after })) events.push(event);
  return events;
}

describe("watchJob", () => {
  it("gives each event once and in order, as it happens, and ends with the job", async () => {
    const id = await jobs.create();
    const all = watched(client, id);
    await work(jobs.agentType());
    expect(await all).toEqual(await jobs.events(id));
    const types = (await all).map(({ type }) => type);
    expect([types[0], types[1], types.at(-1)]).toEqual(["CREATED", "CLAIMED", "COMPLETED"]);
    expect(types.filter((type) => type === "PROGRESS")).toHaveLength(20);
  });

  it("gives the log of a job that has ended, whole or from an event on", async () => {
    const id = await jobs.create();
    await work(jobs.agentType(), { reports: 3 });
    const log = await jobs.events(id);
    expect(await watched(client, id)).toEqual(log);
    expect(await watched(client, id, 4)).toEqual(log.slice(4));
    expect(await watched(client, id, log.length)).toEqual([]);
  });

  it("goes on after a failure that was retried", async () => {
    const id = await jobs.create({ maxAttempts: 1 });
    const failing = createWorker({
      client,
      agentTypes: [jobs.agentType()],
      once: true,
      handle: () => Promise.reject(new Error("no")),
    });
    await failing.run();
    expect((await watched(client, id)).at(-1)?.type).toBe("FAILED");
    await client.retryConversionJob({ input: { id } });
    await work(jobs.agentType(), { reports: 1 });
    expect((await watched(client, id)).map(({ type }) => type)).toEqual([
      "CREATED",
      "CLAIMED",
      "FAILED",
      "RETRIED",
      "CLAIMED",
      "PROGRESS",
      "TASK_RESULT",
      "COMPLETED",
    ]);
  });

  it("rejects for a job that does not exist, and is ended by its signal", async () => {
    const unknown = "ConversionJob:01890a5d-ac96-774b-bcce-b302099a8057";
    await expect(watched(client, unknown)).rejects.toMatchObject({
      name: "StackConverterError",
      code: "NOT_FOUND",
    });
    const id = await jobs.create();
    const controller = new AbortController();
    const events = client.watchJob(id, { signal: controller.signal });
    expect((await events.next()).value).toMatchObject({ type: "CREATED" });
    setTimeout(() => controller.abort(), 50);
    await expect(events.next()).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("closes the stream when the loop is left", async () => {
    const id = await jobs.create();
    const open = async () => (await client.statistics()).subscriptions.open;
    for await (const event of client.watchJob(id)) {
      expect(event.type).toBe("CREATED");
      expect(await open()).toBe(1);
      break;
    }
    while ((await open()) > 0) await sleep(10);
  });

  it("polls the log where streams are not supported", async () => {
    const id = await jobs.create();
    const asked: string[] = [];
    const polling = createClient({
      url,
      fetch: async (input, init) => {
        const accept = String(new Headers(init?.headers).get("accept"));
        asked.push(accept);
        return accept === "text/event-stream"
          ? new Response("No streams here.", { status: 406 })
          : await fetch(input, init);
      },
    });
    const all = watched(polling, id);
    await work(jobs.agentType(), { reports: 5 });
    expect(await all).toEqual(await jobs.events(id));
    expect(asked.filter((accept) => accept === "text/event-stream")).toHaveLength(1);
  });
});

describe("a connection that breaks", () => {
  it("is opened again, wherever it breaks", async () => {
    const link = await createLink(Number(new URL(url).port));
    atEndOfFile(link.close);
    const id = await jobs.create();
    const all = watched(createClient({ url: `http://127.0.0.1:${link.port}/graphql` }), id);
    const working = work(jobs.agentType(), { reports: 30, pauseMs: 50 });
    for (let cuts = 0; cuts < 10; cuts++) {
      await sleep(150);
      link.cut();
      link.heal();
    }
    await working;
    expect(await all).toEqual(await jobs.events(id));
  });

  it("is given up when the service stays away", async () => {
    const nobody = createServer();
    await new Promise<void>((resolve) => nobody.listen(0, "127.0.0.1", resolve));
    // Safe: it listens on a port.
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    const events = createClient({ url: `http://127.0.0.1:${port}/graphql` }).watchJob("ConversionJob:x", {
      giveUpAfterMs: 100,
    });
    await expect(events.next()).rejects.toMatchObject({ code: "NETWORK_ERROR" });
  });
});

describe("a service that is restarted", () => {
  let program: Program;
  let port: number;
  let env: Record<string, string | undefined>;

  const start = async () => {
    program = startCommand(process.execPath, { args: [CLI, "serve"], env });
    await program.waitForLine("GraphQL is at", { timeoutMs: 60_000 });
  };

  beforeAll(async () => {
    const { url: databaseUrl } = await createEmptyDatabase();
    port = await findFreePort();
    env = {
      ...ACCESS_ENV,
      DATABASE_URL: databaseUrl,
      PORT: String(port),
      LOG_LEVEL: "info",
      REDIS_URL: undefined,
    };
    await start();
    await addAdministrator(databaseUrl);
  }, 90_000);

  it("leaves no gap and repeats nothing, whether it is shut down or killed", async () => {
    const far = createClient({ url: `http://127.0.0.1:${port}/graphql`, token: ADMINISTRATOR_TOKEN });
    const { user } = await far.upsertUser({ input: { githubId: "1", username: "octocat" } });
    const there = await createJobs(far, user.id);
    there.separate();
    const id = await there.create();
    const seen: JobEvent[] = [];
    const begun = createGate();
    const all = (async () => {
      for await (const event of far.watchJob(id)) {
        seen.push(event);
        begun.open();
      }
    })();
    await begun.opened;
    const working = work(there.agentType(), { reports: 60, pauseMs: 100, client: far });
    for (const signal of ["SIGKILL", "SIGTERM", "SIGKILL"] as const) {
      const before = seen.length;
      while (seen.length < before + 3) await sleep(20);
      await program.stop({ signal });
      await start();
    }
    await working;
    await all;
    const log = await there.events(id);
    expect(seen).toEqual(log);
    expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, index) => index + 1));
    expect(log.filter(({ type }) => type === "COMPLETED")).toHaveLength(1);
    await program.stop();
  }, 120_000);
});
