import { beforeEach, describe, expect, it } from "vitest";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import { endOfLog } from "../../src/coherence/positions.ts";
import type { Replica, ReplicaPosition } from "../../src/coherence/replicaReads.ts";
import { createCoherentStore } from "../../src/coherence/store.ts";
import type { Epoch, VersionTable } from "../../src/coherence/versionTable.ts";
import { open } from "./versionTableSpecification.ts";

const epoch: Epoch = "1.a";

describe("reads from a replica", () => {
  let table: VersionTable;
  let time: number;
  let primary: { epoch: string; isSameServer: boolean; position: bigint };
  let says: ReplicaPosition;
  let isBroken: boolean;

  beforeEach(async () => {
    table = createMemoryVersionTable({ maxLagMs: 60_000 });
    await open(table, epoch);
    time = 0;
    primary = { epoch, isSameServer: true, position: 100n };
    says = { isReplica: true, position: 100n, epoch };
    isBroken = false;
  });

  /** A reader whose answers name the server that gave them. Each key has one row with one tag. */
  const createReader = (maxRecent = 100) => {
    let from = "primary";
    const identity = {};
    const replica: Replica = {
      name: "replica",
      checkOut: async () => ({
        identity,
        ask: async () => says,
        run: (load) => {
          if (isBroken) return Promise.reject(new Error("broken"));
          from = "replica";
          const loaded = load();
          from = "primary";
          return loaded;
        },
        release: () => {},
      }),
      errors: () => 0,
      isDown: () => false,
    };
    const store = createCoherentStore({
      table,
      replicas: { replicas: [replica], ask: async () => primary },
      maxBytes: 1_000_000,
      maxRecent,
      heldEpoch: () => epoch,
      timeoutMs: 60_000,
      // 10 s pass with each call, so the positions of the primary and the replica are asked each time.
      now: () => (time += 10_000),
    });
    const read = async (...keys: string[]) => {
      const answers = await store.getMany<string>(keys, {
        kind: "row",
        ttlMs: 0,
        tagsOf: (key) => [key],
        loadMany: async (asked) => {
          const server = from;
          return asked.map((key) => ({ value: server, tags: [key] }));
        },
      });
      return answers.map((answer) => (answer instanceof Error ? answer : answer.value));
    };
    return { store, read };
  };
  /** Reads twice: the first read goes to the primary, and makes the store ask for the primary's position. */
  const createUsed = async (maxRecent?: number) => {
    const reader = createReader(maxRecent);
    expect(await reader.read("a")).toEqual(["primary"]);
    await expect.poll(() => reader.read("a")).toEqual(["replica"]);
    return reader;
  };

  it("begin when the replica has replayed up to the position that the primary had at the instant", async () => {
    says = { ...says, position: 99n };
    const { read, store } = createReader();
    for (let attempt = 0; attempt < 5; attempt++) expect(await read("a")).toEqual(["primary"]);
    expect(store.replicas()).toMatchObject([{ lagBytes: 1, reads: 0, rejected: 0 }]);
    says = { ...says, position: 100n };
    expect(await read("a")).toEqual(["replica"]);
    expect(store.replicas()).toMatchObject([{ lagBytes: 0, reads: 1, rejected: 0 }]);
  });

  it("take unchanged keys from the replica, and the others from the primary", async () => {
    const { read } = await createUsed();
    await table.bump(epoch, ["b"]);
    primary.position = 200n;
    expect(await read("a", "b", "c")).toEqual(["replica", "primary", "replica"]);
    expect(await read("b")).toEqual(["primary"]);
    says = { ...says, position: 200n };
    await expect.poll(() => read("a", "b", "c")).toEqual(["replica", "replica", "replica"]);
  });

  it("go to the primary for keys with pending tags, however far the replica has replayed", async () => {
    const { read } = await createUsed();
    says = { ...says, position: 10_000n };
    await table.mark(epoch, "7", ["a"]);
    for (let attempt = 0; attempt < 3; attempt++)
      expect(await read("a", "b")).toEqual(["primary", "replica"]);
    await table.release(epoch, "7");
    await expect.poll(() => read("a", "b")).toEqual(["replica", "replica"]);
  });

  it("go to the primary for all tags when changes are no longer remembered one by one", async () => {
    const { read } = await createUsed(2);
    primary.position = 200n;
    for (const tag of ["b", "c", "d"]) await table.bump(epoch, [tag]);
    expect(await read("a")).toEqual(["primary"]);
    expect(await read("a")).toEqual(["primary"]);
    says = { ...says, position: 200n };
    await expect.poll(() => read("a", "b", "c", "d")).toEqual(Array(4).fill("replica"));
  });

  it("go to the primary when the version table has forgotten what changed", async () => {
    table = createMemoryVersionTable({ maxLagMs: 60_000, maxTags: 2 });
    await open(table, epoch);
    const { read } = await createUsed();
    primary.position = 200n;
    for (const tag of ["b", "c", "d", "e"]) await table.bump(epoch, [tag]);
    expect(await read("a")).toEqual(["primary"]);
    says = { ...says, position: 200n };
    await expect.poll(() => read("a", "b")).toEqual(["replica", "replica"]);
  });

  it.each<[string, Partial<ReplicaPosition>]>([
    ["was promoted", { isReplica: false }],
    ["follows another primary, on which this epoch never began", { epoch: "1.b" }],
    ["has replayed nothing", { position: null }],
  ])("go to the primary when the replica %s", async (_, what) => {
    const { read, store } = await createUsed();
    says = { ...says, ...what };
    expect(await read("a")).toEqual(["primary"]);
    expect(store.replicas()).toMatchObject([{ lagBytes: undefined }]);
  });

  it.each([
    ["another server", { isSameServer: false }],
    ["another epoch", { epoch: "2.a" }],
  ])("go to the primary once the primary reports %s", async (_, what) => {
    const { read } = await createUsed();
    primary = { ...primary, ...what };
    await expect.poll(() => read("a")).toEqual(["primary"]);
    expect(await read("a")).toEqual(["primary"]);
  });

  it("go to the primary when the replica fails", async () => {
    const { read } = await createUsed();
    isBroken = true;
    expect(await read("a", "b")).toEqual(["primary", "primary"]);
  });
});

describe("the end of the log", () => {
  const page = 8_192n;
  const segment = 16_777_216n;

  it.each([
    [100n, 100n],
    [page, page],
    [3n * page + 24n, 3n * page],
    [3n * page + 40n, 3n * page + 40n],
    [2n * segment + 40n, 2n * segment],
  ])("is in front of the header of a page without records: %d is %d", (says, end) => {
    expect(endOfLog(says, page, segment)).toBe(end);
  });
});
