import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../../src/sdk/index.ts";
import { ADMINISTRATOR_TOKEN } from "../support/access.ts";

/**
 * A process of workers for test/check/jobs.ts: the arguments are the process's name, how many workers, how long a job
 * takes at most (ms) and the services' addresses. They do what workers do, and nobody tells them that
 * they are going to be killed or stopped.
 */

const [name, count, workMs, ...urls] = process.argv.slice(2) as [string, string, string, ...string[]];
const clients = urls.map((url) => createClient({ url, token: ADMINISTRATOR_TOKEN, timeoutMs: 5_000 }));
const anyClient = () => clients[Math.floor(Math.random() * clients.length)]!;

async function work(workerId: string): Promise<void> {
  for (;;) {
    const { claims } = await anyClient().claimConversionJobs({
      input: {
        workerId,
        agentTypes: ["converter"],
        leaseSeconds: 1,
        count: 1 + Math.floor(Math.random() * 5),
        waitSeconds: 1,
        // Sent once: should the answer be lost, the leases run out.
      },
    });
    if (claims.length === 0) continue;
    const jobs = claims.map(({ fencingToken, conversionJob: { id } }) => ({ id, fencingToken }));
    await sleep(Math.random() * Number(workMs));
    const progress = 1 + Math.floor(Math.random() * 99);
    await anyClient().reportProgress({
      input: { workerId, jobs: jobs.map((job) => ({ ...job, progress, currentTask: "working" })) },
    });
    await sleep(Math.random() * Number(workMs));
    if (Math.random() < 0.02) {
      await anyClient().releaseConversionJobs({ input: { workerId, jobs } });
      continue;
    }
    // What was stopped here goes on when its lease is long over, and completes nevertheless. And every
    // other completion is sent twice, as after an answer that was lost: to the other instance perhaps.
    const input = { workerId, jobs, idempotencyKey: `${workerId}:${crypto.randomUUID()}` };
    await anyClient().completeConversionJobs({ input });
    if (Math.random() < 0.5) await anyClient().completeConversionJobs({ input });
  }
}

console.log("working");
await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    for (;;) {
      // The service was slow, or the answer got lost: begin again.
      await work(`${name}.${index}`).catch(() => sleep(100));
    }
  }),
);
