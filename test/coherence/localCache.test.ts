import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLocalCache, type LocalEntry } from "../../src/coherence/localCache.ts";

const entry = (over: Partial<LocalEntry> = {}): LocalEntry => ({
  kind: "row",
  value: 1,
  tags: ["t"],
  stamp: 0,
  expiresAt: 1_000,
  bytes: 10,
  ...over,
});

describe("the first level", () => {
  it("drops what was not used for the longest time", () => {
    const cache = createLocalCache({ maxBytes: 30 });
    for (const key of ["a", "b", "c"]) cache.set(key, entry());
    cache.get("a", 0);
    cache.set("d", entry());
    expect(["a", "b", "c", "d"].map((key) => cache.get(key, 0) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it("keeps an entry until its time is over, and not a moment longer", () => {
    const cache = createLocalCache({ maxBytes: 30 });
    cache.set("a", entry());
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

  it("removes by a tag's version what is older, and by a pending tag everything that has it", () => {
    const cache = createLocalCache({ maxBytes: 100 });
    cache.set("old", entry({ stamp: 4 }));
    cache.set("new", entry({ stamp: 5 }));
    cache.set("other", entry({ tags: ["u"] }));
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
      bytes: 30,
      tags: 2,
      invalidations: 2,
      expirations: 0,
      evictions: 0,
    });
  });

  it("is empty after it was cleared", () => {
    const cache = createLocalCache({ maxBytes: 100 });
    cache.set("a", entry());
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

  it("does what a list of entries, searched from end to end, would do", () => {
    const key = fc.constantFrom("a", "b", "c", "d");
    const tags = fc.subarray(["t", "u", "v"]);
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("set" as const),
        key,
        tags,
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
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cache = createLocalCache({ maxBytes: 20 });
        // In the order of use; an emptied place keeps its turn.
        let model: { key: string; entry: LocalEntry; isEmpty: boolean }[] = [];
        const total = () => model.reduce((sum, { entry }) => sum + entry.bytes, 0);
        for (const action of steps) {
          if (action.kind === "set") {
            const { tags, stamp, bytes } = action;
            const added = entry({ tags, stamp, bytes });
            cache.set(action.key, added);
            model = [
              ...model.filter(({ key }) => key !== action.key),
              { key: action.key, entry: added, isEmpty: false },
            ];
            while (total() > 20) model.shift();
          } else if (action.kind === "get") {
            const found = model.find(({ key, isEmpty }) => key === action.key && !isEmpty);
            expect(cache.get(action.key, 0)).toEqual(found?.entry);
            if (found) model = [...model.filter((item) => item !== found), found];
          } else {
            const { tag, version } = action;
            cache.invalidate(tag, version);
            for (const item of model) {
              item.isEmpty ||=
                item.entry.tags.includes(tag) && (version === undefined || item.entry.stamp < version);
            }
          }
          expect(cache.statistics()).toMatchObject({
            entries: model.filter(({ isEmpty }) => !isEmpty).length,
            bytes: total(),
            tags: new Set(model.flatMap(({ entry }) => entry.tags)).size,
          });
        }
      }),
      { numRuns: 500 },
    );
  });
});
