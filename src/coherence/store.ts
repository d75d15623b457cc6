import { decode, encode } from "./codec.ts";
import { createLocalCache } from "./localCache.ts";
import { withTypeTags } from "./tags.ts";
import { createValidator, type Instant, type ValidatorOptions } from "./validator.ts";
import type { Epoch, StoredEntry, VersionTable } from "./versionTable.ts";

/** What a loader gives: the value, and everything it depends on. Without `tags` it is not cached. */
export interface Loaded<Value> {
  readonly value: Value;
  readonly tags: readonly string[] | undefined;
}

export interface Answer<Value> extends Loaded<Value> {
  readonly source: "local" | "shared" | "joined" | "loaded";
}

export interface ReadOptions<Value> {
  /** How long the answer is kept at most, in ms. 0 or less: it is neither looked up nor kept. */
  readonly ttlMs: number;
  /** Reads from the primary. What it returns is frozen: it may be given to others too. */
  readonly load: () => Promise<Loaded<Value>>;
}

export interface ReadManyOptions<Value> {
  readonly ttlMs: number;
  /** One result for each key, in order; an Error for a key that failed. */
  readonly loadMany: (keys: readonly string[]) => Promise<readonly (Loaded<Value> | Error)[]>;
}

export interface CoherentStoreOptions
  extends Pick<ValidatorOptions, "heldEpoch" | "onRefusal" | "timeoutMs" | "maxRecent" | "defer"> {
  readonly table: VersionTable;
  /** The first level's limit. */
  readonly maxBytes: number;
  /** Of the version table. The caller gets its answer from the loader; this is for the log. */
  readonly onError?: (error: unknown) => void;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
}

export type CoherentStore = ReturnType<typeof createCoherentStore>;

type Outcome = { readonly answer: Answer<unknown>; readonly instant: Instant } | { readonly error: unknown };

interface Flight {
  /** Flights and readers are numbered in the order in which they begin. */
  readonly order: number;
  readonly outcome: Promise<Outcome>;
}

/**
 * Answers that are kept, and never older than what was committed when they are asked for.
 *
 * A read is validated first (validator.ts), then looked up here (localCache.ts), then in the
 * version table's second level, then loaded. A load is shared by all that ask for the same key meanwhile:
 * one that began after the reader's arrival as it is, an earlier one if its answer still
 * validates when it arrives. When the version table cannot be asked, each reader loads for itself.
 */
