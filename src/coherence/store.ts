import type { Codec } from "./codec.ts";
import { allTags } from "./dependencies.ts";
import { createLevels } from "./levels.ts";
import { createLoad } from "./load.ts";
import type { LocalEntry } from "./localEntry.ts";
import { createReplicaReads, type ReplicaReadsOptions, type ReplicaStatistics } from "./replicaReads.ts";
import { createLookUpCounts, type StoreStatistics } from "./storeStatistics.ts";
import { withTypeTags } from "./tags.ts";
import { createValidator, type Instant, type ValidatorOptions } from "./validator.ts";
import type { VersionTable } from "./versionTable.ts";
import { createWatchers, type WatchersOptions } from "./watchers.ts";

/** A loader's result: the value, and everything it depends on. Without `tags` it is not cached. */
export interface Loaded<Value> {
  readonly value: Value;
  readonly tags: readonly string[] | undefined;
  /**
   * The other answers that it is made of: entries that `getMany` has returned. It depends on whatever they
   * depend on, so their tags are not among `tags`.
   */
  readonly parts?: readonly LocalEntry[];
  /** True: the answer costs less to make than to fetch from L2. It is offered to L2 when it is found again, not at once. */
  readonly isCheap?: boolean;
  /** In ms. Replaces the read's `ttlMs` when the time to live is known only after the load. */
  readonly ttlMs?: number;
  /** The tags of an answer that must not be kept although its tags are known. */
  readonly dependsOn?: readonly string[];
}

export interface Answer<Value> extends Loaded<Value> {
  readonly source: "local" | "shared" | "joined" | "loaded";
}

/** One of many answers: the loaded value, or the kept entry itself. */
export type ManyAnswer<Value> = Pick<Loaded<Value>, "value" | "tags"> | (LocalEntry & { value: Value });

/** Whether the answer is a kept entry, which can be a part of another answer. */
export const isEntry = <Value>(answer: ManyAnswer<Value> | Error): answer is LocalEntry & { value: Value } =>
  "stamp" in answer;

/** The options that all look-ups have in common. */
export interface AnswerOptions {
  /** The kind of answer, for the statistics: one of a handful of names. */
  readonly kind: string;
  /** The time to live, in ms. 0 or less: the answer is neither looked up nor kept. */
  readonly ttlMs: number;
  /** Encodes the values for L2; the default handles plain data. */
  readonly codec?: Codec;
  /** If given, the answer is kept in L1 only, where it takes as many bytes as this returns. */
  readonly bytesOf?: (value: unknown) => number;
}

export interface ReadOptions<Value> extends AnswerOptions {
  /** True: L2 is not asked, because the load is expected to cost less. */
  readonly skipsShared?: boolean;
  /** An instant after the arrival of the reading request, if it has one already. It saves a validation. */
  readonly begun?: Instant | undefined;
  /**
   * Reads from the primary. A value with tags is frozen, because other readers get it too.
   *
   * @param begun an instant before the load, for the reads within it; undefined: the cache can vouch for
   *   nothing
   */
  readonly load: (begun: Instant | undefined) => Promise<Loaded<Value>>;
}

export interface ReadManyOptions<Value> extends AnswerOptions {
  /**
   * An instant after the arrival of the reading request, if it has one already. It saves a validation. A
   * request that has written since that instant must not pass it.
   */
  readonly begun?: Instant | undefined;
  /**
   * Returns the tags of a key's answer that are known before the answer is read. Undefined: no tag covers
   * some of its changes. Without this function only the primary is asked.
   */
  readonly tagsOf?: ((key: string) => readonly string[] | undefined) | undefined;
  /** Called when L1 lacks some of the keys. */
  readonly onAbsent?: () => void;
  /**
   * Returns one result per key, in the order of the keys; an Error for a key that failed. Called again for
   * the keys that a replica could not answer.
   */
  readonly loadMany: (keys: readonly string[]) => Promise<readonly (Loaded<Value> | Error)[]>;
}

