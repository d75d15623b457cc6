/** What is to be kept. */
export interface NewEntry {
  readonly key: string;
  /** What sort of answer it is, for the statistics: a handful of names. A key is always of one kind. */
  readonly kind: string;
  readonly value: unknown;
  /** None of them twice. */
  readonly tags: readonly string[];
  /** Other entries that it is made of, none of them twice: what ends one of them ends it too, so their tags are not among its own. */
  readonly parts: readonly LocalEntry[];
  /** The sequence at which the entry was valid. */
  readonly stamp: number;
  /** On the clock that `get` is given, in ms. */
  readonly expiresAt: number;
  readonly bytes: number;
  /** For its owner, who is told when it is found. */
  readonly onFound?: OnFound | undefined;
}

export type OnFound = (entry: LocalEntry) => void;

/** What is kept. Of what there is tens of thousands of, nothing is written down twice: some of it is its place's. */
export interface LocalEntry
  extends Pick<NewEntry, "key" | "value" | "tags" | "parts" | "stamp" | "expiresAt"> {
  readonly onFound: OnFound | undefined;
  /** How often it was found; counted by whoever finds it. */
  finds: number;
}

/** What is kept of a kind, and how entries of it have ended. */
export interface LocalCounts {
  entries: number;
  bytes: number;
  /** A change ended them. */
  invalidations: number;
  /** Their time to live did. */
  expirations: number;
  /** Others needed the memory. */
  evictions: number;
}

// As measured with Node 20, of twenty thousand entries, and of others in their places: a Map has room for twice as many then.
/** About what a node takes, and its place in a bucket. */
export const PLACE_BYTES = 270;
export const PLACE_BYTES_PER_TAG = 22;
/** A tag's text, and its bucket. */
export const TAG_BYTES = 200;

/** About what an entry takes, in bytes: `valueBytes` and all that is around it. What its parts take is theirs, and its tags are all entries'. */
export const entryBytes = (
  key: string,
  valueBytes: number,
  tags: readonly string[],
  parts: readonly unknown[] = [],
): number => PLACE_BYTES + key.length + valueBytes + PLACE_BYTES_PER_TAG * (tags.length + parts.length);
