import {
  type LocalCounts,
  type LocalEntry,
  type NewEntry,
  type OnFound,
  PLACE_BYTES,
  PLACE_BYTES_PER_TAG,
  TAG_BYTES,
} from "./localEntry.ts";

/** An entry that is, or once was, in the cache. */
class KeptEntry implements LocalEntry {
  readonly node: Node;
  value: unknown;
  readonly stamp: number;
  readonly expiresAt: number;
  readonly onFound: OnFound | undefined;
  finds = 0;

  constructor(node: Node, { value, stamp, expiresAt, onFound }: NewEntry) {
    this.node = node;
    this.value = value;
    this.stamp = stamp;
    this.expiresAt = expiresAt;
    this.onFound = onFound;
  }

  get key(): string {
    return this.node.key;
  }

  get tags(): readonly string[] {
    return this.node.tags;
  }

  /** The parts that are still in the cache: all of them as long as this entry is. */
  get parts(): readonly LocalEntry[] {
    return this.node.parts.flatMap(({ entry }) => entry ?? []);
  }
}

/** A key with its place in the LRU list. */
interface Node {
  readonly key: string;
  /** Undefined: a change has removed the entry, and its place is kept for the next answer. */
  entry: KeptEntry | undefined;
  /** Each tag is one string that all entries with the tag share. */
  readonly tags: readonly string[];
  /** The nodes of the entry's parts. */
  parts: readonly Node[];
  /** Buckets of its tags and parts that do not list it, because a change removed its entry or found none. */
  missing: readonly Bucket[];
  /** The nodes that have this one as a part. */
  whole: Bucket | undefined;
  /** True: the node was removed, but buckets may still list it. */
  isGone: boolean;
  bytes: number;
  counts: LocalCounts;
  older: Node;
  newer: Node;
}

const NO_NODES: readonly Node[] = [];
const NO_BUCKETS: readonly Bucket[] = [];

/**
 * The nodes that are invalidated together: all with a certain tag, or all with a certain part. An answer can
 * have a thousand tags, so a bucket is a list that is swept now and then: it costs a fifth of a Set's time
 * and memory.
 */
interface Bucket {
  /** The tag, as the one string that all entries share. Undefined: the bucket belongs to a part. */
  readonly tag: string | undefined;
  /** All nodes of the bucket that have an entry, and possibly some without an entry and some that are gone. */
  nodes: Node[];
  /** How many nodes belong to the bucket, with an entry or without. */
  references: number;
}

/** A list shorter than this is copied for each node that is added. */
const SMALL = 4;
/** A bucket may list this many gone nodes, plus a quarter of the number of nodes that belong to it. */
const MAX_GONE = 8;

/**
 * L1: an LRU cache bounded by bytes, with an index from tags to entries. Every entry in it is valid at the
 * instant of the validator's copy, because changes remove the entries that they invalidate. So a hit is one
 * look-up, however many tags the entry has. A change costs one step per entry *with that tag*, which that
 * entry's insertion has already paid for. Entries without the tag cost nothing.
 *
 * An entry that a change removes leaves its place behind, because its key will be asked for again. This is
 * not to save the work of placing it: a Map keeps deleted keys in their hash chain until it is rehashed.
 * Deleting and setting one key again and again costs 25 µs each time among 10,000 other keys, and ten times
 * that among 100,000. Places count as bytes and are evicted in their turn.
 *
 * An entry may be made of parts. It is indexed under its parts, and they under their tags. So a part's
 * thousand tags are indexed once, however many answers have the part. No part is evicted before the answers
 * made of it.
 */
