import { describeFault, type FaultLog } from "./faultLog.ts";
import type { Instance, UnexpectedEnd } from "./instance.ts";

/** For how long after its end a fault may still be the reason of an instance's end, in ms. */
const AFTERMATH_MS = 10_000;

/** Reports each process that the check did not kill and that ended, once, with the faults of that moment. */
export function createEndWatch(instances: readonly Pick<Instance, "unexpectedEnds">[], log: FaultLog) {
  const startedAt = performance.now();
  const told: string[] = [];
  const known = new Set<UnexpectedEnd>();

  return {
    /** All reported ends. */
    told,

    /** The reports since the last call. */
    takeNew(): readonly string[] {
      const ends = instances.flatMap((instance) => instance.unexpectedEnds());
      const fresh = ends.filter((end) => !known.has(end));
      for (const end of fresh) {
        known.add(end);
        told.push(describeEnd(end, startedAt, log));
      }
      return fresh.length === 0 ? [] : told.slice(-fresh.length);
    },
  };
}

function describeEnd(
  { instance, at, livedMs, code, signal, lastWords }: UnexpectedEnd,
  startedAt: number,
  log: FaultLog,
): string {
  const how = signal === null ? `exit code ${code}` : signal;
  const faults = log
    .recent(at, AFTERMATH_MS)
    .filter(({ from }) => from <= at)
    .map((fault) => describeFault(fault, at));
  return [
    `instance ${instance} ended by itself at ${seconds(at - startedAt)}, ${seconds(livedMs)} after its start: ${how}`,
    `  faults    ${faults.length === 0 ? "none in the last 10 s" : faults.join("; ")}`,
    `  it said   ${lastWords.trim() || "nothing"}`,
  ].join("\n");
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
