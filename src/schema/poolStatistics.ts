import type { DatabaseErrorCount } from "../database/monitor.ts";
import type { PoolAdvice } from "../database/poolAdvice.ts";
import type { Durations, PoolReport } from "../database/poolReport.ts";
import type { SlowQuery } from "../database/slowQueries.ts";
import { builder } from "./builder.ts";

const DurationsType = builder.objectRef<Durations>("Durations").implement({
  description: "How long something took, in milliseconds.",
  fields: (t) => ({
    count: t.expose("count", { type: "SafeInt", description: "How often it was measured, since the start." }),
    meanMs: t.exposeFloat("meanMs", { description: "The mean." }),
    p50Ms: t.exposeFloat("p50Ms", { description: "Half of them were faster." }),
    p95Ms: t.exposeFloat("p95Ms", { description: "95 of 100 were faster." }),
    p99Ms: t.exposeFloat("p99Ms", { description: "99 of 100 were faster." }),
  }),
});

const DatabaseErrorCountType = builder.objectRef<DatabaseErrorCount>("DatabaseErrorCount").implement({
  description: "How often the database failed in one way.",
  fields: (t) => ({
    sqlstateClass: t.exposeString("sqlstateClass", {
      description:
        "The first two characters of PostgreSQL's SQLSTATE; `acquire`: no connection was free in time; `connection`: there was none.",
    }),
    count: t.expose("count", { type: "SafeInt", description: "How often, since the start." }),
  }),
});

/** A slow statement, with those whom its plan is asked of. */
interface ReportedSlowQuery extends SlowQuery {
  readonly report: PoolReport;
}

const SlowQueryType = builder.objectRef<ReportedSlowQuery>("SlowQuery").implement({
  description: "A statement that took longer than `DB_SLOW_QUERY_MS`.",
  fields: (t) => ({
    id: t.exposeString("id", { description: "Names it on this instance." }),
    text: t.exposeString("text", { description: "Its text, without any value." }),
    count: t.expose("count", { type: "SafeInt", description: "How often it was slow." }),
    meanMs: t.exposeFloat("meanMs", { description: "How long it took then, on average, in milliseconds." }),
    maxMs: t.exposeFloat("maxMs", { description: "The longest, in milliseconds." }),
    lastAt: t.expose("lastAt", { type: "DateTime", description: "When it was slow last." }),
    plan: t.stringList({
      nullable: true,
      description:
        "What PostgreSQL would do for it, whatever its parameters: EXPLAIN's lines, asked now. It is not run. Null: it has no plan.",
      resolve: ({ id, report }) => report.plan(id),
    }),
  }),
});

const PoolAdviceType = builder.objectRef<PoolAdvice>("PoolAdvice").implement({
  description: "What the figures say should be done.",
  fields: (t) => ({
    kind: t.field({
      type: builder.enumType("PoolAdviceKind", {
        description: "What an advice is about.",
        values: {
          RAISE_MAX: { value: "raise-max", description: "There are too few connections." },
          LOWER_MAX: { value: "lower-max", description: "This instance may open more than it needs." },
          LOWER_MIN: { value: "lower-min", description: "More are kept open than are ever at work." },
          ADD_INDEX: { value: "add-index", description: "A large table is read from end to end." },
          END_TRANSACTION: { value: "end-transaction", description: "A transaction is open for too long." },
          CLOSE_UNUSED: { value: "close-unused", description: "Others hold connections without use." },
        } as const,
      }),
      description: "What it is about.",
      resolve: ({ kind }) => kind,
    }),
    subject: t.exposeString("subject", { description: "The setting, table or session." }),
    reason: t.exposeString("reason", { description: "Why, with the figures." }),
    action: t.exposeString("action", { description: "What to do." }),
  }),
});

export const PoolStatisticsType = builder.objectRef<PoolReport>("PoolStatistics").implement({
  description: "The connections to the database.",
  fields: (t) => ({
    total: t.int({ description: "Open connections.", resolve: ({ statistics }) => statistics().total }),
    idle: t.int({
      description: "Those that wait for work.",
      resolve: ({ statistics }) => statistics().idle,
    }),
    waiting: t.int({
      description: "Requests that wait for a connection.",
      resolve: ({ statistics }) => statistics().waiting,
    }),
    min: t.int({
      description: "Connections that are kept open when idle.",
      resolve: ({ statistics }) => statistics().min,
    }),
    max: t.int({ description: "Connections at most.", resolve: ({ statistics }) => statistics().max }),
    peakInUse: t.int({
      description: "As many connections as were at work at once, since the start.",
      resolve: ({ statistics }) => statistics().peakInUse,
    }),
    peakWaiting: t.int({
      description: "As many requests as waited for one at once, since the start.",
      resolve: ({ statistics }) => statistics().peakWaiting,
    }),
    idleErrors: t.int({
      description: "Connections that broke while idle, since the start.",
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
      description: "What failed.",
      resolve: ({ statistics }) => statistics().errors,
    }),
    slowQueryCount: t.field({
      type: "SafeInt",
      description: "How many statements took longer than `DB_SLOW_QUERY_MS`, since the start.",
      resolve: ({ slowQueryCount }) => slowQueryCount(),
    }),
    slowQueries: t.field({
      type: [SlowQueryType],
      description: "Those among them that cost most, at most 100.",
      args: { id: t.arg.string({ description: "This one alone." }) },
      resolve: (report, { id }) =>
        report
          .slowQueries()
          .filter((slow) => id == null || slow.id === id)
          .map((slow) => ({ ...slow, report })),
    }),
    advice: t.field({
      type: [PoolAdviceType],
      description: "What these figures and the server's say should be done, asked now.",
      resolve: ({ advice }) => advice(),
    }),
  }),
});
