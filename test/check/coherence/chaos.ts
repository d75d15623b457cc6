import { type Fault, type FaultContext, pause } from "./fault.ts";
import type { FaultLog, FaultRecord } from "./faultLog.ts";
import type { Random } from "./random.ts";

export interface ChaosOptions extends Pick<FaultContext, "world" | "provokeWrite"> {
  readonly faults: readonly Fault[];
  readonly log: FaultLog;
  readonly random: Random;
  /** The average time between the end of a fault and the beginning of the next. */
  readonly gapSeconds: number;
  /** The average time between two storms. */
  readonly calmSeconds: number;
  readonly onError: (text: string) => void;
}

const STORM = { faults: 3, gapSeconds: 1.5 } as const;

/**
 * Runs two lanes of faults in parallel until the signal aborts. Faults that the cache survives come at a
 * steady pace. Faults that empty it come in storms: at a steady pace they would keep it empty, and a check of
 * an empty cache finds little. In each lane every fault comes once, in random order, before any comes again.
 */
export async function runChaos(options: ChaosOptions, signal: AbortSignal): Promise<void> {
  const { faults, gapSeconds, calmSeconds } = options;
  await Promise.all([
    runLane(
      faults.filter(({ endsEpoch }) => !endsEpoch),
      () => gapSeconds,
      options,
      signal,
    ),
    runLane(
      faults.filter(({ endsEpoch }) => endsEpoch),
      (index) => (index % STORM.faults === 0 ? calmSeconds : STORM.gapSeconds),
      options,
      signal,
    ),
  ]);
}

async function runLane(
  faults: readonly Fault[],
  /** The average time before the fault of that number. */
  gapSecondsBefore: (index: number) => number,
  { world, provokeWrite, log, random, onError }: ChaosOptions,
  signal: AbortSignal,
): Promise<void> {
  if (faults.length === 0) return;
  let round: Fault[] = [];
  for (let index = 0; !signal.aborted; index++) {
    await pause(gapSecondsBefore(index) * (500 + 1_000 * random.next()), signal);
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
