import type { Database } from "../../database/database.ts";
import type { JobFigures } from "../../repositories/jobFigures.ts";
import { counter, durations, type Family, gauge } from "./family.ts";

/** The pool and the statements that went through it. */
export function databaseFamilies({
  monitor,
  getPoolStatistics,
}: Pick<Database, "monitor" | "getPoolStatistics">): Family[] {
  const { total, idle, waiting, min, max, peakInUse, idleErrors, errors } = getPoolStatistics();
  return [
    gauge("db_pool_connections", "Open connections to the database.", [
      [{ state: "idle" }, idle],
      [{ state: "in_use" }, total - idle],
    ]),
    gauge("db_pool_connections_min", "Connections that stay open when idle.", min),
    gauge("db_pool_connections_max", "The most connections in the pool.", max),
    gauge(
      "db_pool_connections_peak",
      "The most connections that were in use at once, since the start.",
      peakInUse,
    ),
    gauge("db_pool_waiting_requests", "Requests waiting for a connection.", waiting),
    counter("db_pool_broken_connections_total", "Connections that broke while idle.", idleErrors),
    durations("db_pool_acquire_duration_seconds", "How long requests waited for a connection.", [
      [{}, monitor.acquireWaits],
    ]),
    durations("db_query_duration_seconds", "How long statements took.", [[{}, monitor.queryTimes]]),
    counter(
      "db_slow_queries_total",
      "Statements that took longer than DB_SLOW_QUERY_MS.",
      monitor.slowQueries.total(),
    ),
    counter(
      "db_errors_total",
      "Errors of the database, by class of SQLSTATE; acquire: no connection became free in time.",
      errors.map(({ sqlstateClass, count }) => [{ class: sqlstateClass }, count]),
    ),
  ];
}

/** Statuses of jobs that have not ended. */
const UNFINISHED: readonly JobFigures["status"][] = ["PENDING", "RUNNING", "PAUSED"];

export function jobFamilies(figures: readonly JobFigures[]): Family[] {
  return [
    gauge(
      "jobs",
      "Conversion jobs in the database, by status.",
      figures.map(({ status, count }) => [{ status }, count]),
    ),
    gauge(
      "jobs_oldest_age_seconds",
      "Age of the oldest unfinished job, by status.",
      figures.flatMap(({ status, oldestSeconds }) =>
        UNFINISHED.includes(status) ? [[{ status }, oldestSeconds] as const] : [],
      ),
    ),
  ];
}
