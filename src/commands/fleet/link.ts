import cluster from "node:cluster";
import type { Family } from "../../server/metrics/family.ts";
import type { ToPrimary, ToWorker } from "./messages.ts";

export type FleetLink = NonNullable<ReturnType<typeof linkToFleet>>;

/**
 * A worker's way to the process that started it (primary.ts). When that is gone, Node.js ends the worker.
 *
 * @returns undefined: this process is nobody's worker
 */
export function linkToFleet() {
  const { worker } = cluster;
  if (worker === undefined) return undefined;
  const waiting = new Map<number, (text: string) => void>();
  let lastId = 0;
  let stop: ((hasSuccessor: boolean) => void) | undefined;
  let count: (() => Promise<readonly Family[]>) | undefined;
  // The other end may have gone: then there is nobody to tell.
  const tell = (message: ToPrimary) => void worker.send(message, () => {});

  worker.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "stop":
        stop?.(message.hasSuccessor);
        return;
      case "count":
        // Without an answer, the metrics are told without this worker.
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
    /** From here on this worker is told to stop, and asked what it has counted. */
    join(hooks: {
      readonly stop: (hasSuccessor: boolean) => void;
      readonly count: () => Promise<readonly Family[]>;
    }): void {
      ({ stop, count } = hooks);
    },

    ready: (url: string): void => tell({ kind: "ready", url }),

    /** What all workers have counted. */
    metricsOfAll: (): Promise<string> =>
      new Promise((resolve) => {
        const id = ++lastId;
        waiting.set(id, resolve);
        tell({ kind: "metrics", id });
      }),
  };
}
