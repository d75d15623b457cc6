import type { Database } from "./database.ts";
import { explainGeneric } from "./explain.ts";
import type { DatabaseErrorCount } from "./monitor.ts";
import { advisePool, type PoolAdvice } from "./poolAdvice.ts";
import { readServerFigures } from "./serverFigures.ts";
import type { SlowQuery } from "./slowQueries.ts";

export interface PoolStatistics {
  /** Open connections, both idle and in use. */
  readonly total: number;
  readonly idle: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
  readonly min: number;
  readonly max: number;
  /** Connections that broke while idle, since the start. */
  readonly idleErrors: number;
  readonly since: Date;
  /** The most connections that were in use at once. */
  readonly peakInUse: number;
  /** The most requests that waited for a connection at once. */
  readonly peakWaiting: number;
  readonly errors: readonly DatabaseErrorCount[];
}

/** At most 6.25 % above the true values; the mean is exact. */
export interface Durations {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** What this instance's pool reports about itself. */
export interface PoolReport {
  readonly statistics: () => PoolStatistics;
  /** How long requests waited for a connection. */
  readonly acquireWait: () => Durations;
  /** How long statements took. */
  readonly queryTime: () => Durations;
  /** How many statements were slow, including those that are not listed any more. */
  readonly slowQueryCount: () => number;
  readonly slowQueries: () => SlowQuery[];
  /**
   * Reads the server's figures and derives advice.
   *
   * @throws AppError `SERVICE_UNAVAILABLE`
   */
  readonly advice: () => Promise<PoolAdvice[]>;
  /**
   * The generic plan of a slow statement, one line each; null: the statement is unknown (by now), or cannot
   * be explained.
   *
   * @throws AppError `SERVICE_UNAVAILABLE`
   */
  readonly plan: (id: string) => Promise<string[] | null>;
}

export function createPoolReport({
  monitor,
  query,
  transaction,
  getPoolStatistics,
}: Pick<Database, "monitor" | "query" | "transaction" | "getPoolStatistics">): PoolReport {
  return {
    statistics: getPoolStatistics,
    acquireWait: () => durationsOf(monitor.acquireWaits),
    queryTime: () => durationsOf(monitor.queryTimes),
    slowQueryCount: monitor.slowQueries.total,
    slowQueries: monitor.slowQueries.read,

    async advice() {
      const server = await readServerFigures(query);
      const { min, max, peakInUse, peakWaiting, since, errors } = getPoolStatistics();
      const timeouts = errors.find(({ sqlstateClass }) => sqlstateClass === "acquire");
      const figures = {
        min,
        max,
        peakInUse,
        peakWaiting,
        uptimeSeconds: (Date.now() - since.getTime()) / 1_000,
        acquisitions: monitor.acquireWaits.count(),
        acquireP99Ms: monitor.acquireWaits.percentileMs(0.99),
        queryP50Ms: monitor.queryTimes.percentileMs(0.5),
        acquireTimeouts: timeouts?.count ?? 0,
      };
      return advisePool(figures, server);
    },

    async plan(id) {
      const text = monitor.slowQueries.source(id);
      if (text === undefined) return null;
      return (await transaction((client) => explainGeneric(client, text), "BEGIN READ ONLY")) ?? null;
    },
  };
}

function durationsOf(histogram: Database["monitor"]["queryTimes"]): Durations {
  const count = histogram.count();
  return {
    count,
    meanMs: count === 0 ? 0 : histogram.sumMs() / count,
    p50Ms: histogram.percentileMs(0.5),
    p95Ms: histogram.percentileMs(0.95),
    p99Ms: histogram.percentileMs(0.99),
  };
}
