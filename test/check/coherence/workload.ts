import { setTimeout as sleep } from "node:timers/promises";
import type { Dataset } from "./dataset.ts";
import { pause } from "./fault.ts";
import type { Instance } from "./instance.ts";
import type { Random } from "./random.ts";
import type { Session } from "./session.ts";

export interface WorkloadOptions {
  readonly instances: readonly Instance[];
  readonly dataset: Dataset;
  readonly session: Session;
  readonly random: Random;
  /** Concurrent readers per instance. */
  readonly readers: number;
  /** The pause between an answer and the next read, in ms. */
  readonly restMs: number;
  /** Writes by all instances together in a busy phase. */
  readonly writesPerSecond: number;
}

/** How long busy and idle phases last, in ms. */
const PHASE_MS = { low: 2_000, high: 6_000 } as const;
const IDLE_SHARE = 0.05;
/** An instance that does not answer gets no more than this many writes at a time. */
const MAX_RUNNING_WRITES = 4;
/** Skews the choice towards the first of the reads. */
const SKEW = 2;

export type Workload = ReturnType<typeof createWorkload>;

/** Reads as fast as the instances answer. Writes at a given rate, in phases with many writes and with few. */
export function createWorkload(options: WorkloadOptions) {
  const { instances, dataset, session, random, readers, restMs, writesPerSecond } = options;
  const running = new Map<Instance, number>(instances.map((instance) => [instance, 0]));

  const readOn = async (instance: Instance, signal: AbortSignal) => {
    while (!signal.aborted) {
      if (!instance.isUp()) {
        await sleep(20);
        continue;
      }
      const reads = dataset.reads();
      await session.read(instance, reads[Math.floor(reads.length * random.next() ** SKEW)]!);
      if (restMs > 0) await pause(restMs, signal);
    }
  };

  const writeOn = async (instance: Instance) => {
    if (!instance.isUp() || running.get(instance)! >= MAX_RUNNING_WRITES) return;
    running.set(instance, running.get(instance)! + 1);
    await session.write(instance, dataset.nextWrite());
    running.set(instance, running.get(instance)! - 1);
  };

  const write = async (signal: AbortSignal) => {
    const started = new Set<Promise<void>>();
    let isBusy = true;
    let phaseEndsAt = 0;
    while (!signal.aborted) {
      if (performance.now() > phaseEndsAt) {
        isBusy = !isBusy;
        phaseEndsAt = performance.now() + random.integer(PHASE_MS.low, PHASE_MS.high);
      }
      const rate = isBusy ? writesPerSecond : writesPerSecond * IDLE_SHARE;
      // The gaps are exponential, so that writes overlap, as they do in production.
      await pause((-Math.log(1 - random.next()) * 1_000) / rate, signal);
      const writing = writeOn(random.pick(instances));
      started.add(writing);
      void writing.finally(() => started.delete(writing));
    }
    await Promise.all(started);
  };

  return {
    run: async (signal: AbortSignal): Promise<void> => {
      const reading = instances.flatMap((instance) =>
        Array.from({ length: readers }, () => readOn(instance, signal)),
      );
      await Promise.all([...reading, ...(writesPerSecond > 0 ? [write(signal)] : [])]);
    },
    provokeWrite: (instance: Instance) => void writeOn(instance),
  };
}