export interface CoherentStoreOptions
  extends Pick<ValidatorOptions, "heldEpoch" | "onRefusal" | "timeoutMs" | "maxRecent" | "defer">,
    Pick<WatchersOptions, "pollMs" | "fallbackMs"> {
  readonly table: VersionTable;
  /** Replicas that may be read from besides the primary. */
  readonly replicas?: Pick<ReplicaReadsOptions, "replicas" | "ask"> | undefined;
  /**
   * Whether values are frozen, so that changing a value shared with other readers throws; default true.
   * Freezing the rows of a big list takes a tenth of the list's time, and code that has never thrown in a
   * test need not be checked in production.
   */
  readonly isFreezing?: boolean | undefined;
  /** The size limit of L1, in bytes. */
  readonly maxBytes: number;
  /** Told of the version table's errors, for the log. The caller gets its answer from the loader. */
  readonly onError?: (error: unknown) => void;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random?: () => number;
}

export type CoherentStore = ReturnType<typeof createCoherentStore>;

type Outcome = { readonly answer: Answer<unknown>; readonly instant: Instant } | { readonly error: unknown };

interface Flight {
  /** Flights and readers are numbered in the order in which they begin. */
  readonly order: number;
  /**
   * Undefined once the flight is over, when no reader joins it any more. V8 may keep the flight in memory
   * through an old table of the Map; the request's objects must not stay with it.
   */
  outcome: Promise<Outcome> | undefined;
}

/**
 * The coherent cache. Its answers are never older than what was committed when they are asked for.
 *
 * A read is first validated (validator.ts), then looked up in L1, then in L2 (levels.ts), and then loaded.
 * Loads are single flight: all readers that ask for the same key meanwhile share one load. If the load began
 * after the reader's arrival, the reader takes the answer as it is. If the load began earlier, the reader
 * takes the answer only if it still validates when it arrives. While the version table cannot be asked, each
 * reader loads for itself.
 */
