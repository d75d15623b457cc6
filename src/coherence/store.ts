import { type Codec, plainDataCodec } from "./codec.ts";
import { createLoad } from "./load.ts";
import { createLocalCache, entryBytes, type LocalEntry } from "./localCache.ts";
import { createReplicaReads, type ReplicaReadsOptions, type ReplicaStatistics } from "./replicaReads.ts";
import { createSharedFills } from "./sharedFills.ts";
import { createSharedLookUps } from "./sharedLookUps.ts";
import { createLookUpCounts, type StoreStatistics } from "./storeStatistics.ts";
import { withTypeTags } from "./tags.ts";
import { createValidator, type Instant, type ValidatorOptions } from "./validator.ts";
import type { StoredEntry, VersionTable } from "./versionTable.ts";
import { createWatchers, type WatchersOptions } from "./watchers.ts";

/** What a loader gives: the value, and everything it depends on. Without `tags` it is not cached. */
export interface Loaded<Value> {
  readonly value: Value;
  readonly tags: readonly string[] | undefined;
  /** Where it is known only now how long the answer is kept; instead of the read's own, in ms. */
  readonly ttlMs?: number;
  /** What an answer depends on that is not kept for another reason than that nobody could tell its changes. */
  readonly dependsOn?: readonly string[];
}

export interface Answer<Value> extends Loaded<Value> {
  readonly source: "local" | "shared" | "joined" | "loaded";
}

/** One of many: what was loaded or is kept, as it is. */
export type ManyAnswer<Value> = Pick<Loaded<Value>, "value" | "tags">;

/** What every kind of look-up says of its answers. */
export interface AnswerOptions {
  /** What sort of answers they are, for the statistics: one of a handful of names. */
  readonly kind: string;
  /** How long an answer is kept at most, in ms. 0 or less: it is neither looked up nor kept. */
  readonly ttlMs: number;
  /** What the shared level keeps; plain data unless told. */
  readonly codec?: Codec;
}

export interface ReadOptions<Value> extends AnswerOptions {
  /**
   * Reads from the primary. What it returns is frozen if it has tags: it is given to others too.
   *
   * @param begun an instant before the load, for reads on its way; undefined: nothing can be said
   */
  readonly load: (begun: Instant | undefined) => Promise<Loaded<Value>>;
}

export interface ReadManyOptions<Value> extends AnswerOptions {
  /**
   * An instant after the arrival of the request that reads, when it has one already: then no other is
   * asked for. Not for a request that has written since.
   */
  readonly begun?: Instant | undefined;
  /**
   * What is known of the dependencies of a key's answer before it is read; undefined: its changes are not told. Without it
   * the primary alone is asked.
   */
  readonly tagsOf?: ((key: string) => readonly string[] | undefined) | undefined;
  /** One result for each key, in order; an Error for a key that failed. Called again for what a replica could not answer. */
  readonly loadMany: (keys: readonly string[]) => Promise<readonly (Loaded<Value> | Error)[]>;
}

export interface CoherentStoreOptions
  extends Pick<ValidatorOptions, "heldEpoch" | "onRefusal" | "timeoutMs" | "maxRecent" | "defer">,
    Pick<WatchersOptions, "pollMs" | "fallbackMs"> {
  readonly table: VersionTable;
  /** Who may be read from beside the primary. */
  readonly replicas?: Pick<ReplicaReadsOptions, "replicas" | "ask"> | undefined;
  /**
   * Whoever changes a value that others have too gets an error. Yes unless told: to freeze the rows of a big list takes a
   * tenth of its time, and what has never thrown in a test need not be looked for in production.
   */
  readonly isFreezing?: boolean | undefined;
  /** The first level's limit. */
  readonly maxBytes: number;
  /** Of the version table. The caller gets its answer from the loader; this is for the log. */
  readonly onError?: (error: unknown) => void;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
  /** From 0 on, below 1. */
  readonly random?: () => number;
}

export type CoherentStore = ReturnType<typeof createCoherentStore>;

/**
 * Where the first level is full, one in so many answers of the second level comes into it. When more is asked for in turn than
 * there is room for, each would push out another before that is asked for again, and none would ever be found; what is asked for
 * often comes in soon.
 */
