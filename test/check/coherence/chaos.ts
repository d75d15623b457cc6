import { type Fault, type FaultContext, pause } from "./fault.ts";
import type { FaultLog, FaultRecord } from "./faultLog.ts";
import type { Random } from "./random.ts";

export interface ChaosOptions extends Pick<FaultContext, "world" | "provokeWrite"> {
  readonly faults: readonly Fault[];
  readonly log: FaultLog;
  readonly random: Random;
  /** Between the end of one fault and the beginning of the next of its lane, in ms. */
  readonly gapMs: { readonly low: number; readonly high: number };
  readonly onError: (text: string) => void;
}

/**
 * Two lanes of faults, those of the servers and those of the instances, run beside each other until the signal
 * aborts: each fault once, in random order, then all over again.
 */
export async function runChaos(options: ChaosOptions, signal: AbortSignal): Promise<void> {
  const { faults } = options;
  await Promise.all([
    runLane(
      faults.filter(({ lane }) => lane === "server"),
      options,
      signal,
    ),
    runLane(
      faults.filter(({ lane }) => lane === "instance"),
      options,
      signal,
    ),
  ]);
}

async function runLane(
  faults: readonly Fault[],
  { world, provokeWrite, log, random, gapMs, onError }: ChaosOptions,
  signal: AbortSignal,
): Promise<void> {
  if (faults.length === 0) return;
  let round: Fault[] = [];
  while (!signal.aborted) {
    await pause(random.integer(gapMs.low, gapMs.high), signal);
    if (signal.aborted) return;
    if (round.length === 0) round = shuffled(faults, random);
    const fault = round.pop()!;
    let record: FaultRecord | undefined;
    const begin = (target?: string) => {
      record = log.begin(fault.name, fault.isRedisOnly, target);
    };
    try {
      await fault.run({ world, random, signal, provokeWrite, begin });
    } catch (error) {
      onError(`${fault.name}: ${String(error)}`);
    }
    if (record === undefined) round.unshift(fault);
    else log.end(record);
  }
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const rest = [...items];
  const result: Item[] = [];
  while (rest.length > 0) result.push(...rest.splice(random.integer(0, rest.length - 1), 1));
  return result;
}
