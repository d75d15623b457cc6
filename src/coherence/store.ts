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

/** What a loader gives: the value, and everything it depends on. Without `tags` it is not cached. */
export interface Loaded<Value> {
  readonly value: Value;
  readonly tags: readonly string[] | undefined;
  /** Other answers that it is made of, and what they depend on: their tags are none of its own. Those of `getMany` that are kept. */
  readonly parts?: readonly LocalEntry[];
  /** True for an answer that costs less to make than to fetch from the second level: it is offered there when it is found again, and not at once. */
  readonly isCheap?: boolean;
  /** Where it is known only now how long the answer is kept; instead of the read's own, in ms. */
  readonly ttlMs?: number;
  /** What an answer depends on that is not kept for another reason than that nobody could tell its changes. */
  readonly dependsOn?: readonly string[];
}

export interface Answer<Value> extends Loaded<Value> {
  readonly source: "local" | "shared" | "joined" | "loaded";
}

/** One of many: what was loaded, or the entry that is kept, as it is. */
export type ManyAnswer<Value> = Pick<Loaded<Value>, "value" | "tags"> | (LocalEntry & { value: Value });

/** It can be a part of another answer. */
export const isEntry = <Value>(answer: ManyAnswer<Value> | Error): answer is LocalEntry & { value: Value } =>
  "stamp" in answer;

/** What every kind of look-up says of its answers. */
export interface AnswerOptions {
  /** What sort of answers they are, for the statistics: one of a handful of names. */
  readonly kind: string;
  /** How long an answer is kept at most, in ms. 0 or less: it is neither looked up nor kept. */
  readonly ttlMs: number;
  /** What the shared level keeps; plain data unless told. */
  readonly codec?: Codec;
  /** Given: it is kept in the first level alone, and takes so many bytes there. */
  readonly bytesOf?: (value: unknown) => number;
}

export interface ReadOptions<Value> extends AnswerOptions {
  /** Skips the look-up in the second level, because the load is expected to cost less. */
  readonly skipsShared?: boolean;
  /** An instant after the arrival of the request that reads, when it has one already: then no other is asked for. */
  readonly begun?: Instant | undefined;
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
  /** Called when the first level lacks some of the keys. */
  readonly onAbsent?: () => void;
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

type Outcome = { readonly answer: Answer<unknown>; readonly instant: Instant } | { readonly error: unknown };

interface Flight {
  /** Flights and readers are numbered in the order in which they begin. */
  readonly order: number;
  /** Undefined when it is over: nobody joins it any more, and what V8 keeps of an old Map should not keep the request with it. */
  outcome: Promise<Outcome> | undefined;
}

/**
 * Answers that are kept, and never older than what was committed when they are asked for.
 *
 * A read is validated first (validator.ts), then looked up here, then in the version table's second level (levels.ts), then
 * loaded. A load is shared by all that ask for the same key meanwhile:
 * one that began after the reader's arrival as it is, an earlier one if its answer still
 * validates when it arrives. When the version table cannot be asked, each reader loads for itself.
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
      const outcome = (await flight.outcome)!; // Safe: it is in flight.
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
    /** The value under the key, from the cache or from `load`. Rejects with what `load` rejects with. */
    async read<Value>(key: string, options: ReadOptions<Value>): Promise<Answer<Value>> {
      const begun = options.ttlMs > 0 ? (options.begun ?? (await validated())) : undefined;
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
      // Safe: every key was answered above, with values of the type that its loaders give.
      return answers as (ManyAnswer<Value> | Error)[];
    },

    /**
     * Whether a reader with an instant of its own would be given these very entries, which it was given before. They are not looked up, so it
     * is for those that will be parts of an answer.
     */
    areKept,

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

    /** Whether what is read may come from one: then the store has to be told of all that it depends on. */
    hasReplicas: replicas !== undefined,

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
