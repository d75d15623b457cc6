/**
 * The version table: for every tag, when it last changed.
 *
 * A *tag* names something an answer can depend on: one row (`Project:<id>`), a collection
 * (`Project@userId=<id>`), a whole type (`Project!`). The table is a counter `s`, the *sequence*,
 * and for each tag the value that `s` had when the last change of the tag was complete, its
 * *version*. An answer that was read from the database after the sequence was `g` is stamped `g`.
 * It is valid at the instant at which
 *
 *   1. the table has held every change since `g` (same epoch, `g` not below the floor),
 *   2. none of its tags is pending: no writer stands between "about to commit" and "committed", and
 *   3. none of its tags has a version above `g`.
 *
 * Why that is enough: a writer marks its tags as pending *before* it commits, and releases them,
 * giving them a new version, *after*. A commit that the answer may have missed came after `g`, so
 * its release did too. Until then rule 2 holds the answer back, from then on rule 3 does. The
 * writer may die in between: the tags stay pending until somebody has asked PostgreSQL what became
 * of the transaction.
 *
 * Everything belongs to an *epoch*, a name that PostgreSQL keeps (epochs.ts). A table that lost
 * any of its contents refuses to work as `"lost"`, and the next epoch begins with an empty one.
 */
export interface VersionTable {
  /** True: other processes use it too, and `get` and `fill` are a second cache level worth a round trip. */
  readonly isShared: boolean;

  /**
   * Begins an epoch with an empty table, in which transactions can be marked but nothing is
   * served yet. Does nothing when the table already holds this epoch, and refuses (false) when it
   * holds a later one, or another of the same number: a command that was delayed must not undo a
   * newer one.
   */
  open(epoch: Epoch): Promise<boolean>;

  /** Serving may begin: every transaction that was marked in an earlier epoch has ended. False: lost. */
  activate(epoch: Epoch): Promise<boolean>;

  /**
   * What changed after the sequence `known` (-1: "I know nothing"). The answer describes one
   * instant between the call and its return; that is what makes a hit linearizable.
   */
  since(epoch: Epoch, known: number): Promise<Changes | "unchanged" | Refusal>;

  /** The entries under `keys` that are valid at one instant between the call and its return. */
  get(epoch: Epoch, keys: readonly string[]): Promise<(StoredEntry | undefined)[] | Refusal>;

  /** Stores answers, each unless it is invalid already. */
  fill(epoch: Epoch, entries: readonly KeyedEntry[]): Promise<("stored" | "invalid")[] | Refusal>;

  /**
   * Makes `tags` pending for the transaction `xid`. Awaited before COMMIT. Idempotent; tags that
   * an earlier call did not name are added.
   */
  mark(epoch: Epoch, xid: string, tags: readonly string[]): Promise<"marked" | "lost">;

  /**
   * The transaction has ended: its tags change their version and are no longer pending on its
   * account. Idempotent. Must never be called for a transaction that may still commit.
   */
  release(epoch: Epoch, xid: string): Promise<"released" | "lost">;

  /** `mark` and `release` in one, for changes that are committed already (out-of-band writes). */
  bump(epoch: Epoch, tags: readonly string[]): Promise<"bumped" | "lost">;

  /** The transactions that are marked and not released. */
  transactions(epoch: Epoch): Promise<string[] | "lost">;

  /**
   * The relay's heartbeat: every out-of-band change that was committed before `instant` has been
   * bumped. Returns the present instant on the table's own clock, in ms: it is the `instant` of
   * the next pass, which begins afterwards. No clock but the table's is involved, so a heartbeat
   * that was delayed on its way claims no more than is true. Without one that is younger than
   * `maxLagMs` the table refuses as `"lagging"`. Undefined for `instant`: only ask for the time.
   */
  beat(epoch: Epoch, instant: number | undefined): Promise<number | "lost">;
}

/** `<number>.<random>`: later epochs have higher numbers, and no two attempts to begin one share a name. */
export type Epoch = `${number}.${string}`;

export function epochNumber(epoch: Epoch): number {
  return Number.parseInt(epoch, 10);
}

/**
 * Why nothing can be said about validity:
 * - `lost`: the table does not hold this epoch. A new one must begin.
 * - `quiescing`: it does, but transactions of an earlier epoch may still be running.
 * - `lagging`: no relay has reported in time, so out-of-band changes may be missing.
 */
export type Refusal = "lost" | "quiescing" | "lagging";

export interface Changes {
  readonly sequence: number;
  /**
   * Every tag whose version is above `known`, with that version. Undefined when the table cannot
   * tell or would have to tell too much: whatever was stamped before `sequence` counts as changed.
   */
  readonly versions: readonly (readonly [tag: string, version: number])[] | undefined;
  /** All tags that are pending, not only those that became so. */
  readonly pending: readonly string[];
}

export interface StoredEntry {
  /** The sequence validated before the answer's first statement ran. */
  readonly stamp: number;
  readonly tags: readonly string[];
  readonly value: string;
  /** What is left of its life, in ms. */
  readonly ttlMs: number;
}

/** Where it is stored. */
export interface KeyedEntry extends StoredEntry {
  readonly key: string;
}

/** The defaults of both implementations. */
export const VERSION_TABLE_DEFAULTS = {
  /** Beyond this the oldest versions are forgotten and the floor rises. About 104 bytes each in Redis. */
  maxTags: 200_000,
  /** A caller that missed more changes than this is told to forget everything: cheaper than the list. */
  maxChanges: 5_000,
  /** The hard bound on how late an out-of-band write may become visible, in ms. */
  maxLagMs: 1_000,
} as const;
