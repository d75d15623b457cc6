import {
  type LocalCounts,
  type LocalEntry,
  type NewEntry,
  type OnFound,
  PLACE_BYTES,
  PLACE_BYTES_PER_TAG,
  TAG_BYTES,
} from "./localEntry.ts";

/** An entry that is or was here. */
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

  /** Those that are there; all, as long as it is kept itself. */
  get parts(): readonly LocalEntry[] {
    return this.node.parts.flatMap(({ entry }) => entry ?? []);
  }
}

/** A key in its place between the one used before and the one used after it. */
interface Node {
  readonly key: string;
  /** Undefined: a change has removed it, and its place waits for the next answer. */
  entry: KeptEntry | undefined;
  /** The texts that all entries share. */
  readonly tags: readonly string[];
  /** Where its parts are. */
  parts: readonly Node[];
  /** The buckets in which it is not, because a change of theirs has removed its entry or found none. */
  missing: readonly Bucket[];
  /** Those that it is a part of. */
  whole: Bucket | undefined;
  /** It is in nobody's way any more, but perhaps still in buckets. */
  isGone: boolean;
  bytes: number;
  counts: LocalCounts;
  older: Node;
  newer: Node;
}

const NO_NODES: readonly Node[] = [];
const NO_BUCKETS: readonly Bucket[] = [];

/**
 * The nodes that end together: those with a tag, or with a part. An answer can have a thousand tags, so a list that is looked through now and then takes the place of a
 * set: it costs a fifth of the time and of the memory.
 */
interface Bucket {
  /** The one text of the tag that all entries share. Undefined: it is a part's. */
  readonly tag: string | undefined;
  /** All that belong to it and have their entry; some whose entry is not there, and some that are gone. */
  nodes: Node[];
  /** Nodes that belong to it, with an entry or without. */
  references: number;
}

/** Up to so many nodes a list is made anew for each. */
const SMALL = 4;
/** So many nodes that are gone may be in a bucket, beside a quarter as many as are not. */
const MAX_GONE = 8;

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
 *
 * An entry may be made of others. It is found by its parts, then, as they are by their tags: so a thousand tags are indexed once,
 * however many answers have that part. No part is dropped before those that are made of it.
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
    weigh(
      node,
      Math.min(node.bytes, PLACE_BYTES + PLACE_BYTES_PER_TAG * (node.tags.length + node.parts.length)),
    );
  };

  const put = (node: Node, bucket: Bucket) => {
    // Most tags are of one node: a list of one has room for that one alone, and grows to 17.
    if (bucket.nodes.length < SMALL) bucket.nodes = bucket.nodes.concat(node);
    else bucket.nodes.push(node);
  };

  const bucketOf = (tag: string): Bucket => {
    let bucket = buckets.get(tag);
    if (bucket === undefined) {
      // A piece of a longer text would keep all of that in memory.
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

  /** In place: a list of thousands of nodes is memory that is not given back soon. */
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

  /** A new node, in the buckets of its tags and parts. */
  const place = ({ key, kind, tags }: NewEntry, parts: readonly Node[]): Node => {
    const tagged = tags.map(bucketOf);
    const node: Node = {
      key,
      entry: undefined,
      tags: tagged.map(({ tag }) => tag!), // Safe: it is a tag's bucket.
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

  /** Ends what is in the bucket and older than `version`; all of it, when that is undefined. */
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

  /** Out of everything but `nodes`. */
  const discard = (node: Node) => {
    if (node.entry !== undefined) node.counts.entries--;
    node.entry = undefined;
    node.isGone = true;
    if (node.whole !== undefined) endAll(node.whole);
    for (const tag of node.tags) leave(bucketOf(tag));
    for (const part of node.parts) leave(wholeOf(part));
    weigh(node, 0);
    unlink(node);
    // What is still in a bucket would keep its neighbours, and they theirs: ten times as many as are in use.
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

  /** Where the entry is, if it is still there. */
  const nodeOf = (entry: LocalEntry): Node | undefined => {
    const { node } = entry as KeptEntry; // Safe: no others are given out.
    return node.entry === entry ? node : undefined;
  };

  /** The nodes of parts that are all still there. */
  const nodesOf = (parts: readonly LocalEntry[]): readonly Node[] | undefined => {
    if (parts.length === 0) return NO_NODES;
    const found = parts.map(nodeOf);
    return found.includes(undefined) ? undefined : (found as Node[]); // Safe: none is undefined.
  };

  const makeRoom = () => {
    while (bytes > maxBytes) {
      const oldest = ends.newer;
      if ((oldest.whole?.references ?? 0) > 0) {
        // Used as long as what is made of it is. That is in the ring itself, and is part of nothing, so this comes to an end.
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

    /** Whether `get` would find this very entry. It is not used by that: what is made of it keeps it. */
    has: (entry: LocalEntry, now: number): boolean => nodeOf(entry) !== undefined && entry.expiresAt > now,

    /** @returns what is kept now; undefined: it takes more than there is, or one of its parts is not there any more */
    set(entry: NewEntry): LocalEntry | undefined {
      const { key, tags, bytes: weight } = entry;
      let node = nodes.get(key);
      const parts = nodesOf(entry.parts);
      if (weight > maxBytes || parts === undefined) {
        if (node !== undefined) remove(node);
        return undefined;
      }
      if (node !== undefined && isPlacedFor(node, tags, parts)) {
        // What was made of the entry that was here.
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

    /** Another form of an entry's value, if it is still there: it says the same. */
    reform(entry: LocalEntry, value: unknown, weight: number): void {
      const node = nodeOf(entry);
      if (node?.entry === undefined || weight > maxBytes) return;
      node.entry.value = value;
      weigh(node, weight);
      makeRoom();
    },

    /** Whether nothing else would have to go for an entry of this size with so many tags that no other has. */
    hasRoomFor: (size: number, newTags: number): boolean => bytes + size + TAG_BYTES * newTags <= maxBytes,

    /** Removes what has the tag and is older than `version`; whatever has it, when that is undefined. */
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

    /** Of each kind that was ever kept. */
    kinds: (): ReadonlyMap<string, Readonly<LocalCounts>> => kinds,

    /** Together, with the tags that lead to them. */
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
