import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../../../src/sdk/index.ts";
import { createWorker } from "../../../src/sdk/worker.ts";

/**
 * A worker that works on a job until it is interrupted, and reports a result only then:
 * `slowWorker.ts <url> <agent type>`.
 */
const [url = "", agentType = ""] = process.argv.slice(2);

const worker = createWorker({
  client: createClient({ url }),
  agentTypes: [agentType],
  workerId: "slow",
  leaseSeconds: 2,
  log: (event) => console.log(event.type === "lost" ? `lost ${event.reason}` : event.type),
  async handle({ signal, reportTaskResult }) {
    while (!signal.aborted) await sleep(10);
    console.log(`interrupted ${signal.reason.reason}`);
    await reportTaskResult({ taskId: "a", status: "COMPLETED", output: "late" }).catch((error) =>
      console.log(`refused ${error.reason}`),
    );
  },
});
process.once("SIGTERM", () => void worker.stop());
await worker.run();
