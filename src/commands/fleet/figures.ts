import type { Worker } from "node:cluster";
import type { Family } from "../../server/metrics/family.ts";
import { joinFamilies, writeFamilies } from "../../server/metrics/text.ts";
import type { ToPrimary, ToWorker } from "./messages.ts";

/**
 * A worker that has not answered by then is left out: the database that it asks may be away. Prometheus
 * itself waits ten seconds.
 */
const PATIENCE_MS = 5_000;

/** Collects the figures of all workers, for the worker that got the request for `/metrics`. */
export function createFleetFigures(workers: () => ReadonlyMap<number, Worker>) {
  const asked = new Map<number, (families: readonly Family[]) => void>();
  let lastId = 0;

  const ask = (worker: Worker): Promise<readonly Family[] | undefined> =>
    new Promise((resolve) => {
      const id = ++lastId;
      const settle = (families?: readonly Family[]) => {
        clearTimeout(timer);
        asked.delete(id);
        resolve(families);
      };
      const timer = setTimeout(settle, PATIENCE_MS);
      asked.set(id, settle);
      tell(worker, { kind: "count", id });
    });

  return {
    /** Handles a worker's messages about figures, and ignores all others. */
    async receive(worker: Worker, message: ToPrimary): Promise<void> {
      if (message.kind === "counted") asked.get(message.id)?.(message.families);
      if (message.kind !== "metrics") return;
      const told = new Map<number, readonly Family[]>();
      await Promise.all(
        [...workers()].map(async ([place, each]) => {
          const families = await ask(each);
          if (families !== undefined) told.set(place, families);
        }),
      );
      tell(worker, { kind: "metrics", id: message.id, text: await writeFamilies(joinFamilies(told)) });
    },
  };
}

/** Sends a message. Errors are ignored: if the worker has just died, its exit is an event of its own. */
export function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {});
}
