import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCacheStatistics } from "../../src/cache/statistics.ts";
import { createHistogram } from "../../src/observation/histogram.ts";

describe("a histogram", () => {
  test("reports at most 1/16 above the true percentile, and never below it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60_000_000 }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.95, 0.99, 1),
        (micros, share) => {
          const histogram = createHistogram();
          for (const each of micros) histogram.record(each / 1_000);
          const truth = micros.toSorted((a, b) => a - b)[Math.ceil(share * micros.length) - 1] ?? 0;
          const found = Math.round(histogram.percentileMs(share) * 1_000);
          expect(found).toBeGreaterThanOrEqual(truth);
          expect(found).toBeLessThanOrEqual(truth * (17 / 16));
        },
      ),
    );
  });

  test("counts values beyond its range as the end of the range, and has percentile 0 when empty", () => {
    const histogram = createHistogram();
    expect(histogram.percentileMs(0.99)).toBe(0);
    histogram.record(10 ** 9);
    expect(histogram.percentileMs(0.5)).toBe((2 ** 26 - 1) / 1_000);
  });
});

describe("cache statistics", () => {
  test("are kept by prefix and summed", () => {
    const statistics = createCacheStatistics();
    statistics.count("user:1", "hits", 3);
    statistics.count("user:2", "misses");
    statistics.count("plain", "errors");
    statistics.time(["user:1", "user:2"], 1);
    const { total, prefixes } = statistics.read();
    expect(prefixes).toEqual({
      "": expect.objectContaining({
        hits: 0,
        misses: 0,
        errors: 1,
        hitRate: 0,
        latencyMs: { p50: 0, p95: 0, p99: 0 },
      }),
      user: expect.objectContaining({ hits: 3, misses: 1, errors: 0, hitRate: 0.75 }),
    });
    expect(total).toMatchObject({ hits: 3, misses: 1, errors: 1, hitRate: 0.75 });
    // One call of two keys with one prefix is one duration: 1 ms lies in the bucket that ends at 1.023.
    expect(total.latencyMs).toEqual({ p50: 1.023, p95: 1.023, p99: 1.023 });
  });

  test("keep no more prefixes than the limit, and count the rest together", () => {
    const statistics = createCacheStatistics({ maxPrefixes: 2 });
    for (let i = 0; i < 1_000; i++) statistics.count(`p${i}:x`, "hits");
    const { prefixes, total } = statistics.read();
    expect(Object.entries(prefixes).map(([name, { hits }]) => [name, hits])).toEqual([
      ["*", 998],
      ["p0", 1],
      ["p1", 1],
    ]);
    expect(total.hits).toBe(1_000);
  });

  test("begin anew after a reset", () => {
    const statistics = createCacheStatistics();
    statistics.count("a:1", "hits");
    statistics.reset();
    expect(statistics.read()).toMatchObject({ total: { hits: 0 }, prefixes: {} });
  });
});
