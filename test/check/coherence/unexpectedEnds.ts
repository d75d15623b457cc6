import { describeFault, type FaultLog } from "./faultLog.ts";
import type { Instance, UnexpectedEnd } from "./instance.ts";

/** Faults that were over by then may still be the reason, for so long, in ms. */
const AFTERMATH_MS = 10_000;

/** Tells of each process that ended although nobody had killed it, once, with the faults of that moment. */
export function createEndWatch(instances: readonly Pick<Instance, "unexpectedEnds">[], log: FaultLog) {
  const startedAt = performance.now();
  const told: string[] = [];
  const known = new Set<UnexpectedEnd>();

  return {
    /** All that were told. */
    told,

    /** Those that have come since the last call. */
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
