import { type Codec, plainDataCodec } from "./codec.ts";
import { allTags } from "./dependencies.ts";
import { createLocalCache } from "./localCache.ts";
import { entryBytes, type LocalEntry, type NewEntry, type OnFound } from "./localEntry.ts";
import { createSharedFills } from "./sharedFills.ts";
import { createSharedLookUps } from "./sharedLookUps.ts";
import type { AnswerOptions, CoherentStoreOptions, Loaded } from "./store.ts";
import type { CountLookUps } from "./storeStatistics.ts";
import { withTypeTags } from "./tags.ts";
import type { Instant, Validator } from "./validator.ts";
import type { Epoch, KeyedEntry } from "./versionTable.ts";

export interface LevelsOptions
  extends Pick<
    CoherentStoreOptions,
    "table" | "maxBytes" | "onRefusal" | "isFreezing" | "now" | "random" | "defer"
  > {
  readonly validator: Pick<Validator, "current" | "isCurrent" | "isHeld">;
  readonly counts: Pick<CountLookUps, "of">;
  readonly onError: (error: unknown) => void;
}

export type Levels = ReturnType<typeof createLevels>;

/**
 * While L1 is full, it admits this share of the answers that come from L2. When requests cycle through more
 * answers than L1 has room for, each new one would evict another before that is asked for again, and L1 would
 * never hit. An answer that is asked for often is soon admitted.
 */
const ADMITTED_SHARE = 1 / 8;

/** An answer made of parts counts as often asked for once it has been found this many times. */
const OFTEN = 64;

