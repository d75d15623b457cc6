/** An entry to be kept in L1. */
export interface NewEntry {
  readonly key: string;
  /** The kind of answer, for the statistics: one of a handful of names. A key always has the same kind. */
  readonly kind: string;
  readonly value: unknown;
  /** Without duplicates. */
  readonly tags: readonly string[];
  /**
   * The other entries that it is made of, without duplicates. A change that invalidates a part invalidates
   * this entry too, so the parts' tags are not among its own.
   */
  readonly parts: readonly LocalEntry[];
  /** The sequence at which the entry was valid. */
  readonly stamp: number;
  /** On the clock whose time is passed to `get`, in ms. */
  readonly expiresAt: number;
  readonly bytes: number;
  /** Called when the entry is found. */
  readonly onFound?: OnFound | undefined;
}

export type OnFound = (entry: LocalEntry) => void;

/** A kept entry. Tens of thousands are kept, so nothing is stored twice: some properties are its place's. */
export interface LocalEntry
  extends Pick<NewEntry, "key" | "value" | "tags" | "parts" | "stamp" | "expiresAt"> {
  readonly onFound: OnFound | undefined;
  /** How often it was found. The caller of `get` counts. */
  finds: number;
}

/** How many entries of a kind are kept, and how others have ended. */
export interface LocalCounts {
  entries: number;
  bytes: number;
  /** Entries that a change removed. */
  invalidations: number;
  /** Entries whose time to live was over. */
  expirations: number;
  /** Entries removed to make room for others. */
  evictions: number;
}

// Measured with Node 20: twenty thousand entries were kept and then replaced by others, after which a Map has
// room for twice as many.
/** About how many bytes a node takes, and per tag its place in a bucket. */
export const PLACE_BYTES = 270;
export const PLACE_BYTES_PER_TAG = 22;
/** About how many bytes a tag's string and its bucket take. */
export const TAG_BYTES = 200;

/**
 * About how many bytes an entry takes: `valueBytes`, and the overhead around the value. Its parts are counted
 * as entries of their own, and the strings of its tags are shared by all entries.
 */
export const entryBytes = (
  key: string,
  valueBytes: number,
  tags: readonly string[],
  parts: readonly unknown[] = [],
): number => PLACE_BYTES + key.length + valueBytes + PLACE_BYTES_PER_TAG * (tags.length + parts.length);
