import type { SubscriptionStatistics } from "../../schema/system.ts";
import type { DirectOperations } from "../directOperations.ts";
import type { HttpStatistics } from "../httpStatistics.ts";
import type { OperationStatistics } from "../operationStatistics.ts";
import type { RateLimiter } from "../rateLimiter.ts";
import type { Replay } from "../replay.ts";
import { counter, durations, type Family, gauge } from "./family.ts";

export interface RequestSources {
  readonly http: HttpStatistics;
  readonly replay: Pick<Replay, "statistics">;
  readonly direct: Pick<DirectOperations, "count">;
  readonly operations: OperationStatistics;
  readonly subscriptions: () => SubscriptionStatistics;
  readonly rateLimiter: Pick<RateLimiter, "statistics">;
}

/** What was asked for over HTTP, and what was answered. */
export function requestFamilies(sources: RequestSources): Family[] {
  const { http, operations, rateLimiter } = sources;
  const { hits, notModified, refused } = sources.replay.statistics();
  const { open, max } = sources.subscriptions();
  const replayed = (status: number) => ({ route: "graphql", status, replayed: "true" });

  return [
    counter("http_requests_total", "Answered requests; replayed ones never reached GraphQL.", [
      ...http
        .counts()
        .map(({ route, status, count }) => [{ route, status, replayed: "false" }, count] as const),
      [replayed(200), hits - notModified],
      [replayed(304), notModified],
      [replayed(429), refused],
    ]),
    durations(
      "http_request_duration_seconds",
      "How long requests took until their response was closed, replayed ones not counted.",
      [...http.durations()].map(([route, histogram]) => [{ route }, histogram]),
    ),
    counter(
      "graphql_direct_operations_total",
      "Queries and mutations that were answered without Request and Response objects.",
      [[{}, sources.direct.count()]],
    ),
    durations(
      "graphql_operation_duration_seconds",
      "How long operations took, replayed ones not counted; of a subscription its beginning.",
      operations.operations().map(({ kind, name, durations }) => [{ kind, name }, durations]),
    ),
    counter(
      "graphql_errors_total",
      "Errors in answers, by code.",
      [...operations.errors()].map(([code, count]) => [{ code }, count]),
    ),
    gauge("subscriptions_open", "Subscriptions and live queries that are open.", open),
    gauge("subscriptions_max", "The most subscriptions and live queries that may be open.", max),
    counter(
      "rate_limit_decisions_total",
      "Decisions of the rate limit, by kind of allowance.",
      Object.entries(rateLimiter.statistics()).flatMap(([policy, { admitted, refused }]) => [
        [{ policy, decision: "admitted" }, admitted] as const,
        [{ policy, decision: "refused" }, refused] as const,
      ]),
    ),
  ];
}