export function createCoherentStore(options: CoherentStoreOptions) {
  const { table, maxBytes, onError = () => {}, now = () => performance.now() } = options;
  const local = createLocalCache({ maxBytes });
  const validator = createValidator({
    ...options,
    onChange: local.invalidate,
    onReset: local.clear,
    onError,
  });
  const flights = new Map<string, Flight>();
  const counts = {
    localHits: 0,
    sharedHits: 0,
    joined: 0,
    misses: 0,
    bypasses: 0,
    fills: 0,
    rejectedFills: 0,
    uncacheable: 0,
    errors: 0,
  };
  let order = 0;

  const failed = (error: unknown) => {
    counts.errors++;
    onError(error);
  };

  const validated = () => new Promise<Instant | undefined>((resolve) => validator.validate(resolve));

  const findLocal = (key: string) => {
    const entry = local.get(key, now());
    if (entry !== undefined) counts.localHits++;
    return entry;
  };

  /** Into the first level, if nothing that was applied meanwhile has made it invalid. */
  const keepLocal = (key: string, instant: Instant, entry: StoredEntry, value: unknown) => {
    if (!validator.isCurrent(instant, entry.tags)) return false;
    const bytes =
      2 * (key.length + entry.value.length) + entry.tags.reduce((sum, tag) => sum + 2 * tag.length + 50, 200);
    local.set(key, {
      value,
      tags: entry.tags,
      stamp: instant.sequence,
      expiresAt: now() + entry.ttlMs,
      bytes,
    });
    return true;
  };

  /** From the second level. What cannot be had or cannot be read is a miss. */
  const findShared = async (keys: readonly string[], begun: Instant) => {
    const nothing = keys.map(() => undefined);
    if (!table.isShared || keys.length === 0) return nothing;
    try {
      const found = await table.get(begun.epoch, keys);
      if (typeof found === "string") options.onRefusal?.(begun.epoch, found);
      if (typeof found === "string" || !validator.isHeld(begun.epoch)) return nothing;
      return found.map((entry, index) => {
        if (entry === undefined) return undefined;
        counts.sharedHits++;
        const value = freeze(decode(entry.value));
        // Valid at an instant after `begun`, so only later changes than that can have ended it.
        const instant = { epoch: begun.epoch, sequence: Math.max(entry.stamp, begun.sequence) };
        keepLocal(keys[index]!, instant, entry, value);
        return { answer: { value, tags: entry.tags, source: "shared" as const }, instant };
      });
    } catch (error) {
      failed(error);
      return nothing;
    }
  };

  const keep = (key: string, begun: Instant, ttlMs: number, { value, tags }: Loaded<unknown>) => {
    if (tags === undefined) {
      counts.uncacheable++;
      return;
    }
    try {
      const entry: StoredEntry = {
        stamp: begun.sequence,
        tags: withTypeTags(tags),
        value: encode(value),
        ttlMs,
      };
      if (!keepLocal(key, begun, entry, value)) {
        counts.rejectedFills++;
        return;
      }
      counts.fills++;
      if (table.isShared) fillShared(begun.epoch, key, entry);
    } catch (error) {
      // Not plain data: the reader has its answer, and nobody else gets half of it.
      counts.uncacheable++;
      failed(error);
    }
  };

  const fillShared = (epoch: Epoch, key: string, entry: StoredEntry) => {
    table.fill(epoch, key, entry).then((result) => {
      if (result === "invalid") counts.rejectedFills++;
    }, failed);
  };

  const launch = (key: string, begun: Instant, { ttlMs, load }: ReadOptions<unknown>): Flight => {
    const fly = async (): Promise<Outcome> => {
      try {
        const [shared] = await findShared([key], begun);
        if (shared !== undefined) return shared;
        counts.misses++;
        const loaded = await load();
        freeze(loaded.value);
        keep(key, begun, ttlMs, loaded);
        return { answer: { ...loaded, source: "loaded" }, instant: begun };
      } catch (error) {
        return { error };
      } finally {
        flights.delete(key);
      }
    };
    const flight = { order: ++order, outcome: fly() };
    flights.set(key, flight);
    return flight;
  };

  const readValidated = async (key: string, begun: Instant, options: ReadOptions<unknown>) => {
    const arrival = ++order;
    for (;;) {
      const entry = findLocal(key);
      if (entry !== undefined) return { ...entry, source: "local" as const };
      const running = flights.get(key);
      const flight = running ?? launch(key, validator.current() ?? begun, options);
      const outcome = await flight.outcome;
      const isOwn = running === undefined;
      if ("error" in outcome) {
        if (flight.order > arrival) throw outcome.error;
        continue;
      }
      const { answer, instant } = outcome;
      const isValid =
        flight.order > arrival || (answer.tags !== undefined && validator.isCurrent(instant, answer.tags));
      if (!isValid) continue;
      if (isOwn) return answer;
      counts.joined++;
      return { ...answer, source: "joined" as const };
    }
  };

  return {
    /** The value under the key, from the cache or from `load`. Rejects with what `load` rejects with. */
    async read<Value>(key: string, options: ReadOptions<Value>): Promise<Answer<Value>> {
      const begun = options.ttlMs > 0 ? await validated() : undefined;
      if (begun === undefined) {
        counts.bypasses++;
        return { ...(await options.load()), source: "loaded" };
      }
      // Safe: a key is always read with loaders of one type, and the codec gives back what it was given.
      return (await readValidated(key, begun, options)) as Answer<Value>;
    },

    /** Many at once: one validation, one look-up in the second level, one load of what is missing. */
    async getMany<Value>(
      keys: readonly string[],
      { ttlMs, loadMany }: ReadManyOptions<Value>,
    ): Promise<(Answer<Value> | Error)[]> {
      const begun = ttlMs > 0 ? await validated() : undefined;
      const answers = new Map<string, Answer<unknown> | Error>();
      if (begun !== undefined) {
        for (const key of keys) {
          const entry = findLocal(key);
          if (entry !== undefined) answers.set(key, { ...entry, source: "local" });
        }
        const absent = keys.filter((key) => !answers.has(key));
        for (const [index, shared] of (await findShared(absent, begun)).entries()) {
          if (shared !== undefined) answers.set(absent[index]!, shared.answer);
        }
      }
      const missing = [...new Set(keys)].filter((key) => !answers.has(key));
      if (missing.length > 0) {
        const loaded = await loadMany(missing);
        for (const [index, key] of missing.entries()) {
          const result =
            loaded[index] ?? new Error(`Expected ${missing.length} results, got ${loaded.length}.`);
          if (begun === undefined) counts.bypasses++;
          else counts.misses++;
          if (result instanceof Error) {
            answers.set(key, result);
            continue;
          }
          freeze(result.value);
          if (begun !== undefined) keep(key, begun, ttlMs, result);
          answers.set(key, { ...result, source: "loaded" });
        }
      }
      // Safe: every key was answered above, with values of the type that its loaders give.
      return keys.map((key) => answers.get(key) as Answer<Value> | Error);
    },

    /** For who cannot afford a promise: calls back with the first level's entry, validated, or undefined. */
    lookUp(key: string, callback: (answer: Loaded<unknown> | undefined) => void): void {
      validator.validate((instant) => callback(instant === undefined ? undefined : findLocal(key)));
    },

    /** The stamp for answers whose reading begins afterwards. Undefined: do not keep them. */
    validated,

    /** Keeps an answer whose reading began after `begun`. */
    put: keep,

    statistics: () => ({ ...counts, ...local.statistics(), roundTrips: validator.roundTrips() }),
  };
}

/** Cached values are shared by all that read them, so nobody may change one. Dates cannot be frozen. */
function freeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value))
    return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
