import type { DatabaseErrorCount } from "../database/monitor.ts";
import type { PoolAdvice } from "../database/poolAdvice.ts";
import type { Durations, PoolReport } from "../database/poolReport.ts";
import type { SlowQuery } from "../database/slowQueries.ts";
import { builder } from "./builder.ts";

const DurationsType = builder.objectRef<Durations>("Durations").implement({
  description: "Statistics of how long something took, since the start of the instance.",
  fields: (t) => ({
    count: t.expose("count", { type: "SafeInt", description: "The number of measurements." }),
    meanMs: t.exposeFloat("meanMs", { description: "The mean duration, in milliseconds." }),
    p50Ms: t.exposeFloat("p50Ms", { description: "The median duration, in milliseconds." }),
    p95Ms: t.exposeFloat("p95Ms", { description: "The 95th percentile, in milliseconds." }),
    p99Ms: t.exposeFloat("p99Ms", { description: "The 99th percentile, in milliseconds." }),
  }),
});

const DatabaseErrorCountType = builder.objectRef<DatabaseErrorCount>("DatabaseErrorCount").implement({
  description: "How often one kind of database error has occurred.",
  fields: (t) => ({
    sqlstateClass: t.exposeString("sqlstateClass", {
      description:
        "The kind of error: the first two characters of PostgreSQL's SQLSTATE, `acquire` if no connection became free in time, or `connection` if a connection broke or could not be made.",
    }),
    count: t.expose("count", {
      type: "SafeInt",
      description: "How often the error has occurred since the start of the instance.",
    }),
  }),
});

/** A slow statement, with the report that its plan is asked of. */
interface ReportedSlowQuery extends SlowQuery {
  readonly report: PoolReport;
}

const SlowQueryType = builder.objectRef<ReportedSlowQuery>("SlowQuery").implement({
  description:
    "A statement that took longer than `DB_SLOW_QUERY_MS`. The figures are about its slow executions only.",
  fields: (t) => ({
    id: t.exposeString("id", { description: "Identifies the statement on this instance." }),
    text: t.exposeString("text", { description: "The statement's text, without any values." }),
    count: t.expose("count", { type: "SafeInt", description: "How often the statement was slow." }),
    meanMs: t.exposeFloat("meanMs", { description: "The mean duration, in milliseconds." }),
    maxMs: t.exposeFloat("maxMs", { description: "The longest duration, in milliseconds." }),
    lastAt: t.expose("lastAt", { type: "DateTime", description: "When the statement was last slow." }),
    plan: t.stringList({
      nullable: true,
      description:
        "PostgreSQL's plan for the statement, whatever its parameters: the lines of EXPLAIN, which runs now. The statement itself is not run. Null if it has no plan.",
      resolve: ({ id, report }) => report.plan(id),
    }),
  }),
});

const PoolAdviceType = builder.objectRef<PoolAdvice>("PoolAdvice").implement({
  description: "Advice on the connections to the database, based on their statistics.",
  fields: (t) => ({
    kind: t.field({
      type: builder.enumType("PoolAdviceKind", {
        description: "The problem that an advice is about.",
        values: {
          RAISE_MAX: { value: "raise-max", description: "There are too few connections." },
          LOWER_MAX: {
            value: "lower-max",
            description: "This instance may open more connections than it needs.",
          },
          LOWER_MIN: {
            value: "lower-min",
            description: "More idle connections are kept open than are ever in use.",
          },
          ADD_INDEX: { value: "add-index", description: "A large table is read from end to end." },
          END_TRANSACTION: {
            value: "end-transaction",
            description: "A transaction has been open for too long.",
          },
          CLOSE_UNUSED: {
            value: "close-unused",
            description: "Other programs hold connections that they do not use.",
          },
        } as const,
      }),
      description: "The problem that the advice is about.",
      resolve: ({ kind }) => kind,
    }),
    subject: t.exposeString("subject", {
      description: "The setting, table or session that the advice is about.",
    }),
    reason: t.exposeString("reason", {
      description: "The reason for the advice, with the numbers that it is based on.",
    }),
    action: t.exposeString("action", { description: "What to do, for people to read." }),
  }),
});

export const PoolStatisticsType = builder.objectRef<PoolReport>("PoolStatistics").implement({
  description: "Statistics of the instance's connections to the database.",
  fields: (t) => ({
    total: t.int({
      description: "The number of open connections.",
      resolve: ({ statistics }) => statistics().total,
    }),
    idle: t.int({
      description: "The number of open connections that are idle.",
      resolve: ({ statistics }) => statistics().idle,
    }),
    waiting: t.int({
      description: "The number of requests that are waiting for a connection.",
      resolve: ({ statistics }) => statistics().waiting,
    }),
    min: t.int({
      description: "The number of connections that are kept open when idle.",
      resolve: ({ statistics }) => statistics().min,
    }),
    max: t.int({
      description: "The maximum number of connections.",
      resolve: ({ statistics }) => statistics().max,
    }),
    peakInUse: t.int({
      description: "The highest number of connections in use at once since the start of the instance.",
      resolve: ({ statistics }) => statistics().peakInUse,
    }),
    peakWaiting: t.int({
      description:
        "The highest number of requests that waited for a connection at once since the start of the instance.",
      resolve: ({ statistics }) => statistics().peakWaiting,
    }),
    idleErrors: t.int({
      description: "The number of connections that broke while idle since the start of the instance.",
      resolve: ({ statistics }) => statistics().idleErrors,
    }),
    acquireWait: t.field({
      type: DurationsType,
      description: "How long requests waited for a connection.",
      resolve: ({ acquireWait }) => acquireWait(),
    }),
    queryTime: t.field({
      type: DurationsType,
      description: "How long statements took.",
      resolve: ({ queryTime }) => queryTime(),
    }),
    errors: t.field({
      type: [DatabaseErrorCountType],
      description: "The errors that have occurred, by kind.",
      resolve: ({ statistics }) => statistics().errors,
    }),
    slowQueryCount: t.field({
      type: "SafeInt",
      description:
        "The number of statements that took longer than `DB_SLOW_QUERY_MS` since the start of the instance.",
      resolve: ({ slowQueryCount }) => slowQueryCount(),
    }),
    slowQueries: t.field({
      type: [SlowQueryType],
      description:
        "The 100 statements that were slow most recently. Those that took the most time in total come first.",
      args: { id: t.arg.string({ description: "Returns only the statement with this id." }) },
      resolve: (report, { id }) =>
        report
          .slowQueries()
          .filter((slow) => id == null || slow.id === id)
          .map((slow) => ({ ...slow, report })),
    }),
    advice: t.field({
      type: [PoolAdviceType],
      description:
        "Advice based on these statistics and on those of the database server, which is asked now.",
      resolve: ({ advice }) => advice(),
    }),
  }),
});
