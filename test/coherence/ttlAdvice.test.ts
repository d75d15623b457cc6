import { describe, expect, it } from "vitest";
import { adviseTtl, type ObservedCounts } from "../../src/coherence/ttlAdvice.ts";

const counts = (changes: Partial<ObservedCounts>): ObservedCounts => ({
  localHits: 9_000,
  sharedHits: 0,
  joined: 0,
  misses: 1_000,
  invalidations: 0,
  expirations: 0,
  evictions: 0,
  ...changes,
});

describe("the advice on a time to live", () => {
  it("is not given before there are enough observations", () => {
    expect(adviseTtl(300, counts({ expirations: 99 }))).toBeUndefined();
    expect(adviseTtl(300, counts({ expirations: 500, localHits: 0, misses: 999 }))).toBeUndefined();
    expect(adviseTtl(300, counts({ expirations: 500, localHits: 0 }))).toBeDefined();
  });

  it("is to raise it to at most four times its value when most answers were still right as they expired", () => {
    expect(adviseTtl(300, counts({ expirations: 900 }))).toEqual({
      action: "raise",
      advisedSeconds: 1_200,
      reason:
        "100 % of 900 kept answers were still right when their time was up, and were read again: 90 % of all misses.",
    });
  });

  it("is no longer than the average time that answers stay right, as computed from their changes", () => {
    // 600 lived for 300 s, 400 for about half of it: 240,000 s with 400 changes.
    expect(adviseTtl(300, counts({ expirations: 600, invalidations: 400 }))).toMatchObject({
      action: "raise",
      advisedSeconds: 600,
    });
  });

  it("is a day at most, and is to keep a time of one day", () => {
    expect(adviseTtl(43_200, counts({ expirations: 900 }))).toMatchObject({ advisedSeconds: 86_000 });
    expect(adviseTtl(86_400, counts({ expirations: 900 }))).toEqual({
      action: "keep",
      advisedSeconds: 86_400,
      reason: "100 % of 900 kept answers were still right when their time was up, and it cannot be longer.",
    });
  });

  it("is to keep it when changes invalidate most answers before they expire", () => {
    expect(adviseTtl(300, counts({ invalidations: 900 }))).toEqual({
      action: "keep",
      advisedSeconds: 300,
      reason: "No answer was kept until its time was up, so a longer time would change nothing.",
    });
    expect(adviseTtl(300, counts({ invalidations: 900, expirations: 100 }))).toEqual({
      action: "keep",
      advisedSeconds: 300,
      reason:
        "10 % of 1000 kept answers were still right when their time was up: most end by a change before.",
    });
  });

  it("is to give the cache more memory when most answers were evicted", () => {
    expect(adviseTtl(300, counts({ evictions: 600, expirations: 300 }))).toEqual({
      action: "memory",
      advisedSeconds: 300,
      reason:
        "67 % of 900 kept answers had to make room before they were asked for again: a larger CACHE_MAX_BYTES keeps them, a longer time does not.",
    });
  });
});
