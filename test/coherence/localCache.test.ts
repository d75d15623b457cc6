import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLocalCache } from "../../src/coherence/localCache.ts";
import { entryBytes, type LocalEntry, type NewEntry, TAG_BYTES } from "../../src/coherence/localEntry.ts";
import { collectGarbage } from "../support/garbage.ts";

const entry = (key: string, over: Partial<NewEntry> = {}): NewEntry => ({
  key,
  kind: "row",
  value: 1,
  tags: ["t"],
  parts: [],
  stamp: 0,
  expiresAt: 1_000,
  bytes: 10,
  ...over,
});

describe("the L1 cache", () => {
  it("evicts the least recently used entry", () => {
    const cache = createLocalCache({ maxBytes: 30 + TAG_BYTES });
    for (const key of ["a", "b", "c"]) cache.set(entry(key));
    cache.get("a", 0);
    cache.set(entry("d"));
    expect(["a", "b", "c", "d"].map((key) => cache.get(key, 0) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it("takes about as much memory as it reports, however many entries came and went", () => {
    const used = () => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const cache = createLocalCache({ maxBytes: 2_000_000 });
    const before = used();
    // Both have the tag "rare". One stays; the other is evicted and remains listed in the tag's bucket.
    for (const key of ["stays", "goes"]) cache.set(entry(key, { tags: ["rare"] }));
    for (let n = 0; n < 30_000; n++) {
      cache.get("stays", 0);
      const key = `key ${n}`;
      const tags = ["all", `some ${n % 100}`, `own ${n}`];
      const value = Buffer.alloc(500, String(n)).toString("latin1");
      cache.set(entry(key, { value, tags, bytes: entryBytes(key, value.length, tags) }));
    }
    const { bytes, evictions } = cache.statistics();
    const taken = used() - before;
    expect(evictions).toBeGreaterThan(25_000);
    expect(bytes).toBeGreaterThan(1_900_000);
    expect(taken).toBeGreaterThan(bytes / 2);
    expect(taken).toBeLessThan(bytes * 1.4);
  });

  it("says that a found entry is still there exactly as long as a look-up would find that entry", () => {
    const cache = createLocalCache({ maxBytes: 10_000 });
    const keep = (key: string, over: Partial<NewEntry> = {}) => cache.set(entry(key, over))!;
    const [changed, expired, replaced, stays] = [
      keep("changed", { tags: ["u"] }),
      keep("expired", { expiresAt: 5 }),
      keep("replaced"),
      keep("stays"),
    ];
    const all = [changed, expired, replaced, stays];
    const there = (now: number) => all.map((each) => cache.has(each, now));
    expect(there(0)).toEqual([true, true, true, true]);
    cache.invalidate("u", 1);
    keep("replaced");
    expect(there(5)).toEqual([false, false, false, true]);
    expect(all.map(({ key }) => cache.get(key, 5))).toEqual([undefined, undefined, expect.anything(), stays]);
    // Another entry in the same place.
    keep("changed", { tags: ["u"] });
    expect(cache.has(changed, 0)).toBe(false);
    cache.clear();
    expect(cache.has(stays, 0)).toBe(false);
  });

  it("keeps an entry until its time to live is over, and not a moment longer", () => {
    const cache = createLocalCache({ maxBytes: 30 + TAG_BYTES });
    cache.set(entry("a"));
    expect(cache.get("a", 999)).toBeDefined();
    expect(cache.get("a", 1_000)).toBeUndefined();
    expect(cache.statistics()).toEqual({
      entries: 0,
      bytes: 0,
      tags: 0,
      invalidations: 0,
      expirations: 1,
      evictions: 0,
    });
  });

  it("removes entries older than a tag's new version, and all entries with a pending tag", () => {
    const cache = createLocalCache({ maxBytes: 10_000 });
    cache.set(entry("old", { stamp: 4 }));
    cache.set(entry("new", { stamp: 5 }));
    cache.set(entry("other", { tags: ["u"] }));
    cache.invalidate("t", 5);
    expect(["old", "new", "other"].map((key) => cache.get(key, 0) !== undefined)).toEqual([
      false,
      true,
      true,
    ]);
    cache.invalidate("t", undefined);
    expect(cache.get("new", 0)).toBeUndefined();
    expect(cache.statistics()).toEqual({
      entries: 1,
      bytes: 30 + 2 * TAG_BYTES,
      tags: 2,
      invalidations: 2,
      expirations: 0,
      evictions: 0,
    });
  });

  it("is empty after it was cleared", () => {
    const cache = createLocalCache({ maxBytes: 10_000 });
    cache.set(entry("a"));
    cache.clear();
    expect(cache.get("a", 0)).toBeUndefined();
    expect(cache.statistics()).toEqual({
      entries: 0,
      bytes: 0,
      tags: 0,
      invalidations: 0,
      expirations: 0,
      evictions: 0,
    });
  });

  it("removes an entry with any of its parts, and keeps no entry one of whose parts is gone", () => {
    const cache = createLocalCache({ maxBytes: 10_000 });
    const part = cache.set(entry("part", { tags: ["t"] }))!;
    const other = cache.set(entry("other", { tags: ["u"] }))!;
    cache.set(entry("whole", { tags: ["v"], parts: [part, other] }));
    expect(cache.get("whole", 0)?.tags).toEqual(["v"]);

    cache.invalidate("t", undefined);

    expect(["part", "whole", "other"].map((key) => cache.get(key, 0) !== undefined)).toEqual([
      false,
      false,
      true,
    ]);
    expect(cache.set(entry("whole", { tags: ["v"], parts: [part, other] }))).toBeUndefined();
    const again = cache.set(entry("part", { tags: ["t"] }))!;
    expect(cache.set(entry("whole", { tags: ["v"], parts: [again, other] }))).toBeDefined();
    // A new entry with the part's key, valid or not, replaces the part that the whole was made of.
    cache.set(entry("part", { tags: ["t"], value: 2 }));
    expect(cache.get("whole", 0)).toBeUndefined();
  });

  it("removes an entry when one of its parts expires", () => {
    const cache = createLocalCache({ maxBytes: 10_000 });
    const part = cache.set(entry("part", { expiresAt: 10 }))!;
    cache.set(entry("whole", { parts: [part] }));
    expect(cache.get("part", 10)).toBeUndefined();
    expect(cache.get("whole", 10)).toBeUndefined();
  });

  it("evicts no part before the entries made of it", () => {
    const cache = createLocalCache({ maxBytes: 40 + TAG_BYTES });
    const part = cache.set(entry("part"))!;
    cache.set(entry("whole", { parts: [part] }));
    for (const key of ["a", "b"]) cache.set(entry(key));
    cache.get("whole", 0);
    cache.set(entry("c"));
    expect(["part", "whole", "a", "b", "c"].filter((key) => cache.get(key, 0) !== undefined)).toEqual([
      "part",
      "whole",
      "b",
      "c",
    ]);
    // Now neither the part nor the whole is used any more.
    for (const key of ["d", "e", "f", "g", "h", "i"]) cache.set(entry(key));
    expect(["part", "whole"].map((key) => cache.get(key, 0))).toEqual([undefined, undefined]);
    expect(cache.statistics()).toMatchObject({ entries: 4, bytes: 40 + TAG_BYTES });
  });

  it("behaves like a simple model: a list of entries that is searched from end to end", () => {
    const key = fc.constantFrom("a", "b", "c", "d");
    const tags = fc.subarray(["t", "u", "v"]);
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("set" as const),
        key,
        tags,
        /** Those of these keys that are in the cache become parts. Their own entries have no parts. */
        parts: fc.subarray(["a", "b"]),
        stamp: fc.nat(5),
        bytes: fc.integer({ min: 1, max: 12 }),
      }),
      fc.record({ kind: fc.constant("get" as const), key }),
      fc.record({
        kind: fc.constant("change" as const),
        tag: fc.constantFrom("t", "u", "v"),
        version: fc.option(fc.nat(5), { nil: undefined }),
      }),
    );
    interface Item {
      readonly key: string;
      /** The entry's place, which a new entry keeps if its tags and parts are the same. */
      readonly place: { readonly tags: string; readonly parts: readonly object[] };
      readonly entry: LocalEntry;
      /** The entries it was made of. */
      readonly parts: readonly LocalEntry[];
      readonly bytes: number;
      readonly isEmpty: boolean;
    }
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        // Too small for all three tags at once.
        const maxBytes = 20 + 2 * TAG_BYTES;
        const cache = createLocalCache({ maxBytes });
        // Least recently used first; the place of a removed entry keeps its turn.
        let model: Item[] = [];
        const tagCount = () => new Set(model.flatMap(({ entry }) => entry.tags)).size;
        const total = () => model.reduce((sum, { bytes }) => sum + bytes, 0) + TAG_BYTES * tagCount();
        const live = (key: string) => model.find((item) => item.key === key && !item.isEmpty);
        /** Removes the entries one of whose parts is gone. */
        const settle = () => {
          model = model.map((item) => ({
            ...item,
            isEmpty: item.isEmpty || item.parts.some((part) => live(part.key)?.entry !== part),
          }));
        };
        for (const action of steps) {
          if (action.kind === "set") {
            const { key, stamp, bytes } = action;
            const isPart = key === "a" || key === "b";
            const items = isPart ? [] : action.parts.map(live).filter((item) => item !== undefined);
            const parts = items.map((item) => item.entry);
            const kept = cache.set(entry(key, { tags: action.tags, stamp, bytes, parts }));
            const last = model.find((item) => item.key === key)?.place;
            const wanted = { tags: action.tags.join(), parts: items.map((item) => item.place) };
            const isSame =
              last?.tags === wanted.tags &&
              last.parts.length === wanted.parts.length &&
              last.parts.every((part, index) => part === wanted.parts[index]);
            model = model.filter((item) => item.key !== key);
            settle();
            model.push({ key, place: isSame ? last : wanted, entry: kept!, parts, bytes, isEmpty: false });
            while (total() > maxBytes) {
              const oldest = model.shift()!;
              if (model.some(({ place }) => place.parts.includes(oldest.place))) model.push(oldest);
            }
          } else if (action.kind === "get") {
            const found = live(action.key);
            expect(cache.get(action.key, 0)).toBe(found?.entry);
            if (found) model = [...model.filter((item) => item !== found), found];
          } else {
            const { tag, version } = action;
            cache.invalidate(tag, version);
            model = model.map((item) => ({
              ...item,
              isEmpty:
                item.isEmpty ||
                (item.entry.tags.includes(tag) && (version === undefined || item.entry.stamp < version)),
            }));
          }
          settle();
          expect(cache.statistics()).toMatchObject({
            entries: model.filter(({ isEmpty }) => !isEmpty).length,
            bytes: total(),
            tags: tagCount(),
          });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
