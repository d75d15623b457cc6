import { createHistogram, type Histogram } from "../observation/histogram.ts";

/** The routes that are told apart. Paths are not, because clients can choose any. */
export type HttpRoute = "graphql" | "probe" | "metrics" | "other";

export interface HttpCount {
  readonly route: HttpRoute;
  readonly status: number;
  readonly count: number;
}

export type HttpStatistics = ReturnType<typeof createHttpStatistics>;

/** Counts the requests that were answered, except those that were replayed: the replay counts those. */
export function createHttpStatistics() {
  const counts = new Map<string, { route: HttpRoute; status: number; count: number }>();
  const durations = new Map<HttpRoute, Histogram>();

  return {
    record(route: HttpRoute, status: number, durationMs: number): void {
      const key = `${route} ${status}`;
      const row = counts.get(key) ?? { route, status, count: 0 };
      row.count++;
      counts.set(key, row);
      let histogram = durations.get(route);
      if (histogram === undefined) {
        histogram = createHistogram();
        durations.set(route, histogram);
      }
      histogram.record(durationMs);
    },
    counts: (): readonly HttpCount[] => [...counts.values()],
    durations: (): ReadonlyMap<HttpRoute, Histogram> => durations,
  };
}
