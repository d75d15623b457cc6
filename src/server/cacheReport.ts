import type { CacheManager } from "../cache/manager.ts";
import { CACHE_KINDS, type CacheKind, type CacheLifetimes } from "../cacheKinds.ts";
import type { Coherence } from "../coherence/coherence.ts";
import { type KindStatistics, NOTHING_COUNTED } from "../coherence/storeStatistics.ts";
import { adviseTtl } from "../coherence/ttlAdvice.ts";
import type { Transaction } from "../coherence/write.ts";
import type { CacheFigures } from "../schema/cacheMutations.ts";
import type {
  CacheAdviceReport,
  CacheLayerName,
  CacheLayerReport,
  CacheStatistics,
} from "../schema/cacheStatistics.ts";
import { RESPONSE_KIND } from "./cachedResponse.ts";
import type { Replay } from "./replay.ts";
import type { Sampler } from "./sampler.ts";

export interface CacheReportSources {
  readonly coherence: Pick<Coherence<Transaction>, "store" | "status" | "statistics" | "resetStatistics">;
  readonly ttlMs: CacheLifetimes;
  readonly replay: Pick<Replay, "statistics" | "resetStatistics">;
  readonly sampler: Pick<Sampler, "statistics" | "resetStatistics">;
  /** Undefined without Redis. */
  readonly manager: Pick<CacheManager, "getStatistics" | "resetStatistics"> | undefined;
}

const LAYERS: readonly CacheLayerName[] = ["responses", "entities", "collections", "statistics"];

/** The variables that set the times to live. */
const SETTINGS: Readonly<Record<keyof CacheLifetimes, string>> = {
  user: "CACHE_TTL_USER",
  project: "CACHE_TTL_PROJECT",
  conversionJob: "CACHE_TTL_JOB",
  collection: "CACHE_TTL_COLLECTION",
  statistics: "CACHE_TTL_STATISTICS",
};

/** Gathers what `cacheStatistics` reports from the components that count it. */
export function createCacheReport({ coherence, ttlMs, replay, sampler, manager }: CacheReportSources) {
  let since = new Date();

  return {
    async read(): Promise<CacheStatistics> {
      const status = await coherence.status();
      const { kinds, ...total } = coherence.store.statistics();
      return {
        ...total,
        ...coherence.statistics(),
        ...sampler.statistics(),
        since,
        status,
        layers: LAYERS.map((layer) => layerOf(layer, kinds)),
        replay: replay.statistics(),
        manager: manager && managerReport(manager),
        replicas: coherence.store.replicas(),
        advice: (Object.keys(SETTINGS) as (keyof CacheLifetimes)[]).flatMap((lifetime) =>
          adviceOf(lifetime, ttlMs[lifetime], kinds),
        ), // Safe: its own keys.
      };
    },

    reset(figures: readonly CacheFigures[]): void {
      for (const each of figures) {
        switch (each) {
          case "answers":
            coherence.resetStatistics();
            since = new Date();
            break;
          case "manager":
            manager?.resetStatistics();
            break;
          case "replay":
            replay.resetStatistics();
            break;
          case "sampler":
            sampler.resetStatistics();
        }
      }
    },
  };
}

function layerNameOf(kind: string): CacheLayerName {
  // Safe: the store is read with the kinds of loaders and of responses alone.
  return kind === RESPONSE_KIND ? "responses" : CACHE_KINDS[kind as CacheKind].layer;
}

function layerOf(layer: CacheLayerName, all: readonly KindStatistics[]): CacheLayerReport {
  const kinds = all.filter(({ kind }) => layerNameOf(kind) === layer);
  return { layer, kinds, ...sumOf(kinds) };
}

function adviceOf(
  lifetime: keyof CacheLifetimes,
  ttl: number,
  all: readonly KindStatistics[],
): CacheAdviceReport[] {
  const kinds = all.filter(
    ({ kind }) => kind !== RESPONSE_KIND && CACHE_KINDS[kind as CacheKind].lifetime === lifetime, // Safe: as above.
  );
  const currentSeconds = ttl / 1_000;
  const advice = currentSeconds > 0 ? adviseTtl(currentSeconds, sumOf(kinds)) : undefined;
  return advice === undefined ? [] : [{ ...advice, setting: SETTINGS[lifetime], currentSeconds }];
}

type Counts = Omit<KindStatistics, "kind">;

function sumOf(kinds: readonly KindStatistics[]): Counts {
  const sum: Record<keyof Counts, number> = { ...NOTHING_COUNTED };
  for (const counts of kinds) {
    for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += counts[name]; // Safe: its own keys.
  }
  return sum;
}

function managerReport(manager: Pick<CacheManager, "getStatistics">) {
  const { since, total, prefixes } = manager.getStatistics();
  return {
    since,
    total,
    prefixes: Object.entries(prefixes).map(([prefix, counters]) => ({ prefix, ...counters })),
  };
}
