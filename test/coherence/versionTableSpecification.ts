import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import type { Changes, Epoch, StoredEntry, VersionTable } from "../../src/coherence/versionTable.ts";

export interface TableOptions {
  readonly maxTags?: number;
  readonly maxChanges?: number;
  readonly maxLagMs?: number;
}

/** Specifies every version table, in memory or in Redis. `create` makes an empty one without an epoch. */
export function specifyVersionTable(create: (options?: TableOptions) => Promise<VersionTable>): void {
  const epoch: Epoch = "1.a";
  const live = async (options?: TableOptions) => {
    const table = await create(options);
    await open(table, epoch);
    return table;
  };

  it("refuses every call as lost while no epoch is open", async () => {
    const table = await create();
    expect(await table.activate(epoch)).toBe(false);
    expect(await everyAnswer(table, epoch)).toEqual(Array(8).fill("lost"));
  });

  it("accepts writers, but serves and stores nothing, until the epoch is activated", async () => {
    const table = await create();
    expect(await table.open(epoch)).toBe(true);
    expect(await everyAnswer(table, epoch)).toEqual([
      "quiescing",
      "quiescing",
      "quiescing",
      "marked",
      "released",
      "bumped",
      [],
      expect.any(Number),
    ]);
  });

  it("stores many entries in one call, and judges each by itself", async () => {
    const table = await live();
    await table.bump(epoch, ["changed"]);
    const results = await table.fill(epoch, [
      { key: "a", ...entry(0, []) },
      { key: "b", ...entry(0, ["changed", "t"]) },
      { key: "c", ...entry(1, ["changed", "t"]) },
    ]);
    expect(results).toEqual(["stored", "invalid", "stored"]);
    expect(await table.get(epoch, ["a", "b", "c"])).toMatchObject([
      { stamp: 0 },
      undefined,
      { tags: ["changed", "t"] },
    ]);
  });

  it("refuses to serve while no relay has reported, and again when the last report is too old", async () => {
    const table = await create({ maxLagMs: 40 });
    await table.open(epoch);
    await table.activate(epoch);
    expect(await table.since(epoch, -1)).toBe("lagging");
    expect(await table.get(epoch, ["k"])).toBe("lagging");
    expect(await fill(table, epoch, "k", entry(0, ["t"]))).toBe("lagging");
    const instant = await table.beat(epoch, undefined);
    expect(await table.since(epoch, -1)).toBe("lagging");
    await table.beat(epoch, instant as number);
    const reported = await table.since(epoch, -1);
    // If the machine stood still for 40 ms, the report is too old already.
    expect(["lagging", changes(0, undefined)]).toContainEqual(reported);
    await sleep(60);
    expect(await table.since(epoch, -1)).toBe("lagging");
  });

  it("does not let a delayed heartbeat undo a newer one", async () => {
    const table = await live();
    const instant = (await table.beat(epoch, undefined)) as number;
    await table.beat(epoch, instant);
    await table.beat(epoch, instant - 1_000_000);
    expect(await table.since(epoch, -1)).toEqual(changes(0, undefined));
  });

  it("begins an epoch empty, and refuses calls in the one before", async () => {
    const table = await live();
    await table.mark(epoch, "7", ["p"]);
    await table.bump(epoch, ["t"]);
    await fill(table, epoch, "k", entry(2, ["t"]));
    await open(table, "2.b");
    expect(await everyAnswer(table, epoch)).toEqual(Array(8).fill("lost"));
    expect(await table.since("2.b", -1)).toEqual(changes(0, undefined));
    expect(await table.transactions("2.b")).toEqual([]);
    expect(await table.get("2.b", ["k"])).toEqual([undefined]);
  });

  it("opens an epoch once: repeating it does nothing, and an earlier epoch or a rival with the same number is refused", async () => {
    const table = await live();
    await table.bump(epoch, ["t"]);
    expect(await table.open(epoch)).toBe(true);
    expect(await table.open("1.rival")).toBe(false);
    expect(await table.open("0.z")).toBe(false);
    expect(await table.since(epoch, 0)).toEqual(changes(1, [["t", 1]]));
    // Epochs are compared as numbers, not as text.
    expect(await table.open("10.a")).toBe(true);
    expect(await table.open("9.a")).toBe(false);
  });

  it("answers `unchanged` to a caller that knows the present sequence", async () => {
    const table = await live();
    expect(await table.since(epoch, 0)).toBe("unchanged");
    await table.bump(epoch, ["t"]);
    expect(await table.since(epoch, 1)).toBe("unchanged");
  });

  it("advances the sequence with every mark, release and bump that has an effect, and with no other", async () => {
    const table = await live();
    const sequenceAfter = async (step: Promise<unknown>) => {
      await step;
      return ((await table.since(epoch, -1)) as Changes).sequence;
    };
    expect(await sequenceAfter(table.mark(epoch, "7", ["t"]))).toBe(1);
    expect(await sequenceAfter(table.mark(epoch, "7", ["t"]))).toBe(1);
    expect(await sequenceAfter(table.mark(epoch, "7", ["t", "u"]))).toBe(2);
    expect(await sequenceAfter(table.release(epoch, "7"))).toBe(3);
    expect(await sequenceAfter(table.release(epoch, "7"))).toBe(3);
    expect(await sequenceAfter(table.release(epoch, "8"))).toBe(3);
    expect(await sequenceAfter(table.bump(epoch, ["t", "t"]))).toBe(4);
    expect(await sequenceAfter(table.bump(epoch, []))).toBe(4);
    expect(await sequenceAfter(table.mark(epoch, "9", []))).toBe(4);
  });

  it("keeps a tag pending until the last of its transactions is released", async () => {
    const table = await live();
    await table.mark(epoch, "7", ["t", "u"]);
    await table.mark(epoch, "8", ["t"]);
    expect(await table.since(epoch, 0)).toEqual(changes(2, [], ["t", "u"]));
    expect(sorted(await table.transactions(epoch))).toEqual(["7", "8"]);
    await table.release(epoch, "7");
    expect(await table.since(epoch, 2)).toEqual(
      changes(
        3,
        [
          ["t", 3],
          ["u", 3],
        ],
        ["t"],
      ),
    );
    await table.release(epoch, "8");
    expect(await table.since(epoch, 3)).toEqual(changes(4, [["t", 4]]));
    expect(await table.transactions(epoch)).toEqual([]);
  });

  it("keeps a transaction's tags pending once, however often it is marked", async () => {
    const table = await live();
    await table.mark(epoch, "7", ["t"]);
    await table.mark(epoch, "7", ["t", "u"]);
    await table.release(epoch, "7");
    expect(await table.since(epoch, 2)).toEqual(
      changes(3, [
        ["t", 3],
        ["u", 3],
      ]),
    );
  });

  it("reports only changes that the caller does not know, each tag once with its newest version", async () => {
    const table = await live();
    await table.bump(epoch, ["a", "b"]);
    await table.bump(epoch, ["b"]);
    await table.bump(epoch, ["c"]);
    expect(await table.since(epoch, 0)).toEqual(
      changes(3, [
        ["a", 1],
        ["b", 2],
        ["c", 3],
      ]),
    );
    expect(await table.since(epoch, 1)).toEqual(
      changes(3, [
        ["b", 2],
        ["c", 3],
      ]),
    );
  });

  it("tells a caller that missed too many changes to forget everything", async () => {
    const table = await live({ maxChanges: 2 });
    await table.bump(epoch, ["a", "b"]);
    expect(await table.since(epoch, 0)).toEqual(
      changes(1, [
        ["a", 1],
        ["b", 1],
      ]),
    );
    await table.bump(epoch, ["c"]);
    expect(await table.since(epoch, 0)).toEqual(changes(2, undefined));
    expect(await table.since(epoch, 1)).toEqual(changes(2, [["c", 2]]));
  });

  it("forgets the oldest tags above its cap, and cannot tell a caller below the floor what changed", async () => {
    const table = await live({ maxTags: 2 });
    await table.bump(epoch, ["a"]);
    await table.bump(epoch, ["b"]);
    await table.bump(epoch, ["c"]);
    expect(await table.since(epoch, 0)).toEqual(changes(3, undefined));
    expect(await table.since(epoch, 1)).toEqual(
      changes(3, [
        ["b", 2],
        ["c", 3],
      ]),
    );
    expect(await fill(table, epoch, "below", entry(0, ["never changed"]))).toBe("invalid");
    expect(await fill(table, epoch, "at", entry(1, ["a"]))).toBe("stored");
    expect(await found(table, epoch, ["at"])).toEqual([entry(1, ["a"])]);
    // A newer version of a known tag takes no further place, so no other tag is forgotten for it.
    await table.bump(epoch, ["b"]);
    expect(await found(table, epoch, ["at"])).toEqual([entry(1, ["a"])]);
    await table.bump(epoch, ["d"]);
    expect(await table.get(epoch, ["at"])).toEqual([undefined]);
  });

  it("returns a stored answer with all its properties, and nothing for a key without an answer", async () => {
    const table = await live();
    const stored = {
      stamp: 0,
      tags: ["a", "\n, ü\u0001", "b".repeat(300)],
      value: '{"ü":"\u0000"}',
      ttlMs: 60_000,
    };
    expect(await fill(table, epoch, "k", stored)).toBe("stored");
    const got = await table.get(epoch, ["none", "k", "none"]);
    expect(got).toEqual([undefined, { ...stored, ttlMs: expect.any(Number) }, undefined]);
    const { ttlMs } = (got as StoredEntry[])[1]!;
    expect(ttlMs > 0 && ttlMs <= 60_000).toBe(true);
    expect(await found(table, epoch, [])).toEqual([]);
  });

  it("keeps answers without tags and answers with thousands of tags", async () => {
    const table = await live();
    const tags = Array.from({ length: 9_000 }, (_, index) => `t${index}`);
    expect(await fill(table, epoch, "none", entry(0, []))).toBe("stored");
    expect(await fill(table, epoch, "many", entry(0, tags))).toBe("stored");
    expect(await found(table, epoch, ["none", "many"])).toEqual([entry(0, []), entry(0, tags)]);
    await table.mark(epoch, "7", tags);
    await table.release(epoch, "7");
    expect(await found(table, epoch, ["none", "many"])).toEqual([entry(0, []), undefined]);
    await fill(table, epoch, "many", entry(2, tags));
    await table.bump(epoch, tags.slice(-1));
    expect(await table.get(epoch, ["many"])).toEqual([undefined]);
  });

  it("forgets an answer when its time to live is over", async () => {
    const table = await live();
    await fill(table, epoch, "k", { ...entry(0, ["t"]), ttlMs: 20 });
    await sleep(40);
    expect(await table.get(epoch, ["k"])).toEqual([undefined]);
  });

  it("serves no answer with a pending tag, and none that is older than a change of its tags", async () => {
    const table = await live();
    await fill(table, epoch, "t", entry(0, ["t"]));
    await fill(table, epoch, "u", entry(0, ["u"]));
    await table.mark(epoch, "7", ["t"]);
    expect(await found(table, epoch, ["t", "u"])).toEqual([undefined, entry(0, ["u"])]);
    await table.release(epoch, "7");
    expect(await found(table, epoch, ["t", "u"])).toEqual([undefined, entry(0, ["u"])]);
    expect(await fill(table, epoch, "t", entry(2, ["t"]))).toBe("stored");
    expect(await found(table, epoch, ["t"])).toEqual([entry(2, ["t"])]);
    await table.bump(epoch, ["t"]);
    expect(await table.get(epoch, ["t"])).toEqual([undefined]);
  });

  it("stores no answer whose read began before a change of its tags was complete", async () => {
    const table = await live();
    await table.mark(epoch, "7", ["t"]);
    expect(await fill(table, epoch, "k", entry(0, ["t"]))).toBe("invalid");
    expect(await fill(table, epoch, "k", entry(1, ["t"]))).toBe("invalid");
    await table.release(epoch, "7");
    expect(await fill(table, epoch, "k", entry(0, ["t"]))).toBe("invalid");
    expect(await fill(table, epoch, "k", entry(1, ["t"]))).toBe("invalid");
    expect(await table.get(epoch, ["k"])).toEqual([undefined]);
    expect(await fill(table, epoch, "k", entry(2, ["t"]))).toBe("stored");
  });
}

