import { createHistogram, type Histogram } from "../observation/histogram.ts";

/** `invalid`: the request never became an operation. */
export type OperationKind = "query" | "mutation" | "subscription" | "invalid";

export interface OperationDurations {
  readonly kind: OperationKind;
  readonly name: string;
  readonly durations: Histogram;
}

/** Clients choose names, so only this many are told apart. Each takes about 1.5 KB. */
const MAX_NAMES = 100;
const OTHERS = "(other)";

export type OperationStatistics = ReturnType<typeof createOperationStatistics>;

/** How long operations took, and what they failed with. */
export function createOperationStatistics({ maxNames = MAX_NAMES } = {}) {
  const operations = new Map<string, OperationDurations>();
  const errors = new Map<string, number>();

  const rowOf = (kind: OperationKind, wanted: string): OperationDurations => {
    const known = operations.get(`${kind} ${wanted}`);
    if (known !== undefined) return known;
    const name = operations.size < maxNames ? wanted : OTHERS;
    const key = `${kind} ${name}`;
    const row = operations.get(key) ?? { kind, name, durations: createHistogram() };
    operations.set(key, row);
    return row;
  };

  return {
    record(kind: OperationKind, name: string, durationMs: number): void {
      rowOf(kind, name).durations.record(durationMs);
    },
    countError(code: string): void {
      errors.set(code, (errors.get(code) ?? 0) + 1);
    },
    operations: (): readonly OperationDurations[] => [...operations.values()],
    errors: (): ReadonlyMap<string, number> => errors,
  };
}
