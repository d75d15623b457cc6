import type { RedisConnection } from "../../cache/connection.ts";
import type { CacheStatistics } from "../../schema/cacheStatistics.ts";
import { counter, type Family, gauge } from "./family.ts";

const OBSTACLES = ["lost", "quiescing", "lagging", "off", "no-lease", "unreachable"] as const;
const LOOK_UPS = {
  localHits: "local_hit",
  sharedHits: "shared_hit",
  joined: "joined",
  misses: "miss",
  bypasses: "bypass",
} as const;
const FILLS = { fills: "kept", rejectedFills: "outdated", uncacheable: "uncacheable" } as const;
const ENDS = { invalidations: "invalidated", expirations: "expired", evictions: "evicted" } as const;

/** What the cache has done, by layer and kind, and whether it is serving. */
export function cacheFamilies(statistics: CacheStatistics): Family[] {
  const kinds = statistics.layers.flatMap(({ layer, kinds }) =>
    kinds.map((kind) => ({ labels: { layer, kind: kind.kind }, kind })),
  );
  type Figure = keyof (typeof kinds)[number]["kind"];
  const by = (label: string, names: Partial<Record<Figure, string>>) =>
    kinds.flatMap(({ labels, kind }) =>
      Object.entries(names).map(
        ([figure, value]) => [{ ...labels, [label]: value }, Number(kind[figure as Figure])] as const, // Safe: its own keys.
      ),
    );
  const of = (figure: Figure) => kinds.map(({ labels, kind }) => [labels, Number(kind[figure])] as const);
  const { obstacle, epoch, pendingTransactions } = statistics.status;
  const { replay, relay } = statistics;

  return [
    counter("cache_lookups_total", "Look-ups in the cache, by outcome.", by("outcome", LOOK_UPS)),
    counter("cache_fills_total", "Loaded answers, by whether they were cached.", by("outcome", FILLS)),
    counter("cache_removals_total", "Cached answers that were removed, by reason.", by("reason", ENDS)),
    counter("cache_errors_total", "Failed calls to the version table.", of("errors")),
    gauge("cache_entries", "Cached answers in memory.", of("entries")),
    gauge("cache_bytes", "Memory that cached answers take.", of("bytes")),
    gauge("cache_replay_requests", "Requests that the replay remembers.", replay.requests),
    gauge("cache_replay_bytes", "Memory that remembered requests take.", replay.bytes),
    counter(
      "cache_replay_misses_total",
      "Remembered requests whose answer was no longer valid.",
      replay.misses,
    ),
    counter("cache_samples_total", "Cache hits that were compared with the database.", statistics.samples),
    counter("cache_violations_total", "Compared cache hits that were wrong.", statistics.violations),
    counter(
      "cache_validations_total",
      "Round trips to the version table that asked what has changed.",
      statistics.roundTrips,
    ),
    gauge("cache_watchers", "Live queries and feeds that are waiting for a change.", statistics.watchers),
    gauge("cache_serving", "1 if answers are served from the cache.", obstacle === undefined ? 1 : 0),
    gauge(
      "cache_obstacle",
      "1 for the reason why the cache does not serve.",
      OBSTACLES.map((each) => [{ obstacle: each }, each === obstacle ? 1 : 0]),
    ),
    counter("cache_epoch_changes_total", "How often the cache began a new epoch.", statistics.epochChanges),
    gauge(
      "cache_epoch_age_seconds",
      "How long the epoch has been in its current state.",
      epoch === undefined ? [] : [[{ state: epoch.state }, epoch.ageMs / 1_000]],
    ),
    gauge(
      "cache_pending_transactions",
      "Writes that are marked and not yet released.",
      pendingTransactions === undefined ? [] : pendingTransactions,
    ),
    counter(
      "cache_relayed_changes_total",
      "Changes by other programs that were relayed.",
      statistics.relayedChanges,
    ),
    gauge(
      "cache_relay_lag_seconds",
      "Delay until changes by other programs were relayed, by percentile, since the start.",
      [
        [{ percentile: "50" }, relay.lag.p50Ms / 1_000],
        [{ percentile: "99" }, relay.lag.p99Ms / 1_000],
        [{ percentile: "100" }, relay.lag.maxMs / 1_000],
      ],
    ),
    gauge(
      "cache_relay_report_age_seconds",
      "Time since all changes by other programs were last known to be relayed.",
      relay.reportAgeMs === undefined ? [] : relay.reportAgeMs / 1_000,
    ),
  ];
}

const PHASES = ["connecting", "ready", "suspended", "closed"] as const;

/** The connection to Redis and its circuit breaker, which is open in the phase `suspended`. */
export function redisFamilies({ state, statistics }: RedisConnection): Family[] {
  const { sent, refused, retried, timedOut, suspensions, connections } = statistics();
  return [
    gauge(
      "redis_state",
      "1 for the state of the connection to Redis; suspended: its circuit breaker is open.",
      PHASES.map((phase) => [{ state: phase }, phase === state.phase ? 1 : 0]),
    ),
    counter("redis_calls_total", "Calls to Redis; refused ones were never sent.", [
      [{ outcome: "sent" }, sent],
      [{ outcome: "refused" }, refused],
      [{ outcome: "retried" }, retried],
      [{ outcome: "timed_out" }, timedOut],
    ]),
    counter("redis_breaker_openings_total", "How often the circuit breaker opened.", suspensions),
    counter("redis_connections_total", "Connections to Redis that were opened.", connections),
  ];
}
