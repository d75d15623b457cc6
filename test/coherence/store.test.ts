import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Codec } from "../../src/coherence/codec.ts";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import { createCoherentStore, isEntry, type Loaded } from "../../src/coherence/store.ts";
import type { Epoch, VersionTable } from "../../src/coherence/versionTable.ts";
import { open } from "./versionTableSpecification.ts";

const epoch: Epoch = "1.a";
let table: VersionTable;
let held: Epoch | undefined;
const createStore = (of: VersionTable = table, maxBytes = 1_000_000, timeoutMs = 60_000) =>
  createCoherentStore({ table: of, maxBytes, timeoutMs, heldEpoch: () => held });
type Store = ReturnType<typeof createStore>;

/** A row that is read through a store, and how often it was loaded. */
function createRow(store: Store, tags: readonly string[] | null = ["row"]) {
  const row = { value: 0, loads: 0 };
  const load = async () => {
    row.loads++;
    return { value: { n: row.value, at: new Date(0) }, tags: tags ?? undefined };
  };
  const read = (of = store) => of.read("key", { kind: "row", ttlMs: 60_000, load });
  return { row, read };
}

describe("the coherent store", () => {
  beforeEach(async () => {
    table = createMemoryVersionTable({ maxEntries: 100, maxLagMs: 60_000 });
    await open(table, epoch);
    held = epoch;
  });

  it("loads once, then answers from L1, while another instance answers from L2", async () => {
    const [one, two] = [createStore(), createStore()];
    const { row, read } = createRow(one);
    expect((await read()).source).toBe("loaded");
    expect(await read()).toMatchObject({
      value: { n: 0, at: new Date(0) },
      tags: ["row", "row!"],
      source: "local",
    });
    expect(await read(two)).toMatchObject({
      value: { n: 0, at: new Date(0) },
      tags: ["row", "row!"],
      source: "shared",
    });
    expect((await read(two)).source).toBe("local");
    expect(row.loads).toBe(1);
    expect(one.statistics()).toMatchObject({ misses: 1, localHits: 1, fills: 1, entries: 1, roundTrips: 2 });
  });

  it("keeps few L2 answers in a full L1, so that the entries there are found again, and all of them where there is room", async () => {
    const keys = ["a", "b", "c", "d"];
    const loadMany = async (missing: readonly string[]) =>
      missing.map((key) => ({ value: key.repeat(100), tags: [key] }));
    const readAll = async (store: Store) => {
      for (const key of keys) await store.getMany([key], { kind: "row", ttlMs: 60_000, loadMany });
      const { localHits, sharedHits } = store.statistics();
      store.resetStatistics();
      return { localHits, sharedHits };
    };
    const createSmall = (random: () => number) =>
      // Room for two of them.
      createCoherentStore({ table, maxBytes: 2_000, timeoutMs: 60_000, heldEpoch: () => held, random });
    await readAll(createStore());

    const [few, all, roomy] = [createSmall(() => 0.99), createSmall(() => 0), createStore()];
    for (const store of [few, all, roomy])
      expect(await readAll(store)).toEqual({ localHits: 0, sharedHits: 4 });

    expect(await readAll(few)).toEqual({ localHits: 2, sharedHits: 2 });
    expect(await readAll(all)).toEqual({ localHits: 0, sharedHits: 4 });
    expect(await readAll(roomy)).toEqual({ localHits: 4, sharedHits: 0 });
  });

  it("asks L2 once for all concurrent look-ups, and gives each its own answer", async () => {
    const one = createStore();
    const get = vi.spyOn(table, "get");
    const load = async (key: string) => ({ value: key, tags: [key] });
    const readAll = (store: Store) =>
      Promise.all([
        store.read("a", { kind: "row", ttlMs: 60_000, load: () => load("a") }),
        store.getMany(["b", "c"], {
          kind: "row",
          ttlMs: 60_000,
          loadMany: (keys) => Promise.all(keys.map(load)),
        }),
        store.read("d", { kind: "row", ttlMs: 60_000, load: () => load("d") }),
      ]);
    await readAll(one);
    expect(get.mock.calls).toEqual([[epoch, ["a", "b", "c", "d"]]]);
    await turn();

    const answers = (await readAll(createStore())).flat();
    expect(answers.map((answer) => ({ ...answer }))).toMatchObject(
      ["a", "b", "c", "d"].map((value) => ({ value, source: "shared" })),
    );
    expect(get).toHaveBeenCalledTimes(2);
  });

  it("combines look-ups only up to a number of keys, so that no call keeps Redis busy for long", async () => {
    const get = vi.spyOn(table, "get");
    const keysOf = (from: number) => Array.from({ length: 60 }, (_, index) => `key ${from + index}`);
    const store = createStore();
    const loadMany = async (keys: readonly string[]) => keys.map((value) => ({ value, tags: ["t"] }));
    await Promise.all(
      [0, 60, 120].map((from) => store.getMany(keysOf(from), { kind: "row", ttlMs: 60_000, loadMany })),
    );
    expect(get.mock.calls.map(([, keys]) => keys.length)).toEqual([60, 60, 60]);
  });

  it("loads for each of the combined look-ups, and reports the error of each, when L2 cannot be asked", async () => {
    const errors: unknown[] = [];
    const store = createCoherentStore({
      table: { ...table, get: () => Promise.reject(new Error("away")) },
      maxBytes: 1_000_000,
      heldEpoch: () => held,
      onError: (error) => errors.push(error),
    });
    const read = (key: string) =>
      store.read(key, { kind: "row", ttlMs: 60_000, load: async () => ({ value: key, tags: ["t"] }) });
    expect((await Promise.all([read("a"), read("b")])).map(({ source }) => source)).toEqual([
      "loaded",
      "loaded",
    ]);
    expect(errors).toEqual([new Error("away"), new Error("away")]);
  });

  it("shows a change to every instance, and keeps what does not depend on it", async () => {
    const [one, two] = [createStore(), createStore()];
    const { row, read } = createRow(one);
    await one.read("other", {
      kind: "row",
      ttlMs: 60_000,
      load: async () => ({ value: 1, tags: ["other"] }),
    });
    await read();
    await read(two);
    row.value = 1;
    await table.bump(epoch, ["row"]);
    expect((await read(two)).value.n).toBe(1);
    expect((await read(one)).value.n).toBe(1);
    expect(row.loads).toBe(2);
    expect((await one.read("other", { kind: "row", ttlMs: 1, load: () => Promise.reject() })).source).toBe(
      "local",
    );
  });

  it("gives a late joiner no answer that a change of a whole type has invalidated meanwhile", async () => {
    const store = createStore();
    let finish = (_: Loaded<number>) => {};
    let loads = 0;
    const options = {
      kind: "row",
      ttlMs: 60_000,
      load: () => {
        loads++;
        return new Promise<Loaded<number>>((resolve) => (finish = resolve));
      },
    };
    const early = store.read("key", options);
    await vi.waitFor(() => expect(loads).toBe(1));
    await table.bump(epoch, ["Project!"]);
    const late = store.read("key", options);
    // Now the late reader's arrival is certainly at an instant after the change.
    await store.instant();
    finish({ value: 1, tags: ["Project:7"] });
    expect((await early).value).toBe(1);
    await vi.waitFor(() => expect(loads).toBe(2));
    finish({ value: 2, tags: ["Project:7"] });
    expect((await late).value).toBe(2);
  });

  it("counts a change of a whole type as a change of every row and list of the type", async () => {
    const store = createStore();
    const options = {
      kind: "row",
      ttlMs: 60_000,
      load: async () => ({ value: 1, tags: ["Project:7", "User@githubId=1!:#"] }),
    };
    for (const tag of ["Project!", "User!"]) {
      await store.read("key", options);
      expect((await store.read("key", options)).source).toBe("local");
      await table.bump(epoch, [tag]);
      expect((await store.read("key", options)).source).toBe("loaded");
    }
  });

  it("accepts a reply that arrived in time, however busy the process was meanwhile", async () => {
    // As from Redis, the reply comes over a real socket: reading it takes a turn of the event loop.
    const echo = new Worker(
      `const { parentPort } = require("node:worker_threads");
       const server = require("node:net").createServer((socket) => socket.pipe(socket));
       server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));`,
      { eval: true },
    );
    const [port] = await once(echo, "message");
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const remote: VersionTable = {
      ...table,
      since: async (...call) => {
        socket.write("?");
        await once(socket, "data");
        return table.since(...call);
      },
    };
    const store = createStore(remote, 1_000_000, 1_000);
    const { row, read } = createRow(store);
    await read();
    const reading = read();
    await turn(); // The question is on its way.
    const until = performance.now() + 1_100;
    while (performance.now() < until);
    expect((await reading).source).toBe("local");
    expect(row.loads).toBe(1);
    socket.destroy();
    await echo.terminate();
  });

  it("reads from the database as long as a writer is between mark and release", async () => {
    const store = createStore();
    const { row, read } = createRow(store);
    await read();
    await turn(); // Now the answer is in L2, too.
    await table.mark(epoch, "7", ["row"]);
    await read();
    row.value = 1;
    expect((await read()).value.n).toBe(1);
    expect(row.loads).toBe(3);
    await table.release(epoch, "7");
    await read();
    expect((await read()).source).toBe("local");
    expect(row.loads).toBe(4);
    expect(store.statistics().rejectedFills).toBe(2);
  });

  it("does not keep an answer whose read began before a change", async () => {
    const store = createStore();
    const first = await store.read("key", {
      kind: "row",
      ttlMs: 60_000,
      load: async () => {
        await table.bump(epoch, ["row"]);
        return { value: "old", tags: ["row"] };
      },
    });
    expect(first.value).toBe("old");
    // This instance did not know of the change when it kept the answer. The next validation tells it.
    const second = await store.read("key", {
      kind: "row",
      ttlMs: 60_000,
      load: async () => ({ value: "new", tags: ["row"] }),
    });
    expect(second.value).toBe("new");
  });

  it("loads once for all readers that ask while nothing changes", async () => {
    const store = createStore();
    const { row, read } = createRow(store);
    const answers = await Promise.all(Array.from({ length: 20 }, () => read()));
    expect(row.loads).toBe(1);
    expect(answers.map(({ source }) => source)).toEqual(["loaded", ...Array(19).fill("joined")]);
    expect(store.statistics()).toMatchObject({ joined: 19, roundTrips: 1 });
  });

  it("gives no late joiner an answer that was read before a change that the joiner must see", async () => {
    const store = createStore();
    let finish: (loaded: Loaded<string>) => void = () => {};
    const slow = store.read("key", {
      kind: "row",
      ttlMs: 60_000,
      load: () => new Promise<Loaded<string>>((resolve) => (finish = resolve)),
    });
    await turn();
    await turn();
    await table.bump(epoch, ["row"]);
    const load = vi.fn(async () => ({ value: "new", tags: ["row"] }));
    const late = [
      store.read("key", { kind: "row", ttlMs: 60_000, load }),
      store.read("key", { kind: "row", ttlMs: 60_000, load }),
    ];
    await turn();
    await turn();
    finish({ value: "old", tags: ["row"] });
    expect((await slow).value).toBe("old");
    expect((await Promise.all(late)).map(({ value }) => value)).toEqual(["new", "new"]);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("gives a late joiner an answer that still validates", async () => {
    const store = createStore();
    let finish: (loaded: Loaded<string>) => void = () => {};
    const load = vi.fn(() => new Promise<Loaded<string>>((resolve) => (finish = resolve)));
    const slow = store.read("key", { kind: "row", ttlMs: 60_000, load });
    await turn();
    await turn();
    await table.bump(epoch, ["unrelated"]);
    const late = store.read("key", { kind: "row", ttlMs: 60_000, load });
    await turn();
    await turn();
    finish({ value: "valid", tags: ["row"] });
    expect([(await slow).source, (await late).source]).toEqual(["loaded", "joined"]);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("shares one round trip among all waiting readers, and lets none join one that was sent before it asked", async () => {
    let reply: () => void = () => {};
    const since = vi.fn(async (...args: Parameters<VersionTable["since"]>) => {
      await new Promise<void>((resolve) => (reply = resolve));
      return table.since(...args);
    });
    const store = createStore({ ...table, since });
    const { read } = createRow(store);
    const first = [read(), read(), read()];
    await turn();
    expect(since).toHaveBeenCalledTimes(1);
    const second = [read(), read()];
    reply();
    await Promise.all(first);
    await turn();
    expect(since).toHaveBeenCalledTimes(2);
    reply();
    expect((await Promise.all(second)).map(({ source }) => source)).toEqual(["local", "local"]);
  });

  it.each([
    ["the lease has run out", () => (held = undefined)],
    ["the table has lost the epoch", () => void table.open("2.b")],
  ])("reads from the database when %s", async (_, happens) => {
    const store = createStore();
    const { row, read } = createRow(store);
    await read();
    happens();
    row.value = 1;
    expect((await read()).value.n).toBe(1);
    expect((await read()).source).toBe("loaded");
    expect(store.statistics()).toMatchObject({ bypasses: 2, localHits: 0 });
  });

  it("checks the lease after the table's answer, because it may have run out meanwhile", async () => {
    const since: VersionTable["since"] = async (...args) => {
      const reply = await table.since(...args);
      held = undefined;
      return reply;
    };
    const { row, read } = createRow(createStore({ ...table, since }));
    await read();
    held = epoch;
    await read();
    expect(row.loads).toBe(2);
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("connection lost"))],
    ["does not answer", () => new Promise<never>(() => {})],
  ])("answers from the database when the table %s", async (_, broken) => {
    const store = createStore({ ...table, since: broken, get: broken, fill: broken }, 1_000_000, 20);
    const { read } = createRow(store);
    expect((await read()).source).toBe("loaded");
    expect((await read()).source).toBe("loaded");
  });

  it("answers when only L2 fails, and counts the errors", async () => {
    const broken = () => Promise.reject(new Error("connection lost"));
    const store = createStore({ ...table, get: broken, fill: broken });
    const { read } = createRow(store);
    expect((await read()).source).toBe("loaded");
    expect((await read()).source).toBe("local");
    expect(store.statistics().errors).toBe(2);
  });

  it("rejects with the loader's error, and keeps nothing", async () => {
    const store = createStore();
    const error = new Error("no such table");
    const failing = { kind: "row", ttlMs: 60_000, load: () => Promise.reject(error) };
    await expect(store.read("key", failing)).rejects.toBe(error);
    expect((await createRow(store).read()).source).toBe("loaded");
  });

  it("keeps no answer without tags, with a TTL of 0, or with a value that is not plain data", async () => {
    const store = createStore();
    const untagged = createRow(store, null);
    await untagged.read();
    await untagged.read();
    expect(untagged.row.loads).toBe(2);
    const load = vi.fn(async () => ({ value: new Map(), tags: ["row"] }));
    for (const ttlMs of [0, 60_000]) await store.read("map", { kind: "row", ttlMs, load });
    await store.read("map", { kind: "row", ttlMs: 60_000, load });
    expect(load).toHaveBeenCalledTimes(3);
    expect(store.statistics()).toMatchObject({ entries: 0, bytes: 0, tags: 0 });
  });

  it("keeps an answer made of parts as long as all of its parts, and stores it in L2 when it is asked for often", async () => {
    const [one, two] = [createStore(), createStore()];
    const versions: Record<string, number> = { a: 0, b: 0 };
    let made = 0;
    const partOptions = {
      kind: "part",
      ttlMs: 60_000,
      bytesOf: () => 10,
      loadMany: async (keys: readonly string[]) =>
        keys.map((key) => ({ value: `${key}${versions[key]}`, tags: [`row:${key}`] })),
    };
    const read = (store = one) =>
      store.read<string>("whole", {
        kind: "answer",
        ttlMs: 60_000,
        load: async () => {
          made++;
          const parts = (await store.getMany<string>(["a", "b"], partOptions)).filter(isEntry);
          return { value: parts.map(({ value }) => value).join(), tags: ["list"], parts };
        },
      });

    expect((await read()).value).toBe("a0,b0");
    expect(await read()).toMatchObject({ value: "a0,b0", source: "local", tags: ["list", "list!"] });
    expect(made).toBe(1);

    versions.a = 1;
    await table.bump(epoch, ["row:a"]);
    expect((await read()).value).toBe("a1,b0");
    expect(made).toBe(2);
    expect(one.statistics().kinds.find(({ kind }) => kind === "part")).toMatchObject({
      misses: 3,
      localHits: 1,
    });

    for (let hits = 1; hits <= 64; hits++) {
      expect(await table.get(epoch, ["whole"])).toEqual([undefined]);
      expect((await read()).source).toBe("local");
    }
    await vi.waitFor(async () => expect(await table.get(epoch, ["whole"])).not.toEqual([undefined]));
    expect((await read(two)).source).toBe("shared");
    expect(await table.get(epoch, ["a", "b"])).toEqual([undefined, undefined]);

    versions.b = 1;
    await table.bump(epoch, ["row:b"]);
    expect((await read(two)).value).toBe("a1,b1");
  });

  it("keeps an answer made of parts as one piece from the first time that it is found again", async () => {
    const store = createStore();
    const codec = {
      encode: String,
      decode: String,
      bytesOf: (value: unknown) => (typeof value === "string" ? value.length : 0),
      whole: (value: unknown) => (value === "xy" ? value : (value as string[]).join("")),
    };
    /** The codec of an answer that is too long to be kept as one piece. */
    const endless = { ...codec, whole: () => undefined };
    const read = (key = "whole", codecOf = codec as Codec) =>
      store.read<unknown>(key, {
        kind: key,
        ttlMs: 60_000,
        codec: codecOf,
        load: async () => {
          const parts = await store.getMany(["a"], {
            kind: "part",
            ttlMs: 60_000,
            bytesOf: () => 10,
            loadMany: async () => [{ value: "a", tags: ["row:a"] }],
          });
          return { value: ["x", "y"], tags: [], parts: parts.filter(isEntry) };
        },
      });
    const bytes = () => store.statistics().kinds.find(({ kind }) => kind === "whole")!.bytes;

    expect((await read()).value).toEqual(["x", "y"]);
    const inPieces = bytes();
    for (const _ of [1, 2]) expect(await read()).toMatchObject({ value: "xy", source: "local" });
    expect(bytes()).toBe(inPieces + 2);

    await table.bump(epoch, ["row:a"]);
    expect(await read()).toMatchObject({ value: ["x", "y"], source: "loaded" });

    for (let times = 0; times <= 64; times++)
      for (const [key, codecOf] of [["whole", codec] as const, ["endless", endless] as const])
        await read(key, codecOf);
    await vi.waitFor(async () =>
      expect(await table.get(epoch, ["whole", "endless"])).toEqual([expect.anything(), undefined]),
    );
    expect(await read("endless", endless)).toMatchObject({ value: ["x", "y"], source: "local" });
  });

  it("offers a cheap answer to L2 once it is found again, and skips the look-up in L2 with `skipsShared`", async () => {
    const [one, two] = [createStore(), createStore()];
    const read = (store: typeof one, skipsShared = false) =>
      store.read<string>("cheap", {
        kind: "answer",
        ttlMs: 60_000,
        skipsShared,
        load: async () => ({ value: "made", tags: ["row"], isCheap: true }),
      });
    const shared = () => table.get(epoch, ["cheap"]);

    expect((await read(one)).source).toBe("loaded");
    expect(await shared()).toEqual([undefined]);
    expect((await read(one)).source).toBe("local");
    await vi.waitFor(async () =>
      expect(await shared()).toEqual([expect.objectContaining({ tags: ["row", "row!"] })]),
    );

    expect((await read(two, true)).source).toBe("loaded");
    await table.bump(epoch, ["row"]);
    expect((await read(one)).source).toBe("loaded");
  });

  it("keeps no more bytes than its limit, and no tags of evicted entries", async () => {
    const store = createStore(table, 4_500);
    for (let key = 0; key < 100; key++) {
      await store.read(`k${key}`, {
        kind: "row",
        ttlMs: 60_000,
        load: async () => ({ value: "x".repeat(400), tags: [`t${key}`] }),
      });
    }
    expect(store.statistics()).toMatchObject({ entries: 2, tags: 4 });
    await store.read("big", {
      kind: "row",
      ttlMs: 60_000,
      load: async () => ({ value: "x".repeat(6_000), tags: ["big"] }),
    });
    expect(store.statistics()).toMatchObject({ entries: 2, tags: 4 });
  });

  it("gives all readers the same value, which is frozen", async () => {
    const store = createStore();
    const options = {
      kind: "row",
      ttlMs: 60_000,
      load: async () => ({ value: { list: [{ n: 1 }] }, tags: ["row"] }),
    };
    const { value } = await store.read("key", options);
    expect(() => value.list.push({ n: 2 })).toThrow(TypeError);
    expect((await store.read("key", options)).value).toEqual({ list: [{ n: 1 }] });
  });

  it("reads many keys with one validation and one look-up in L2, and loads only the missing keys", async () => {
    const [one, two] = [createStore(), createStore()];
    const loadMany = vi.fn(async (keys: readonly string[]) =>
      keys.map((key) => (key === "bad" ? new Error("bad") : { value: key.toUpperCase(), tags: [key] })),
    );
    await one.getMany(["a", "b"], { kind: "row", ttlMs: 60_000, loadMany });
    await two.getMany(["a"], { kind: "row", ttlMs: 60_000, loadMany });
    const answers = await two.getMany(["c", "b", "bad", "a", "c"], { kind: "row", ttlMs: 60_000, loadMany });
    expect(answers.map((answer) => (answer instanceof Error ? answer.message : answer.value))).toEqual([
      "C",
      "B",
      "bad",
      "A",
      "C",
    ]);
    expect(two.statistics()).toMatchObject({ localHits: 1, sharedHits: 2, misses: 2 });
    expect(loadMany.mock.calls).toEqual([[["a", "b"]], [["c", "bad"]]]);
    expect(two.statistics().roundTrips).toBe(2);
  });
});
