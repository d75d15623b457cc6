import cluster from "node:cluster";
import type { Family } from "../../server/metrics/family.ts";
import type { ToPrimary, ToWorker } from "./messages.ts";

export type FleetLink = NonNullable<ReturnType<typeof linkToFleet>>;

/**
 * A worker's link to the primary process, which started it (primary.ts). When the primary is gone, Node.js
 * ends the worker.
 *
 * @returns undefined if this process is no worker
 */
export function linkToFleet() {
  const { worker } = cluster;
  if (worker === undefined) return undefined;
  const waiting = new Map<number, (text: string) => void>();
  let lastId = 0;
  let stop: ((hasSuccessor: boolean) => void) | undefined;
  let count: (() => Promise<readonly Family[]>) | undefined;
  // Errors are ignored: the primary may be gone, and then there is nobody to tell.
  const tell = (message: ToPrimary) => void worker.send(message, () => {});

  worker.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "stop":
        stop?.(message.hasSuccessor);
        return;
      case "count":
        // Without an answer, the metrics leave this worker out.
        void count?.().then(
          (families) => tell({ kind: "counted", id: message.id, families }),
          () => {},
        );
        return;
      case "metrics":
        waiting.get(message.id)?.(message.text);
        waiting.delete(message.id);
    }
  });

  return {
    /** From here on the primary can tell this worker to stop, and ask for its figures. */
    join(hooks: {
      readonly stop: (hasSuccessor: boolean) => void;
      readonly count: () => Promise<readonly Family[]>;
    }): void {
      ({ stop, count } = hooks);
    },

    ready: (url: string): void => tell({ kind: "ready", url }),

    /** The figures of all workers, as the text that `/metrics` answers with. */
    metricsOfAll: (): Promise<string> =>
      new Promise((resolve) => {
        const id = ++lastId;
        waiting.set(id, resolve);
        tell({ kind: "metrics", id });
      }),
  };
}
