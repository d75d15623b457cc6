import { createHistogram } from "../observation/histogram.ts";

export interface CacheCounters {
  readonly hits: number;
  readonly misses: number;
  /** Keys whose call got no answer, or one that could not be decoded. Neither hits nor misses. */
  readonly errors: number;
  /** Keys that were stored, deleted, incremented or given a new time to live. */
  readonly writes: number;
  /** Between 0 and 1; 0 when no key was read. */
  readonly hitRate: number;
  /** The size of encoded values, without their keys. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /**
   * The latency of calls that Redis answered; a call with many keys counts once. At most 6.25 % above the
   * true value.
   */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
}

export interface CacheStatistics {
  readonly since: Date;
  readonly total: CacheCounters;
  /**
   * By prefix: the part of the key before its first ":". Keys without a ":" are under "", and prefixes beyond
   * the limit under "*".
   */
  readonly prefixes: Readonly<Record<string, CacheCounters>>;
}

/** How many prefixes are counted separately: each takes about 1.6 KB, and keys may have any prefix. */
const MAX_PREFIXES = 64;
const OTHERS = "*";

type Row = ReturnType<typeof createRow>;
type Counted = "hits" | "misses" | "errors" | "writes" | "bytesRead" | "bytesWritten";

/** Counts the cache's calls, in bounded memory. */
export function createCacheStatistics(options: { maxPrefixes?: number } = {}) {
  const maxPrefixes = options.maxPrefixes ?? MAX_PREFIXES;
  let rows = new Map<string, Row>();
  let since = new Date();

  function rowOf(key: string): Row {
    const colon = key.indexOf(":");
    const prefix = colon === -1 ? "" : key.slice(0, colon);
    const known = rows.get(prefix);
    if (known !== undefined) return known;
    const name = rows.size < maxPrefixes ? prefix : OTHERS;
    const row = rows.get(name) ?? createRow();
    rows.set(name, row);
    return row;
  }

  return {
    /** @param bytes the length of the encoded value for a hit, undefined for a miss */
    countRead(key: string, bytes: number | undefined): void {
      const row = rowOf(key);
      if (bytes === undefined) row.misses++;
      else {
        row.hits++;
        row.bytesRead += bytes;
      }
    },
    countWrite(key: string, bytes: number): void {
      const row = rowOf(key);
      row.writes++;
      row.bytesWritten += bytes;
    },
    count(key: string, what: Counted, amount = 1): void {
      rowOf(key)[what] += amount;
    },
    /** Records one call under every prefix among its keys. */
    time(keys: readonly string[], durationMs: number): void {
      const [only] = keys;
      if (keys.length === 1 && only !== undefined) rowOf(only).latency.record(durationMs);
      else for (const row of new Set(keys.map(rowOf))) row.latency.record(durationMs);
    },
    read(): CacheStatistics {
      const sum = createRow();
      for (const row of rows.values()) {
        for (const name of COUNTED) sum[name] += row[name];
        sum.latency.add(row.latency.counts);
      }
      const prefixes = Object.fromEntries([...rows].sort().map(([prefix, row]) => [prefix, publish(row)]));
      return { since, total: publish(sum), prefixes };
    },
    reset(): void {
      rows = new Map();
      since = new Date();
    },
  };
}

const COUNTED: readonly Counted[] = ["hits", "misses", "errors", "writes", "bytesRead", "bytesWritten"];

function createRow() {
  const latency = createHistogram();
  return { hits: 0, misses: 0, errors: 0, writes: 0, bytesRead: 0, bytesWritten: 0, latency };
}

function publish({ latency, ...counted }: Row): CacheCounters {
  const asked = counted.hits + counted.misses;
  return {
    ...counted,
    hitRate: asked === 0 ? 0 : counted.hits / asked,
    latencyMs: {
      p50: latency.percentileMs(0.5),
      p95: latency.percentileMs(0.95),
      p99: latency.percentileMs(0.99),
    },
  };
}