export function createCoherentStore(options: CoherentStoreOptions) {
  const { onError = () => {}, now = () => performance.now() } = options;
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
  const { local, frozen, findLocal, areKept, findShared, keep } = createLevels({
    ...options,
    validator,
    counts,
    onError,
  });
  let order = 0;

  const validated = () => new Promise<Instant | undefined>((resolve) => validator.validate(resolve));
  const replicas =
    options.replicas && createReplicaReads({ ...options.replicas, instant: validated, onError, now });
  const load = createLoad({ validator, validated, replicas });

  const launch = (key: string, begun: Instant, options: ReadOptions<unknown>): Flight => {
    const fly = async (): Promise<Outcome> => {
      try {
        const [shared] = options.skipsShared ? [] : await findShared([key], begun, options);
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
        flight.outcome = undefined;
      }
    };
    const flight: Flight = { order: ++order, outcome: undefined };
    flight.outcome = fly();
    flights.set(key, flight);
    return flight;
  };

  const readValidated = async (key: string, begun: Instant, options: ReadOptions<unknown>) => {
    const arrival = ++order;
    for (;;) {
      const entry = findLocal(options.kind, key);
      if (entry !== undefined) {
        const { value, tags, parts } = entry;
        return { value, tags, parts, source: "local" as const };
      }
      const running = flights.get(key);
      const flight = running ?? launch(key, validator.current() ?? begun, options);
      const outcome = (await flight.outcome)!; // Safe: the flight is not over yet.
      const isOwn = running === undefined;
      if ("error" in outcome) {
        if (flight.order > arrival) throw outcome.error;
        continue;
      }
      const { answer, instant } = outcome;
      const isValid =
        flight.order > arrival ||
        (answer.tags !== undefined &&
          validator.isCurrent(instant, withTypeTags(allTags(answer.tags, answer.parts ?? []))));
      if (!isValid) continue;
      if (isOwn) return answer;
      counts.of(options.kind).joined++;
      return { ...answer, source: "joined" as const };
    }
  };

  return {
    /** Returns the value under the key, from the cache or from `load`. Rejects with the error of `load`. */
    async read<Value>(key: string, options: ReadOptions<Value>): Promise<Answer<Value>> {
      const begun = options.ttlMs > 0 ? (options.begun ?? (await validated())) : undefined;
      if (begun === undefined) {
        counts.of(options.kind).bypasses++;
        return { ...(await options.load(undefined)), source: "loaded" };
      }
      // Safe: a key is always read with loaders of one type, and the codec returns what it was given.
      return (await readValidated(key, begun, options)) as Answer<Value>;
    },

    /** Reads many keys at once: with one validation, one look-up in L2, and one load of the missing keys. */
    async getMany<Value>(
      keys: readonly string[],
      options: ReadManyOptions<Value>,
    ): Promise<(ManyAnswer<Value> | Error)[]> {
      const { kind, ttlMs } = options;
      // An answer that is not kept may come from a replica too, which needs an instant as well.
      const isValidated = ttlMs > 0 || (replicas !== undefined && options.tagsOf !== undefined);
      const begun = isValidated ? (options.begun ?? (await validated())) : undefined;
      const mayBeKept = begun !== undefined && ttlMs > 0;
      const answers: (ManyAnswer<unknown> | Error | undefined)[] = keys.map((key) =>
        mayBeKept ? findLocal(kind, key) : undefined,
      );
      const absent = keys.filter((_, index) => answers[index] === undefined);
      if (absent.length > 0) {
        options.onAbsent?.();
        const found = new Map<string, ManyAnswer<unknown> | Error>();
        const shared = mayBeKept ? await findShared(absent, begun, options) : [];
        for (const [index, each] of shared.entries())
          if (each !== undefined) found.set(absent[index]!, each.answer);
        const missing = new Set(absent.filter((key) => !found.has(key)));
        const loaded = await load([...missing], begun, options);
        const count = counts.of(kind);
        if (mayBeKept) count.misses += loaded.size;
        else count.bypasses += loaded.size;
        for (const [key, { result, since }] of loaded) {
          found.set(key, result);
          if (result instanceof Error) continue;
          if (begun !== undefined) frozen(result.value);
          const kept = since !== undefined && ttlMs > 0 ? keep(key, since, options, result) : undefined;
          if (kept !== undefined) found.set(key, kept);
        }
        for (const [index, key] of keys.entries()) answers[index] ??= found.get(key);
      }
      // Safe: every key was answered above, with values of the type that its loaders return.
      return answers as (ManyAnswer<Value> | Error)[];
    },

    /**
     * Whether these entries, which the reader was given before, are all still in L1. For a reader that has an
     * instant of its own. The entries do not count as used, so this is for entries that become parts of an
     * answer.
     */
    areKept,

    /** For callers that cannot afford a promise: calls back with the validated entry of L1, or undefined. */
    lookUp(
      kind: string,
      key: string,
      callback: (entry: LocalEntry | undefined, instant: Instant | undefined) => void,
    ): void {
      validator.validate((instant) =>
        callback(instant === undefined ? undefined : findLocal(kind, key), instant),
      );
    },

    /** Whether what was valid at `since` is valid at the instant that `lookUp` has just called back with. */
    isCurrent: validator.isCurrent,

    /**
     * Resolves to an instant between the call and its return, from which later reads can be watched.
     * Undefined: the cache can vouch for nothing.
     */
    instant: validated,

    /** See watchers.ts. */
    watch: watchers.watch,
    wake: watchers.wake,

    /** Ends all watches without calling back. Reads go on. */
    close: watchers.close,

    statistics: (): StoreStatistics => ({
      ...counts.total(),
      ...local.statistics(),
      roundTrips: validator.roundTrips(),
      watchers: watchers.count(),
      kinds: counts.read(local.kinds()),
    }),

    /** Whether answers may come from a replica: then loaders must report everything that they depend on. */
    hasReplicas: replicas !== undefined,

    /** The statistics of each replica; empty without replicas. */
    replicas: (): ReplicaStatistics[] => replicas?.statistics() ?? [],

    /** Resets all counters to 0. The entries stay. */
    resetStatistics(): void {
      counts.reset();
      local.resetStatistics();
      replicas?.resetStatistics();
    },
  };
}