export function createLocalCache(options: { readonly maxBytes: number }) {
  const { maxBytes } = options;
  const nodes = new Map<string, Node>();
  const buckets = new Map<string, Bucket>();
  const kinds = new Map<string, LocalCounts>();
  // The LRU list is a ring through `ends`: `ends.newer` is the oldest node, `ends.older` the newest.
  const ends = {} as Node; // Safe: its key and entry are never read, and its neighbours are set next.
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
    weigh(
      node,
      Math.min(node.bytes, PLACE_BYTES + PLACE_BYTES_PER_TAG * (node.tags.length + node.parts.length)),
    );
  };

  const put = (node: Node, bucket: Bucket) => {
    // Most tags have one node. `concat` gives a list no spare room, whereas `push` would give it room for 17.
    if (bucket.nodes.length < SMALL) bucket.nodes = bucket.nodes.concat(node);
    else bucket.nodes.push(node);
  };

  const bucketOf = (tag: string): Bucket => {
    let bucket = buckets.get(tag);
    if (bucket === undefined) {
      // A copy: a slice of a longer string would keep that whole string in memory.
      const own = Buffer.from(tag).toString();
      bucket = { tag: own, nodes: [], references: 0 };
      buckets.set(own, bucket);
      bytes += TAG_BYTES;
    }
    return bucket;
  };

  const wholeOf = (part: Node): Bucket => {
    part.whole ??= { tag: undefined, nodes: [], references: 0 };
    return part.whole;
  };

  const join = (node: Node, bucket: Bucket) => {
    put(node, bucket);
    bucket.references++;
  };

  /** Removes gone nodes in place: the memory of a new list of thousands of nodes would not be freed soon. */
  const sweep = (nodes: Node[]) => {
    let kept = 0;
    for (const node of nodes) if (!node.isGone) nodes[kept++] = node;
    nodes.length = kept;
  };

  const leave = (bucket: Bucket) => {
    if (--bucket.references === 0) {
      if (bucket.tag !== undefined && buckets.delete(bucket.tag)) bytes -= TAG_BYTES;
      bucket.nodes = [];
    } else if (bucket.nodes.length > 1.25 * bucket.references + MAX_GONE) sweep(bucket.nodes);
  };

  /** Creates a node, and adds it to the buckets of its tags and parts. */
  const place = ({ key, kind, tags }: NewEntry, parts: readonly Node[]): Node => {
    const tagged = tags.map(bucketOf);
    const node: Node = {
      key,
      entry: undefined,
      tags: tagged.map(({ tag }) => tag!), // Safe: each is the bucket of a tag.
      parts,
      missing: NO_BUCKETS,
      whole: undefined,
      isGone: false,
      bytes: 0,
      counts: countsOf(kind),
      older: ends,
      newer: ends,
    };
    for (const bucket of tagged) join(node, bucket);
    for (const part of parts) join(node, wholeOf(part));
    nodes.set(key, node);
    return node;
  };

  /**
   * Invalidates the bucket's entries that are stamped below `version`, or all of them if it is undefined.
   * Answers made of an invalidated entry are invalidated too.
   */
  const endAll = (bucket: Bucket, version?: number) => {
    const valid: Node[] = [];
    for (const node of bucket.nodes) {
      if (node.isGone) continue;
      if (node.entry !== undefined && version !== undefined && node.entry.stamp >= version) {
        valid.push(node);
        continue;
      }
      node.missing = node.missing.concat(bucket);
      if (node.entry === undefined) continue;
      empty(node);
      node.counts.invalidations++;
      if (node.whole !== undefined) endAll(node.whole);
    }
    bucket.nodes = valid;
  };

  /** Removes the node from everything but `nodes`. */
  const discard = (node: Node) => {
    if (node.entry !== undefined) node.counts.entries--;
    node.entry = undefined;
    node.isGone = true;
    if (node.whole !== undefined) endAll(node.whole);
    for (const tag of node.tags) leave(bucketOf(tag));
    for (const part of node.parts) leave(wholeOf(part));
    weigh(node, 0);
    unlink(node);
    // A bucket may still hold this node. Its links would keep its neighbours in memory, and theirs the next
    // ones: ten times as many nodes as are in use.
    node.older = node.newer = node;
    node.parts = NO_NODES;
    node.missing = NO_BUCKETS;
  };

  const remove = (node: Node) => {
    discard(node);
    nodes.delete(node.key);
  };

  const isPlacedFor = (node: Node, tags: readonly string[], parts: readonly Node[]) =>
    node.tags.length === tags.length &&
    node.parts.length === parts.length &&
    tags.every((tag, index) => node.tags[index] === tag) &&
    parts.every((part, index) => node.parts[index] === part);

  /** The entry's node, if the entry is still in the cache. */
  const nodeOf = (entry: LocalEntry): Node | undefined => {
    const { node } = entry as KeptEntry; // Safe: the cache hands out no others.
    return node.entry === entry ? node : undefined;
  };

  /** The nodes of the parts. Undefined if any of the parts is no longer in the cache. */
  const nodesOf = (parts: readonly LocalEntry[]): readonly Node[] | undefined => {
    if (parts.length === 0) return NO_NODES;
    const found = parts.map(nodeOf);
    return found.includes(undefined) ? undefined : (found as Node[]); // Safe: none is undefined.
  };

  const makeRoom = () => {
    while (bytes > maxBytes) {
      const oldest = ends.newer;
      if ((oldest.whole?.references ?? 0) > 0) {
        // A part is in use as long as an answer is made of it. Such an answer is in the ring too and is
        // itself part of nothing, so the loop ends.
        unlink(oldest);
        linkAsNewest(oldest);
        continue;
      }
      if (oldest.entry !== undefined) oldest.counts.evictions++;
      remove(oldest);
    }
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

    /** Whether `get` would find this very entry. Not a use: the answers made of the entry keep it. */
    has: (entry: LocalEntry, now: number): boolean => nodeOf(entry) !== undefined && entry.expiresAt > now,

    /** @returns the kept entry; undefined if it exceeds `maxBytes` or one of its parts is gone */
    set(entry: NewEntry): LocalEntry | undefined {
      const { key, tags, bytes: weight } = entry;
      let node = nodes.get(key);
      const parts = nodesOf(entry.parts);
      if (weight > maxBytes || parts === undefined) {
        if (node !== undefined) remove(node);
        return undefined;
      }
      if (node !== undefined && isPlacedFor(node, tags, parts)) {
        // Answers made of the entry that this one replaces.
        if (node.entry !== undefined && node.whole !== undefined) endAll(node.whole);
        unlink(node);
        for (const bucket of node.missing) put(node, bucket);
        node.missing = NO_BUCKETS;
      } else {
        if (node !== undefined) discard(node);
        node = place(entry, parts);
      }
      linkAsNewest(node);
      if (node.entry === undefined) node.counts.entries++;
      const kept = new KeptEntry(node, entry);
      node.entry = kept;
      weigh(node, weight);
      makeRoom();
      return kept;
    },

    /** Replaces an entry's value by an equivalent form of it, if the entry is still in the cache. */
    reform(entry: LocalEntry, value: unknown, weight: number): void {
      const node = nodeOf(entry);
      if (node?.entry === undefined || weight > maxBytes) return;
      node.entry.value = value;
      weigh(node, weight);
      makeRoom();
    },

    /** Whether an entry of `size` bytes with `newTags` tags not indexed yet fits without an eviction. */
    hasRoomFor: (size: number, newTags: number): boolean => bytes + size + TAG_BYTES * newTags <= maxBytes,

    /** Removes entries with the tag that are stamped below `version`, or all of them if it is undefined. */
    invalidate(tag: string, version: number | undefined): void {
      const bucket = buckets.get(tag);
      if (bucket !== undefined) endAll(bucket, version);
    },

    clear(): void {
      for (const node of nodes.values()) node.entry = undefined;
      nodes.clear();
      buckets.clear();
      ends.older = ends.newer = ends;
      bytes = 0;
      for (const counts of kinds.values()) counts.entries = counts.bytes = 0;
    },

    /** The counts of each kind that was ever kept. */
    kinds: (): ReadonlyMap<string, Readonly<LocalCounts>> => kinds,

    /** The counts of all kinds together, and the number of indexed tags. */
    statistics: () => ({ ...sum(kinds.values()), bytes, tags: buckets.size }),

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