export async function open(table: VersionTable, epoch: Epoch): Promise<void> {
  await table.open(epoch);
  await table.activate(epoch);
  const instant = await table.beat(epoch, undefined);
  if (instant !== "lost") await table.beat(epoch, instant);
}

/** The entries under the keys, with a fixed time to live in place of the one that is left. */
async function found(table: VersionTable, epoch: Epoch, keys: readonly string[]): Promise<unknown> {
  const got = await table.get(epoch, keys);
  return typeof got === "string" ? got : got.map((item) => (item ? { ...item, ttlMs: 60_000 } : undefined));
}

function entry(stamp: number, tags: readonly string[]): StoredEntry {
  return { stamp, tags, value: `"${stamp}"`, ttlMs: 60_000 };
}

/** Expects tags and versions in any order, because the table promises none. */
function changes(sequence: number, versions: Changes["versions"], pending: readonly string[] = []) {
  const inAnyOrder = (list: readonly unknown[]) =>
    list.length === 0 ? [] : expect.toSatisfy((got: unknown[]) => sameItems(got, list));
  return {
    sequence,
    versions: versions === undefined ? undefined : inAnyOrder(versions),
    pending: inAnyOrder(pending),
  };
}

function sameItems(left: readonly unknown[], right: readonly unknown[]): boolean {
  const texts = (list: readonly unknown[]) => list.map((item) => JSON.stringify(item)).sort();
  return JSON.stringify(texts(left)) === JSON.stringify(texts(right));
}

function sorted(list: string[] | "lost"): string[] | "lost" {
  return list === "lost" ? list : [...list].sort();
}

/** Stores one entry. */
async function fill(table: VersionTable, epoch: Epoch, key: string, stored: StoredEntry) {
  const results = await table.fill(epoch, [{ key, ...stored }]);
  return typeof results === "string" ? results : results[0];
}

async function everyAnswer(table: VersionTable, epoch: Epoch): Promise<unknown[]> {
  return [
    await table.since(epoch, -1),
    await table.get(epoch, ["k"]),
    await fill(table, epoch, "k", entry(0, ["t"])),
    await table.mark(epoch, "7", ["t"]),
    await table.release(epoch, "7"),
    await table.bump(epoch, ["t"]),
    await table.transactions(epoch),
    await table.beat(epoch, undefined),
  ];
}
