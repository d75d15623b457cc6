import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import { createCoherentStore } from "../../src/coherence/store.ts";
import type { Instant } from "../../src/coherence/validator.ts";
import type { Epoch, VersionTable } from "../../src/coherence/versionTable.ts";
import { open } from "./versionTableSpecification.ts";

const epoch: Epoch = "1.a";
const NEVER_MS = 600_000;

describe("a watcher of tags", () => {
  let table: VersionTable;
  let held: Epoch | undefined;
  let asked: number;
  let calls: string[];
  /** By default, the store polls the table every ms, and watchers are not called while it cannot be asked. */
  const createStore = ({ pollMs = 1, fallbackMs = NEVER_MS, maxTags = 100, maxRecent = 100 } = {}) => {
    table = createMemoryVersionTable({ maxLagMs: NEVER_MS, maxTags });
    const counted: VersionTable = {
      ...table,
      since: (...call) => {
        asked++;
        return table.since(...call);
      },
    };
    return createCoherentStore({
      table: counted,
      maxBytes: 1_000_000,
      timeoutMs: NEVER_MS,
      heldEpoch: () => held,
      pollMs,
      fallbackMs,
      maxRecent,
    });
  };
  type Store = ReturnType<typeof createStore>;
  const started = async (store: Store) => {
    await open(table, epoch);
    return (await store.instant())!;
  };
  const watch = (store: Store, name: string, tags: readonly string[], since: Instant | undefined) =>
    store.watch(tags, since, () => calls.push(name));
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) await sleep(1);
  };

  beforeEach(() => {
    held = epoch;
    asked = 0;
    calls = [];
  });

  it("is called once, for the first change of one of its tags, and for no other tag", async () => {
    const store = createStore();
    const since = await started(store);
    watch(store, "a or b", ["a", "b"], since);
    watch(store, "b", ["b"], since);
    watch(store, "c", ["c"], since);
    await table.bump(epoch, ["b", "x"]);
    await until(() => calls.length === 2);
    await table.bump(epoch, ["b"]);
    await store.instant();
    expect(calls.sort()).toEqual(["a or b", "b"]);
    expect(store.statistics().watchers).toBe(1);
    store.close();
  });

  it("is called for a change of the whole type", async () => {
    const store = createStore();
    watch(store, "row", ["Project:7"], await started(store));
    await table.bump(epoch, ["Project!"]);
    await until(() => calls.length === 1);
  });

  it("is called at once for a change after its instant that has already happened, but not for an earlier one", async () => {
    const store = createStore();
    const before = await started(store);
    await table.bump(epoch, ["a"]);
    const after = (await store.instant())!;
    watch(store, "late", ["a"], before);
    watch(store, "new", ["a"], after);
    await until(() => calls.length === 1);
    await store.instant();
    expect(calls).toEqual(["late"]);
    store.close();
  });

  it("is called when the writer's transaction has ended, not while it may still roll back", async () => {
    const store = createStore();
    watch(store, "a", ["a"], await started(store));
    await table.mark(epoch, "7", ["a"]);
    await store.instant();
    await store.instant();
    expect(calls).toEqual([]);
    await table.release(epoch, "7");
    await until(() => calls.length === 1);
  });

  it("is called when anything may have changed: after an epoch's end, or after more changes than are remembered", async () => {
    const store = createStore({ maxRecent: 2 });
    const since = await started(store);
    watch(store, "reset", ["a"], since);
    held = "2.b";
    await open(table, held);
    await until(() => calls.length === 1);

    const later = (await store.instant())!;
    for (const tag of ["x", "y", "z"]) {
      await table.bump(held, [tag]);
      await store.instant();
    }
    watch(store, "forgotten", ["a"], later);
    watch(store, "of another epoch", ["a"], since);
    await until(() => calls.length === 3);
    expect(store.statistics().watchers).toBe(0);
  });

  it("is not called after its watch was ended, and leaves nothing behind", async () => {
    const store = createStore({ pollMs: NEVER_MS });
    const since = await started(store);
    const tags = ["a", "b"];
    const [first, second] = [watch(store, "first", tags, since), watch(store, "second", tags, since)];
    first();
    first();
    await table.bump(epoch, ["a"]);
    await store.instant();
    await sleep(1);
    expect(calls).toEqual(["second"]);
    second();
    expect(store.statistics().watchers).toBe(0);
  });

  it("has the version table polled, and asked at once after a local write; without a watcher nobody asks it", async () => {
    const polling = createStore();
    const since = await started(polling);
    const unwatch = watch(polling, "a", ["a"], since);
    const before = asked;
    await until(() => asked > before + 3);
    unwatch();
    const silent = createStore({ pollMs: NEVER_MS });
    const now = await started(silent);
    const atRest = asked;
    silent.wake();
    await sleep(5);
    expect(asked).toBe(atRest);
    watch(silent, "woken", ["a"], now);
    await table.bump(epoch, ["a"]);
    silent.wake();
    await until(() => calls.includes("woken"));
    expect(asked).toBe(atRest + 1);
  });

  it("is called after a while when the cache can vouch for nothing, and as soon as it can again", async () => {
    const blind = createStore({ fallbackMs: 5 });
    const since = await started(blind);
    held = undefined;
    watch(blind, "vouched", ["a"], since);
    watch(blind, "unvouched", ["a"], undefined);
    await until(() => calls.length === 2);

    calls = [];
    const patient = createStore();
    await open(table, epoch);
    watch(patient, "unvouched", ["a"], undefined);
    await sleep(10);
    expect(calls).toEqual([]);
    held = epoch;
    await until(() => calls.length === 1);
  });
});
