import { LRUCache } from "lru-cache";

export interface LocalEntry {
  readonly value: unknown;
  readonly tags: readonly string[];
  /** The sequence at which the entry was valid. */
  readonly stamp: number;
  /** On the clock that `get` is given, in ms. */
  readonly expiresAt: number;
  readonly bytes: number;
}

/**
 * The first level: least recently used first out, bounded by bytes, with an index from tags to
 * entries. Everything in it is valid at the instant of the validator's copy, because changes
 * remove what they make invalid. So a hit is one look-up however many tags the entry has. A change costs a
 * step per entry *with that tag*, which the entry's own insertion has paid for already; entries
 * without it cost nothing.
 */
export function createLocalCache(options: { readonly maxBytes: number }) {
  const { maxBytes } = options;
  const keysByTag = new Map<string, Set<string>>();
  let invalidations = 0;

  const entries = new LRUCache<string, LocalEntry>({
    maxSize: maxBytes,
    sizeCalculation: ({ bytes }) => bytes,
    dispose(entry, key) {
      for (const tag of entry.tags) {
        const keys = keysByTag.get(tag);
        keys?.delete(key);
        if (keys?.size === 0) keysByTag.delete(tag);
      }
    },
  });

  return {
    get(key: string, now: number): LocalEntry | undefined {
      const entry = entries.get(key);
      if (entry === undefined || entry.expiresAt > now) return entry;
      entries.delete(key);
      return undefined;
    },

    set(key: string, entry: LocalEntry): void {
      // First, so that the old entry's tags leave the index before the new one's enter it.
      entries.delete(key);
      if (entry.bytes > maxBytes) return;
      entries.set(key, entry);
      for (const tag of entry.tags) {
        const keys = keysByTag.get(tag);
        if (keys) keys.add(key);
        else keysByTag.set(tag, new Set([key]));
      }
    },

    /** Removes what has the tag and is older than `version`; whatever has it, when that is undefined. */
    invalidate(tag: string, version: number | undefined): void {
      for (const key of keysByTag.get(tag) ?? []) {
        if (version !== undefined && entries.peek(key)!.stamp >= version) continue;
        entries.delete(key);
        invalidations++;
      }
    },

    clear(): void {
      entries.clear();
      keysByTag.clear();
    },

    statistics: () => ({
      entries: entries.size,
      bytes: entries.calculatedSize,
      tags: keysByTag.size,
      invalidations,
    }),
  };
}