/** The two cache levels: L1 in this process (localCache.ts), and L2 beside the version table. */
export function createLevels(options: LevelsOptions) {
  const { table, validator, counts, onRefusal, onError } = options;
  const { now = () => performance.now(), random = Math.random } = options;
  const local = createLocalCache({ maxBytes: options.maxBytes });
  const frozen = options.isFreezing === false ? <Value>(value: Value) => value : freeze;
  const sharedLookUps = createSharedLookUps({ table, defer: options.defer });
  const sharedFills = createSharedFills({
    table,
    defer: options.defer,
    onInvalid: (kind) => counts.of(kind).rejectedFills++,
    onError: (kind, error) => failed(kind, error),
  });

  const failed = (kind: string, error: unknown) => {
    counts.of(kind).errors++;
    onError(error);
  };

  const offer = (kind: string, epoch: Epoch, entry: KeyedEntry) => {
    if (table.isShared) sharedFills.offer(kind, epoch, entry);
  };

  /** Puts an entry into L1, unless a change applied since `instant` has made it invalid. */
  const keepLocal = (
    instant: Instant,
    entry: Omit<NewEntry, "stamp" | "expiresAt"> & { readonly ttlMs: number },
    /** The share that is admitted of the entries that would evict others. */
    admittedShare = 1,
  ): LocalEntry | undefined => {
    const { key, kind, value, tags, parts, bytes, ttlMs, onFound } = entry;
    if (!validator.isCurrent(instant, tags)) return undefined;
    if (admittedShare < 1 && !local.hasRoomFor(bytes, tags.length) && random() >= admittedShare)
      return undefined;
    const expiresAt = now() + ttlMs;
    return local.set({ key, kind, value, tags, parts, stamp: instant.sequence, expiresAt, bytes, onFound });
  };

  const makeWhole = (entry: LocalEntry, codec: Codec) => {
    const value = codec.whole?.(entry.value);
    if (value === undefined) return;
    const bytes = entryBytes(entry.key, codec.bytesOf(value, ""), entry.tags, entry.parts);
    local.reform(entry, frozen(value), bytes);
  };

  const share = (kind: string, { key, value, tags, parts, stamp, expiresAt }: LocalEntry, codec: Codec) => {
    const epoch = validator.current()?.epoch;
    const isTooLong = parts.length > 0 && codec.whole !== undefined && codec.whole(value) === undefined;
    if (epoch === undefined || isTooLong) return;
    const all = withTypeTags(allTags(tags, parts));
    offer(kind, epoch, { key, stamp, tags: all, value: codec.encode(value), ttlMs: expiresAt - now() });
  };

  /**
   * What happens to an entry that is found again: one made of parts becomes one text, and is offered to L2 when
   * it is found often; a cheap one is offered to L2 at once. One function per kind: a closure per entry would
   * cost memory for thousands of entries.
   */
  const reuses = new Map<string, OnFound>();
  const reuseOf = (kind: string, codec: Codec): OnFound => {
    let reuse = reuses.get(kind);
    if (reuse === undefined) {
      reuse = (entry) => {
        if (entry.finds === 1) {
          if (entry.parts.length > 0) makeWhole(entry, codec);
          else share(kind, entry, codec);
        } else if (entry.finds === OFTEN && entry.parts.length > 0) share(kind, entry, codec);
      };
      reuses.set(kind, reuse);
    }
    return reuse;
  };

  return {
    local,
    frozen,

    findLocal(kind: string, key: string): LocalEntry | undefined {
      const entry = local.get(key, now());
      if (entry === undefined) return undefined;
      counts.of(kind).localHits++;
      entry.finds++;
      if (entry.onFound !== undefined) {
        try {
          entry.onFound(entry);
        } catch (error) {
          failed(kind, error);
        }
      }
      return entry;
    },

    /** Whether all these entries, found before, would still be found. Counts them as hits if so. */
    areKept(kind: string, entries: readonly LocalEntry[]): boolean {
      const moment = now();
      for (const entry of entries) if (!local.has(entry, moment)) return false;
      counts.of(kind).localHits += entries.length;
      return true;
    },

    /** Looks the keys up in L2. An entry that cannot be fetched or decoded counts as a miss. */
    async findShared(keys: readonly string[], begun: Instant, options: AnswerOptions) {
      const { kind, codec = plainDataCodec, bytesOf: isLocal } = options;
      const nothing = keys.map(() => undefined);
      if (!table.isShared || isLocal || keys.length === 0) return nothing;
      try {
        const found = await sharedLookUps.find(begun.epoch, keys);
        if (typeof found === "string") onRefusal?.(begun.epoch, found);
        if (typeof found === "string" || !validator.isHeld(begun.epoch)) return nothing;
        return found.map((entry, index) => {
          if (entry === undefined) return undefined;
          const { tags, ttlMs } = entry;
          const value = frozen(codec.decode(entry.value));
          counts.of(kind).sharedHits++;
          // Valid at an instant after `begun`, so only changes after `begun` can have invalidated the entry.
          const instant = { epoch: begun.epoch, sequence: Math.max(entry.stamp, begun.sequence) };
          const key = keys[index]!;
          const bytes = entryBytes(key, codec.bytesOf(value, entry.value), tags);
          keepLocal(instant, { key, kind, value, tags, parts: [], bytes, ttlMs }, ADMITTED_SHARE);
          return { answer: { value, tags, source: "shared" as const }, instant };
        });
      } catch (error) {
        failed(kind, error);
        return nothing;
      }
    },

    /**
     * Keeps a loaded answer in L1. Also puts it into L2, unless it is made of parts or has `bytesOf`.
     *
     * An answer made of parts takes little memory beside its parts until it is found again, which many
     * answers never are. It is put into L2 only when it is asked for often. There it has the tags of all its
     * parts, so putting it there costs as much as fifty hits, while composing another answer of the same
     * parts costs little. An answer too long to be one piece is never put into L2: fetching it takes longer
     * than composing it, and in the L1 that it was fetched into it would take the place of a hundred others
     * that share parts.
     *
     * A cheap answer is offered to L2 when it is found again: most answers are requested once.
     *
     * @returns the entry in L1; undefined if it was not kept
     */
    keep(
      key: string,
      begun: Instant,
      options: AnswerOptions,
      { value, tags, parts = [], isCheap = false, ttlMs = options.ttlMs }: Loaded<unknown>,
    ): LocalEntry | undefined {
      const { kind, codec = plainDataCodec } = options;
      const count = counts.of(kind);
      if (tags === undefined || ttlMs <= 0) {
        count.uncacheable++;
        return undefined;
      }
      const keepAs = (tags: readonly string[], valueBytes: number, onFound?: OnFound) => {
        const bytes = entryBytes(key, valueBytes, tags, parts);
        return keepLocal(begun, { key, kind, value, tags, parts, bytes, ttlMs, onFound });
      };
      try {
        let kept: LocalEntry | undefined;
        const allOwn = withTypeTags(tags);
        if (options.bytesOf !== undefined) kept = keepAs(allOwn, options.bytesOf(value));
        else if (parts.length > 0 || isCheap)
          kept = keepAs(allOwn, codec.bytesOf(value, ""), reuseOf(kind, codec));
        else {
          const encoded = codec.encode(value);
          kept = keepAs(allOwn, codec.bytesOf(value, encoded));
          if (kept !== undefined)
            offer(kind, begun.epoch, { key, stamp: begun.sequence, tags: allOwn, value: encoded, ttlMs });
        }
        if (kept === undefined) count.rejectedFills++;
        else count.fills++;
        return kept;
      } catch (error) {
        // The value is not plain data: its reader has it, but it cannot be kept whole for others.
        count.uncacheable++;
        failed(kind, error);
        return undefined;
      }
    },
  };
}

/** Freezes a value deeply: all its readers share it, so none may change it. Dates cannot be frozen. */
function freeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value))
    return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
