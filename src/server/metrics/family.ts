import type { Histogram } from "../../observation/histogram.ts";

/** A metric as Prometheus has it: one name, and a value for each combination of labels. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly values: readonly Sample[];
}

export interface Sample {
  /** Set where it differs from the family's name: a histogram's samples have a suffix. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

type Labels = Sample["labels"];
type Rows = readonly (readonly [Labels, number])[];

const PREFIX = "stack_converter_";

/** A figure that only grows, until the process restarts or somebody resets it. Names end in `_total`. */
export function counter(name: string, help: string, rows: Rows | number): Family {
  return { name: PREFIX + name, help, type: "counter", values: samplesOf(rows) };
}

export function gauge(name: string, help: string, rows: Rows | number): Family {
  return { name: PREFIX + name, help, type: "gauge", values: samplesOf(rows) };
}

function samplesOf(rows: Rows | number): Sample[] {
  return typeof rows === "number"
    ? [{ labels: {}, value: rows }]
    : rows.map(([labels, value]) => ({ labels, value }));
}

/** Upper bounds of the buckets, in seconds: from an indexed statement to a request that is given up. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Durations in seconds, from histograms that are off by at most 6.25 %. */
export function durations(
  name: string,
  help: string,
  rows: readonly (readonly [Labels, Histogram])[],
): Family {
  const full = PREFIX + name;
  const values = rows.flatMap(([labels, histogram]): Sample[] => [
    ...BOUNDS.map((le) => ({
      metricName: `${full}_bucket`,
      labels: { ...labels, le },
      value: histogram.countUpTo(le * 1_000),
    })),
    { metricName: `${full}_bucket`, labels: { ...labels, le: "+Inf" }, value: histogram.count() },
    { metricName: `${full}_sum`, labels, value: histogram.sumMs() / 1_000 },
    { metricName: `${full}_count`, labels, value: histogram.count() },
  ]);
  return { name: full, help, type: "histogram", values };
}
