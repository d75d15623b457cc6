export interface LocalEntry {
  readonly value: unknown;
  readonly tags: readonly string[];
  /** The sequence at which the entry was valid. */
  readonly stamp: number;
  /** On the clock that `get` is given, in ms. */
  readonly expiresAt: number;
  readonly bytes: number;
}

/** An entry in its place between the next older and the next newer one. */
interface Node {
  readonly key: string;
  readonly entry: LocalEntry;
  older: Node;
  newer: Node;
}

/**
 * The first level: least recently used first out, bounded by bytes, with an index from tags to
 * entries. Everything in it is valid at the instant of the validator's copy, because changes
 * remove what they make invalid. So a hit is one look-up however many tags the entry has (0.05 µs
 * with 1 and with 10,000). A change costs a step per entry *with that tag*, which the entry's own
 * insertion has paid for already; entries without it cost nothing, however many.
 *
 * The list is our own: with lru-cache, bounded by size alone, one insertion and removal among
 * 10,000 entries took 300 times as long as in an empty cache.
 */
export function createLocalCache(options: { readonly maxBytes: number }) {
  const { maxBytes } = options;
  const nodes = new Map<string, Node>();
  const nodesByTag = new Map<string, Set<Node>>();
  // The list is a ring through `ends`: `ends.newer` is the oldest entry, `ends.older` the newest.
  const ends = {} as Node; // Safe: its key and entry are never read, its neighbours are set next.
  ends.older = ends.newer = ends;
  let bytes = 0;
  let invalidations = 0;

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

  const remove = (node: Node) => {
    unlink(node);
    nodes.delete(node.key);
    bytes -= node.entry.bytes;
    for (const tag of node.entry.tags) {
      const others = nodesByTag.get(tag);
      others?.delete(node);
      if (others?.size === 0) nodesByTag.delete(tag);
    }
  };

  return {
    get(key: string, now: number): LocalEntry | undefined {
      const node = nodes.get(key);
      if (node === undefined) return undefined;
      if (node.entry.expiresAt <= now) {
        remove(node);
        return undefined;
      }
      unlink(node);
      linkAsNewest(node);
      return node.entry;
    },

    set(key: string, entry: LocalEntry): void {
      const former = nodes.get(key);
      if (former !== undefined) remove(former);
      if (entry.bytes > maxBytes) return;
      const node: Node = { key, entry, older: ends, newer: ends };
      linkAsNewest(node);
      nodes.set(key, node);
      bytes += entry.bytes;
      for (const tag of entry.tags) {
        const others = nodesByTag.get(tag);
        if (others) others.add(node);
        else nodesByTag.set(tag, new Set([node]));
      }
      while (bytes > maxBytes) remove(ends.newer);
    },

    /** Removes what has the tag and is older than `version`; whatever has it, when that is undefined. */
    invalidate(tag: string, version: number | undefined): void {
      for (const node of nodesByTag.get(tag) ?? []) {
        if (version !== undefined && node.entry.stamp >= version) continue;
        remove(node);
        invalidations++;
      }
    },

    clear(): void {
      nodes.clear();
      nodesByTag.clear();
      ends.older = ends.newer = ends;
      bytes = 0;
    },

    statistics: () => ({ entries: nodes.size, bytes, tags: nodesByTag.size, invalidations }),
  };
}
