export interface LocalEntry {
  /** What sort of answer it is, for the statistics: a handful of names. */
  readonly kind: string;
  readonly value: unknown;
  readonly tags: readonly string[];
  /** The sequence at which the entry was valid. */
  readonly stamp: number;
  /** On the clock that `get` is given, in ms. */
  readonly expiresAt: number;
  readonly bytes: number;
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

/** A key in its place between the one used before and the one used after it. */
interface Node {
  readonly key: string;
  /** Undefined: a change has removed it, and its place waits for the next answer. */
  entry: LocalEntry | undefined;
  tags: readonly string[];
  bytes: number;
  counts: LocalCounts;
  older: Node;
  newer: Node;
}

interface Bucket {
  /** All nodes with the tag whose entry is there, and some whose entry is not. */
  nodes: Set<Node>;
  /** Nodes that have the tag, with an entry or without. */
  references: number;
}

/** About what a node without its entry takes. */
const PLACE_BYTES = 200;
const PLACE_BYTES_PER_TAG = 50;

/**
 * The first level: least recently used first out, bounded by bytes, with an index from tags to
 * entries. Everything in it is valid at the instant of the validator's copy, because changes
 * remove what they make invalid. So a hit is one look-up however many tags the entry has. A change
 * costs a step per entry *with that tag*, which the entry's own insertion has paid for already;
 * entries without it cost nothing, however many.
 *
 * What a change removes leaves its place behind, for it is what will be asked for again. Not
 * to save the work: a Map keeps deleted keys in their hash chain until it is rehashed, so deleting
 * and setting one key again and again costs 25 µs a time among 10,000 others, and ten times that
 * among 100,000. Places count as bytes and are dropped in their turn.
 */
export function createLocalCache(options: { readonly maxBytes: number }) {
  const { maxBytes } = options;
  const nodes = new Map<string, Node>();
  const buckets = new Map<string, Bucket>();
  const kinds = new Map<string, LocalCounts>();
  // The list is a ring through `ends`: `ends.newer` is the oldest node, `ends.older` the newest.
  const ends = {} as Node; // Safe: its key and entry are never read, its neighbours are set next.
  ends.older = ends.newer = ends;
  let bytes = 0;

  const countsOf = (kind: string): LocalCounts => {
    let counts = kinds.get(kind);
    if (counts === undefined) {
      counts = { entries: 0, bytes: 0, invalidations: 0, expirations: 0, evictions: 0 };
      kinds.set(kind, counts);
    }
    return counts;
  };

  const unlink = (node: Node) => {
    node.older.newer = node.newer;
    node.newer.older = node.older;
  };

  const linkAsNewest = (node: Node) => {
    node.older = ends.older;
    node.newer = ends;
    ends.older.newer = node;
    ends.older = node;
  };

  const weigh = (node: Node, weight: number) => {
    bytes += weight - node.bytes;
    node.counts.bytes += weight - node.bytes;
    node.bytes = weight;
  };

  const empty = (node: Node) => {
    node.entry = undefined;
    node.counts.entries--;
    weigh(node, Math.min(node.bytes, PLACE_BYTES + PLACE_BYTES_PER_TAG * node.tags.length));
  };

  const setTags = (node: Node, tags: readonly string[]) => {
    const areSame = tags.length === node.tags.length && tags.every((tag, index) => tag === node.tags[index]);
    if (!areSame) {
      for (const tag of node.tags) {
        const bucket = buckets.get(tag)!;
        bucket.nodes.delete(node);
        if (--bucket.references === 0) buckets.delete(tag);
      }
    }
    for (const tag of tags) {
      let bucket = buckets.get(tag);
      if (bucket === undefined) {
        bucket = { nodes: new Set(), references: 0 };
        buckets.set(tag, bucket);
      }
      if (!areSame) bucket.references++;
      bucket.nodes.add(node);
    }
    node.tags = tags;
  };

  const remove = (node: Node) => {
    if (node.entry !== undefined) node.counts.entries--;
    setTags(node, []);
    weigh(node, 0);
    unlink(node);
    nodes.delete(node.key);
  };

  return {
    get(key: string, now: number): LocalEntry | undefined {
      const node = nodes.get(key);
      if (node?.entry === undefined) return undefined;
      if (node.entry.expiresAt <= now) {
        node.counts.expirations++;
        remove(node);
        return undefined;
      }
      unlink(node);
      linkAsNewest(node);
      return node.entry;
    },

    /** `entry.tags` has no tag twice. A key is always of one kind. */
    set(key: string, entry: LocalEntry): void {
      let node = nodes.get(key);
      if (entry.bytes > maxBytes) {
        if (node !== undefined) remove(node);
        return;
      }
      if (node === undefined) {
        const counts = countsOf(entry.kind);
        node = { key, entry: undefined, tags: [], bytes: 0, counts, older: ends, newer: ends };
        nodes.set(key, node);
      } else unlink(node);
      linkAsNewest(node);
      if (node.entry === undefined) node.counts.entries++;
      node.entry = entry;
      weigh(node, entry.bytes);
      setTags(node, entry.tags);
      while (bytes > maxBytes) {
        const oldest = ends.newer;
        if (oldest.entry !== undefined) oldest.counts.evictions++;
        remove(oldest);
      }
    },

    /** Removes what has the tag and is older than `version`; whatever has it, when that is undefined. */
    invalidate(tag: string, version: number | undefined): void {
      const bucket = buckets.get(tag);
      if (bucket === undefined || bucket.nodes.size === 0) return;
      const valid: Node[] = [];
      for (const node of bucket.nodes) {
        if (node.entry === undefined) continue;
        if (version !== undefined && node.entry.stamp >= version) valid.push(node);
        else {
          empty(node);
          node.counts.invalidations++;
        }
      }
      // Emptied at once: those that come back enter a new set, without the chains of the old one.
      if (valid.length < bucket.nodes.size) bucket.nodes = new Set(valid);
    },

    clear(): void {
      nodes.clear();
      buckets.clear();
      ends.older = ends.newer = ends;
      bytes = 0;
      for (const counts of kinds.values()) counts.entries = counts.bytes = 0;
    },

    /** Of each kind that was ever kept. */
    kinds: (): ReadonlyMap<string, Readonly<LocalCounts>> => kinds,

    statistics: () => ({ ...sum(kinds.values()), tags: buckets.size }),

    resetStatistics(): void {
      for (const counts of kinds.values()) counts.invalidations = counts.expirations = counts.evictions = 0;
    },
  };
}

function sum(all: Iterable<LocalCounts>): LocalCounts {
  const total = { entries: 0, bytes: 0, invalidations: 0, expirations: 0, evictions: 0 };
  for (const counts of all) {
    total.entries += counts.entries;
    total.bytes += counts.bytes;
    total.invalidations += counts.invalidations;
    total.expirations += counts.expirations;
    total.evictions += counts.evictions;
  }
  return total;
}
