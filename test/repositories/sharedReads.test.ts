import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createSharing } from "../../src/database/sharing.ts";
import { createSharedReads } from "../../src/repositories/sharedReads.ts";

/** Shared reads that find the odd numbers and no even ones. */
function createReads(fails = false) {
  const statements: (readonly string[])[] = [];
  const sharing = createSharing({ cancellation: undefined, replicas: undefined, tracing: undefined });
  const read = createSharedReads<{ readonly n: number }>(sharing, async (keys) => {
    statements.push(keys);
    await sleep(1);
    if (fails) throw new Error("no connection");
    return new Map(keys.filter((key) => Number(key) % 2 === 1).map((key) => [key, { n: Number(key) }]));
  });
  return { read, statements };
}

test("concurrent reads share one statement, and each gets its own rows in its own order", async () => {
  const { read, statements } = createReads();

  const answers = await Promise.all([read(["3", "1"]), read(["2", "3"]), read(["1"]), read([])]);

  expect(statements).toEqual([["3", "1", "2"]]);
  expect(answers).toEqual([[{ n: 3 }, { n: 1 }], [null, { n: 3 }], [{ n: 1 }], []]);
});

test("a read that arrives while a statement is under way waits only for its own statement", async () => {
  const { read, statements } = createReads();

  const first = read(["1"]);
  await sleep(0);
  const second = read(["1", "3"]);

  expect(await Promise.all([first, second])).toEqual([[{ n: 1 }], [{ n: 1 }, { n: 3 }]]);
  expect(statements).toEqual([["1"], ["1", "3"]]);
});

test("a statement has up to 1,000 keys, and more only when a single read has more", async () => {
  const { read, statements } = createReads();
  const keys = (from: number, count: number) => Array.from({ length: count }, (_, n) => String(from + n));

  await Promise.all([
    read(keys(0, 600)),
    read(keys(600, 400)),
    read(keys(1_000, 1)),
    read(keys(5_000, 1_500)),
  ]);

  expect(statements.map(({ length }) => length)).toEqual([1_000, 1, 1_500]);
});

test("a failed statement fails for all reads that share it, and not for the next", async () => {
  const { read } = createReads(true);

  const answers = await Promise.allSettled([read(["1"]), read(["2"])]);

  expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await expect(read(["1"])).rejects.toThrow("no connection");
});
