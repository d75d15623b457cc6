import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import type { Changes } from "../../src/coherence/versionTable.ts";
import { open, specifyVersionTable } from "./versionTableSpecification.ts";
import { checkAgainstWorld } from "./versionTableWorld.ts";

describe("the version table in memory", () => {
  specifyVersionTable(async (options) =>
    createMemoryVersionTable({ maxEntries: 1_000, maxLagMs: 60_000, ...options }),
  );

  it("serves no stale answer, whatever the order of reads, writes, crashes and floods of tags", async () => {
    const hits = await checkAgainstWorld(
      async () => createMemoryVersionTable({ maxEntries: 100, maxTags: 3 }),
      1_000,
    );
    expect(hits).toBeGreaterThan(1_000);
  });

  it("remembers no more tags than `maxTags`", async () => {
    const table = createMemoryVersionTable({ maxTags: 10 });
    await open(table, "1.a");
    for (let round = 0; round < 1_000; round++) await table.bump("1.a", [`t${round % 25}`]);
    expect((await table.since("1.a", 989)) as Changes).toMatchObject({ versions: undefined });
    expect(((await table.since("1.a", 990)) as Changes).versions).toHaveLength(10);
  });

  it("reports each change after any given sequence exactly once", async () => {
    const tag = fc.constantFrom("a", "b", "c", "d", "e");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(tag, { minLength: 1 }), { maxLength: 40 }),
        fc.nat(40),
        async (bumps, at) => {
          const table = createMemoryVersionTable();
          await open(table, "1.a");
          const expected = new Map<string, number>();
          for (const [index, tags] of bumps.entries()) {
            await table.bump("1.a", tags);
            if (index >= at) for (const changed of tags) expected.set(changed, index + 1);
          }
          const told = await table.since("1.a", Math.min(at, bumps.length));
          if (expected.size === 0) expect(told).toBe("unchanged");
          else expect(new Map((told as Changes).versions)).toEqual(expected);
        },
      ),
    );
  });
});
