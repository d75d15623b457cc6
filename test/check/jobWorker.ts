import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../../src/sdk/index.ts";
import { ADMINISTRATOR_TOKEN } from "../support/access.ts";

/**
 * A process of workers for test/check/jobs.ts. Its arguments are the process's name, the number of workers,
 * the longest pause before each of the two calls about a job (ms), and the services' addresses. The workers
 * do nothing to prepare for being killed or stopped.
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
        // Without an idempotency key and sent once: if the answer is lost, the leases run out.
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
    // A process that was stopped here goes on long after its lease has ended, and completes the job all the
    // same. Half of the completions are sent twice, as after a lost answer, perhaps to the other instance.
    const input = { workerId, jobs, idempotencyKey: `${workerId}:${crypto.randomUUID()}` };
    await anyClient().completeConversionJobs({ input });
    if (Math.random() < 0.5) await anyClient().completeConversionJobs({ input });
  }
}

console.log("working");
await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    for (;;) {
      // The service was slow, or the answer was lost: the worker begins again.
      await work(`${name}.${index}`).catch(() => sleep(100));
    }
  }),
);
