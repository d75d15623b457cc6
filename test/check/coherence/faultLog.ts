export interface FaultRecord {
  readonly name: string;
  /** Which instance it affected, or another detail: " (instance 1)". */
  readonly target: string;
  readonly isRedisOnly: boolean;
  /** On this process's monotonic clock, in ms. */
  readonly from: number;
  to: number | undefined;
}

export type FaultLog = ReturnType<typeof createFaultLog>;

/** For how long after its end a fault may still have effects, in ms. */
const AFTERMATH_MS = 5_000;

/** Records which faults there were, and when. */
export function createFaultLog() {
  const records: FaultRecord[] = [];

  const recent = (at: number, withinMs: number) =>
    records.filter(({ to }) => to === undefined || to >= at - withinMs);

  return {
    records,
    recent,

    begin(name: string, isRedisOnly: boolean, target = ""): FaultRecord {
      const record: FaultRecord = { name, target, isRedisOnly, from: performance.now(), to: undefined };
      records.push(record);
      return record;
    },

    end(record: FaultRecord): void {
      record.to = performance.now();
    },

    /** What was broken during a request or shortly before: only Redis or a replica, nothing, or more. */
    scopeOf(from: number, to: number): "redis" | "nothing" | "other" {
      const felt = recent(from, AFTERMATH_MS).filter((record) => record.from <= to);
      if (felt.length === 0) return "nothing";
      return felt.every(({ isRedisOnly }) => isRedisOnly) ? "redis" : "other";
    },

    /** How often each fault has happened. */
    counts(): Record<string, number> {
      const counts: Record<string, number> = {};
      for (const { name } of records) counts[name] = (counts[name] ?? 0) + 1;
      return counts;
    },
  };
}

/** Describes the fault as it was at that moment. */
export function describeFault({ name, target, from, to }: FaultRecord, at: number): string {
  const ago = ((at - from) / 1_000).toFixed(2);
  const end = to === undefined || to > at ? "going on" : `lasted ${((to - from) / 1_000).toFixed(2)} s`;
  return `${name}${target} ${ago} s ago, ${end}`;
}