const ADMITTED_SHARE = 1 / 8;

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
  const {
    table,
    maxBytes,
    onRefusal,
    onError = () => {},
    now = () => performance.now(),
    random = Math.random,
  } = options;
  const local = createLocalCache({ maxBytes });
  const validator = createValidator({
    ...options,
    onChange: (tag, version) => {
      local.invalidate(tag, version);
      watchers.onChange(tag, version);
    },
    onReset: () => {
      local.clear();
      watchers.onReset();
    },
    onError,
  });
  const watchers = createWatchers({ ...options, validator });
  const flights = new Map<string, Flight>();
  const counts = createLookUpCounts();
  const frozen = options.isFreezing === false ? <Value>(value: Value) => value : freeze;
  const sharedLookUps = createSharedLookUps({ table, defer: options.defer });
  const sharedFills = createSharedFills({
    table,
    defer: options.defer,
    onInvalid: (kind) => counts.of(kind).rejectedFills++,
    onError: (kind, error) => failed(kind, error),
  });
  let order = 0;

  const failed = (kind: string, error: unknown) => {
    counts.of(kind).errors++;
    onError(error);
  };

  const validated = () => new Promise<Instant | undefined>((resolve) => validator.validate(resolve));
  const replicas =
    options.replicas && createReplicaReads({ ...options.replicas, instant: validated, onError, now });
  const load = createLoad({ validator, validated, replicas });

  const findLocal = (kind: string, key: string) => {
    const entry = local.get(key, now());
    if (entry !== undefined) counts.of(kind).localHits++;
    return entry;
  };

  /** Into the first level, if nothing that was applied meanwhile has made it invalid. */
  const keepLocal = (
    { kind, codec = plainDataCodec }: AnswerOptions,
    key: string,
    instant: Instant,
    entry: StoredEntry,
    value: unknown,
    /** Of those that would push out others. */
    admittedShare = 1,
  ) => {
    if (!validator.isCurrent(instant, entry.tags)) return false;
    const bytes = entryBytes(key, codec.bytesOf(value, entry.value), entry.tags);
    if (admittedShare < 1 && !local.hasRoomFor(bytes) && random() >= admittedShare) return false;
    local.set(key, {
      kind,
      value,
      tags: entry.tags,
      stamp: instant.sequence,
      expiresAt: now() + entry.ttlMs,
      bytes,
    });
    return true;
  };

  /** From the second level. What cannot be had or cannot be read is a miss. */
  const findShared = async (keys: readonly string[], begun: Instant, options: AnswerOptions) => {
    const { kind, codec = plainDataCodec } = options;
    const nothing = keys.map(() => undefined);
    if (!table.isShared || keys.length === 0) return nothing;
    try {
      const found = await sharedLookUps.find(begun.epoch, keys);
      if (typeof found === "string") onRefusal?.(begun.epoch, found);
      if (typeof found === "string" || !validator.isHeld(begun.epoch)) return nothing;
      return found.map((entry, index) => {
        if (entry === undefined) return undefined;
        const value = frozen(codec.decode(entry.value));
        counts.of(kind).sharedHits++;
        // Valid at an instant after `begun`, so only later changes than that can have ended it.
        const instant = { epoch: begun.epoch, sequence: Math.max(entry.stamp, begun.sequence) };
        keepLocal(options, keys[index]!, instant, entry, value, ADMITTED_SHARE);
        return { answer: { value, tags: entry.tags, source: "shared" as const }, instant };
      });
    } catch (error) {
      failed(kind, error);
      return nothing;
    }
  };

  const keep = (
    key: string,
    begun: Instant,
    options: AnswerOptions,
    { value, tags, ttlMs = options.ttlMs }: Loaded<unknown>,
  ) => {
    const { kind, codec = plainDataCodec } = options;
    const count = counts.of(kind);
    if (tags === undefined || ttlMs <= 0) {
      count.uncacheable++;
      return;
    }
    try {
      const entry: StoredEntry = {
        stamp: begun.sequence,
        tags: withTypeTags(tags),
        value: codec.encode(value),
        ttlMs,
      };
      if (!keepLocal(options, key, begun, entry, value)) {
        count.rejectedFills++;
        return;
      }
      count.fills++;
      if (table.isShared) sharedFills.offer(kind, begun.epoch, { key, ...entry });
    } catch (error) {
      // Not plain data: the reader has its answer, and nobody else gets half of it.
      count.uncacheable++;
      failed(kind, error);
    }
  };

  const launch = (key: string, begun: Instant, options: ReadOptions<unknown>): Flight => {
    const fly = async (): Promise<Outcome> => {
      try {
        const [shared] = await findShared([key], begun, options);
        if (shared !== undefined) return shared;
        counts.of(options.kind).misses++;
        const loaded = await options.load(begun);
        if (loaded.tags !== undefined) frozen(loaded.value);
        keep(key, begun, options, loaded);
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
      const entry = findLocal(options.kind, key);
      if (entry !== undefined) return { value: entry.value, tags: entry.tags, source: "local" as const };
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
        flight.order > arrival ||
        (answer.tags !== undefined && validator.isCurrent(instant, withTypeTags(answer.tags)));
      if (!isValid) continue;
      if (isOwn) return answer;
      counts.of(options.kind).joined++;
      return { ...answer, source: "joined" as const };
    }
  };

  return {
    /** The value under the key, from the cache or from `load`. Rejects with what `load` rejects with. */
    async read<Value>(key: string, options: ReadOptions<Value>): Promise<Answer<Value>> {
      const begun = options.ttlMs > 0 ? await validated() : undefined;
      if (begun === undefined) {
        counts.of(options.kind).bypasses++;
        return { ...(await options.load(undefined)), source: "loaded" };
      }
      // Safe: a key is always read with loaders of one type, and the codec gives back what it was given.
      return (await readValidated(key, begun, options)) as Answer<Value>;
    },

    /** Many at once: one validation, one look-up in the second level, one load of what is missing. */
    async getMany<Value>(
      keys: readonly string[],
      options: ReadManyOptions<Value>,
    ): Promise<(ManyAnswer<Value> | Error)[]> {
      const { kind, ttlMs } = options;
      // What is not kept may come from a replica, too.
      const isValidated = ttlMs > 0 || (replicas !== undefined && options.tagsOf !== undefined);
      const begun = isValidated ? (options.begun ?? (await validated())) : undefined;
      const mayBeKept = begun !== undefined && ttlMs > 0;
      const answers: (ManyAnswer<unknown> | Error | undefined)[] = mayBeKept
        ? keys.map((key) => findLocal(kind, key))
        : new Array(keys.length);
      const absent = () => keys.filter((_, index) => answers[index] === undefined);
      const found = mayBeKept ? await findShared(absent(), begun, options) : [];
      if (found.some((shared) => shared !== undefined)) {
        let next = 0;
        for (const [index, answer] of answers.entries())
          if (answer === undefined) answers[index] = found[next++]?.answer;
      }
      const missing = new Set(absent());
      if (missing.size > 0) {
        const loaded = await load([...missing], begun, options);
        const count = counts.of(kind);
        if (mayBeKept) count.misses += loaded.size;
        else count.bypasses += loaded.size;
        for (const [key, { result, since }] of loaded) {
          if (result instanceof Error) continue;
          if (begun !== undefined) frozen(result.value);
          if (since !== undefined && ttlMs > 0) keep(key, since, options, result);
        }
        for (const [index, key] of keys.entries()) answers[index] ??= loaded.get(key)?.result;
      }
      // Safe: every key was answered above, with values of the type that its loaders give.
      return answers as (ManyAnswer<Value> | Error)[];
    },

    /** For who cannot afford a promise: calls back with the first level's entry, validated, or undefined. */
    lookUp(
      kind: string,
      key: string,
      callback: (entry: LocalEntry | undefined, instant: Instant | undefined) => void,
    ): void {
      validator.validate((instant) =>
        callback(instant === undefined ? undefined : findLocal(kind, key), instant),
      );
    },

    /** Whether what was so at `since` is so at the instant that `lookUp` has just called back with. */
    isCurrent: validator.isCurrent,

    /** An instant between now and then: what is read afterwards is watched from it. Undefined: nothing can be said. */
    instant: validated,

    /** See watchers.ts. */
    watch: watchers.watch,
    wake: watchers.wake,

    /** Ends all watches, without a call. Reads go on. */
    close: watchers.close,

    statistics: (): StoreStatistics => ({
      ...counts.total(),
      ...local.statistics(),
      roundTrips: validator.roundTrips(),
      watchers: watchers.count(),
      kinds: counts.read(local.kinds()),
    }),

    /** What each replica has done; empty without any. */
    replicas: (): ReplicaStatistics[] => replicas?.statistics() ?? [],

    /** Counts from 0 again; what is kept stays. */
    resetStatistics(): void {
      counts.reset();
      local.resetStatistics();
      replicas?.resetStatistics();
    },
  };
}

/** Cached values are shared by all that read them, so nobody may change one. Dates cannot be frozen. */
function freeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value))
    return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
