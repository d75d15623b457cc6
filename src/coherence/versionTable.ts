/**
 * The version table records for every tag when it last changed.
 *
 * A *tag* names something an answer can depend on: one row (`Project:<id>`), a collection
 * (`Project@userId=<id>`), a whole type (`Project!`). The table holds a counter `s`, the *sequence*. For each
 * tag it holds the tag's *version*: the value that `s` had when the tag's last change was complete. An answer
 * that was read from the database after the sequence was `g` has the *stamp* `g`. It is valid at an instant
 * if, at that instant,
 *
 *   1. the table holds every change since `g` (same epoch, `g` not below the floor),
 *   2. none of its tags is pending: no writer is between "about to commit" and "committed", and
 *   3. none of its tags has a version above `g`.
 *
 * Why that suffices: a writer marks its tags as pending *before* it commits. It releases them *after* the
 * commit, which gives them a new version. A commit that the answer may have missed came after `g`, and so did
 * its release. Until the release, rule 2 rejects the answer; from then on, rule 3 does. If the writer dies in
 * between, its tags stay pending until another process has asked PostgreSQL how the transaction ended
 * (settle.ts).
 *
 * The whole table belongs to an *epoch*, whose name PostgreSQL keeps (epochs.ts). A table that has lost any
 * of its contents refuses every call as `"lost"`, and the next epoch begins with an empty table.
 */
export interface VersionTable {
  /** True: other processes use the table too, so `get` and `fill` are an L2 cache worth a round trip. */
  readonly isShared: boolean;

  /**
   * Begins an epoch with an empty table. Transactions can be marked in it, but nothing is served yet. Does
   * nothing if the table already holds this epoch. Returns false if the table holds a later epoch or another
   * one with the same number, because a delayed command must not undo a newer one.
   */
  open(epoch: Epoch): Promise<boolean>;

  /**
   * Lets the table serve. The caller has made sure that every transaction that was marked in an earlier epoch
   * has ended. Returns false if the table is lost.
   */
  activate(epoch: Epoch): Promise<boolean>;

  /**
   * Returns what changed after the sequence `known` (-1: the caller knows nothing). The reply describes one
   * instant between the call and its return, which is what makes a hit linearizable.
   */
  since(epoch: Epoch, known: number): Promise<Changes | "unchanged" | Refusal>;

  /** Returns the entries under `keys` that are valid at one instant between the call and its return. */
  get(epoch: Epoch, keys: readonly string[]): Promise<(StoredEntry | undefined)[] | Refusal>;

  /** Stores the answers, except those that are invalid already. */
  fill(epoch: Epoch, entries: readonly KeyedEntry[]): Promise<("stored" | "invalid")[] | Refusal>;

  /**
   * Makes `tags` pending for the transaction `xid`. Must be awaited before COMMIT. Idempotent; a later call
   * adds the tags that an earlier one did not name.
   */
  mark(epoch: Epoch, xid: string, tags: readonly string[]): Promise<"marked" | "lost">;

  /**
   * Called when the transaction has ended: its tags get a new version, and are no longer pending on its
   * account. Idempotent. Must never be called for a transaction that may still commit.
   */
  release(epoch: Epoch, xid: string): Promise<"released" | "lost">;

  /** `mark` and `release` in one, for changes that are already committed (out-of-band writes). */
  bump(epoch: Epoch, tags: readonly string[]): Promise<"bumped" | "lost">;

  /** The transactions that are marked and not released. */
  transactions(epoch: Epoch): Promise<string[] | "lost">;

  /**
   * The relay's heartbeat. It reports that every out-of-band change that was committed before `instant` has
   * been bumped. It returns the present time on the table's own clock, in ms, which is the `instant` of the
   * relay's next pass, because that pass begins afterwards. Only the table's clock is involved, so a
   * heartbeat that was delayed on its way claims no more than is true. Once the latest reported instant is
   * more than `maxLagMs` ago, the table refuses as `"lagging"`.
   *
   * @param instant undefined: only ask for the time
   */
  beat(epoch: Epoch, instant: number | undefined): Promise<number | "lost">;
}

/** `<number>.<random>`. Later epochs have higher numbers, and no two attempts to begin an epoch share a name. */
export type Epoch = `${number}.${string}`;

export function epochNumber(epoch: Epoch): number {
  return Number.parseInt(epoch, 10);
}

/**
 * Why the table cannot vouch for any answer:
 * - `lost`: the table does not hold this epoch. A new one must begin.
 * - `quiescing`: the table holds it, but transactions of an earlier epoch may still be running.
 * - `lagging`: no relay has reported in time, so out-of-band changes may be missing.
 */
export type Refusal = "lost" | "quiescing" | "lagging";

export interface Changes {
  readonly sequence: number;
  /**
   * Every tag whose version is above `known`, with that version. Undefined when `known` is below the floor or
   * the list would be too long: then every answer stamped before `sequence` counts as changed.
   */
  readonly versions: readonly (readonly [tag: string, version: number])[] | undefined;
  /** All tags that are pending, not only those that became pending after `known`. */
  readonly pending: readonly string[];
}

export interface StoredEntry {
  /** The sequence validated before the answer's first statement ran. */
  readonly stamp: number;
  readonly tags: readonly string[];
  readonly value: string;
  /** The time to live that is left, in ms. */
  readonly ttlMs: number;
}

/** An entry with the key it is stored under. */
export interface KeyedEntry extends StoredEntry {
  readonly key: string;
}

/** The defaults of both implementations, in memory and in Redis. */
export const VERSION_TABLE_DEFAULTS = {
  /** Beyond this number the oldest versions are dropped and the floor rises. About 104 bytes each in Redis. */
  maxTags: 200_000,
  /** A caller that missed more changes than this is told to drop everything, which is cheaper than the list. */
  maxChanges: 5_000,
  /** The hard bound on the delay until an out-of-band write becomes visible, in ms. */
  maxLagMs: 1_000,
} as const;
