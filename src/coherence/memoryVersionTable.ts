import {
  type Changes,
  type Epoch,
  epochNumber,
  type Refusal,
  type StoredEntry,
  VERSION_TABLE_DEFAULTS,
  type VersionTable,
} from "./versionTable.ts";

export interface MemoryVersionTableOptions {
  readonly maxTags?: number;
  readonly maxChanges?: number;
  readonly maxLagMs?: number;
  /** The most entries that `fill` keeps; the oldest are dropped first. Default 0: one process needs no L2. */
  readonly maxEntries?: number;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
}

/**
 * The version table of a single process. It is also the executable specification of the one in Redis. Each
 * method runs to its end before it returns, so each is atomic, as a script is in Redis.
 *
 * Invariants, for the epoch that is open:
 * - every version is at most `sequence`, and above `floor`;
 * - a tag without a version has not changed after `floor`;
 * - `log` from `head` on is sorted by version, and holds each current version exactly once, besides
 *   superseded ones (those that differ from `versions`);
 * - `pending.get(tag)` is the number of `transactions` that name the tag.
 */
export function createMemoryVersionTable(options: MemoryVersionTableOptions = {}): VersionTable {
  const { maxTags, maxChanges, maxLagMs } = { ...VERSION_TABLE_DEFAULTS, ...options };
  const { maxEntries = 0, now = () => performance.now() } = options;

  let current: Epoch | undefined;
  let isActive = false;
  let coveredUntil = Number.NEGATIVE_INFINITY;
  let sequence = 0;
  let floor = 0;
  const versions = new Map<string, number>();
  const pending = new Map<string, number>();
  const transactions = new Map<string, Set<string>>();
  let log: [tag: string, version: number][] = [];
  let head = 0;
  const entries = new Map<string, StoredEntry & { readonly expiresAt: number }>();

  const refusal = (epoch: Epoch): Refusal | undefined => {
    if (epoch !== current) return "lost";
    if (!isActive) return "quiescing";
    return now() - coveredUntil > maxLagMs ? "lagging" : undefined;
  };

  const isValid = ({ stamp, tags }: StoredEntry) =>
    stamp >= floor && tags.every((tag) => !pending.has(tag) && (versions.get(tag) ?? 0) <= stamp);

  /** Gives the tags the present sequence as their version. The caller has raised `sequence` for that. */
  const setVersions = (tags: Iterable<string>) => {
    for (const tag of tags) {
      versions.set(tag, sequence);
      log.push([tag, sequence]);
    }
    while (versions.size > maxTags) {
      const [tag, version] = log[head++]!;
      if (versions.get(tag) !== version) continue;
      versions.delete(tag);
      floor = version;
    }
    // Superseded versions are dropped once they outnumber the current ones, so this is O(1) amortized.
    if (log.length > 2 * versions.size + 64) {
      log = log.slice(head).filter(([tag, version]) => versions.get(tag) === version);
      head = 0;
    }
  };

  const versionsAfter = (known: number): Changes["versions"] => {
    if (known < floor) return undefined;
    const changed: [string, number][] = [];
    for (let index = log.length - 1; index >= head && log[index]![1] > known; index--) {
      const change = log[index]!;
      if (versions.get(change[0]) !== change[1]) continue;
      if (changed.length === maxChanges) return undefined;
      changed.push(change);
    }
    return changed;
  };

  return {
    isShared: maxEntries > 0,

    async open(epoch) {
      if (epoch === current) return true;
      if (current !== undefined && epochNumber(current) >= epochNumber(epoch)) return false;
      current = epoch;
      isActive = false;
      coveredUntil = Number.NEGATIVE_INFINITY;
      sequence = floor = head = 0;
      log = [];
      for (const structure of [versions, pending, transactions, entries]) structure.clear();
      return true;
    },

    async activate(epoch) {
      if (epoch !== current) return false;
      isActive = true;
      return true;
    },

    async since(epoch, known) {
      const refused = refusal(epoch);
      if (refused !== undefined) return refused;
      if (known === sequence) return "unchanged";
      return { sequence, versions: versionsAfter(known), pending: [...pending.keys()] };
    },

    async get(epoch, keys) {
      return (
        refusal(epoch) ??
        keys.map((key) => {
          const entry = entries.get(key);
          if (entry === undefined) return undefined;
          const { expiresAt, ...stored } = entry;
          const ttlMs = expiresAt - now();
          return ttlMs > 0 && isValid(entry) ? { ...stored, ttlMs } : undefined;
        })
      );
    },

    async fill(epoch, offered) {
      const refused = refusal(epoch);
      if (refused !== undefined) return refused;
      return offered.map(({ key, ...entry }) => {
        if (!isValid(entry)) return "invalid";
        entries.delete(key);
        entries.set(key, { ...entry, expiresAt: now() + entry.ttlMs });
        for (const oldest of entries.keys()) {
          if (entries.size <= maxEntries) break;
          entries.delete(oldest);
        }
        return "stored";
      });
    },

    async mark(epoch, xid, tags) {
      if (epoch !== current) return "lost";
      const marked = transactions.get(xid) ?? new Set();
      const before = marked.size;
      for (const tag of tags) {
        if (marked.has(tag)) continue;
        marked.add(tag);
        pending.set(tag, (pending.get(tag) ?? 0) + 1);
      }
      if (marked.size === before) return "marked";
      sequence++;
      transactions.set(xid, marked);
      return "marked";
    },

    async release(epoch, xid) {
      if (epoch !== current) return "lost";
      const tags = transactions.get(xid);
      if (tags === undefined) return "released";
      sequence++;
      transactions.delete(xid);
      for (const tag of tags) {
        const others = pending.get(tag)! - 1;
        if (others === 0) pending.delete(tag);
        else pending.set(tag, others);
      }
      setVersions(tags);
      return "released";
    },

    async bump(epoch, tags) {
      if (epoch !== current) return "lost";
      if (tags.length === 0) return "bumped";
      sequence++;
      setVersions(new Set(tags));
      return "bumped";
    },

    async transactions(epoch) {
      return epoch === current ? [...transactions.keys()] : "lost";
    },

    async beat(epoch, instant) {
      if (epoch !== current) return "lost";
      if (instant !== undefined) coveredUntil = Math.max(coveredUntil, instant);
      return now();
    },
  };
}
