import { expect, test } from "vitest";
import { AppError } from "../../src/errors.ts";
import { combineCalls } from "../../src/repositories/combining.ts";

const item = (id: string, key = "") => ({ id, key });

/** Combined calls whose runs are recorded. Each run waits until the test opens its gate. */
function recorded() {
  const runs: string[][] = [];
  const gates: (() => void)[] = [];
  const call = combineCalls<ReturnType<typeof item>, string>(
    async (items) => {
      runs.push(items.map(({ id }) => id));
      await new Promise<void>((resolve) => gates.push(resolve));
      if (items.some(({ id }) => id === "bad")) throw new Error("bad");
      if (items.some(({ id }) => id === "away")) throw new AppError("SERVICE_UNAVAILABLE", "away");
      return items.map(({ id }) => id.toUpperCase());
    },
    { keyOf: ({ key }) => key },
  );
  const settle = async () => {
    for (let idle = 0; idle < 5; idle++) {
      if (gates.length > 0) idle = 0;
      for (const open of gates.splice(0)) open();
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  const statusesOf = async (calls: readonly Promise<unknown>[]) => {
    const settled = Promise.allSettled(calls);
    await settle();
    return (await settled).map(({ status }) => status);
  };
  return { runs, call, settle, statusesOf };
}

test("calls that arrive during a run share the next run, and each call gets its own results", async () => {
  const { runs, call, settle } = recorded();
  const calls = [call([item("a")]), call([item("b"), item("c")]), call([item("d")])];
  await settle();
  expect(await Promise.all(calls)).toEqual([["A"], ["B", "C"], ["D"]]);
  expect(runs).toEqual([["a"], ["b", "c", "d"]]);
});

test("all items of a run have different ids and the same key", async () => {
  const { runs, call, settle } = recorded();
  const calls = [
    call([item("a")]),
    call([item("b")]),
    call([item("b"), item("c")]),
    call([item("d", "k")]),
    call([item("e")]),
  ];
  await settle();
  expect(await Promise.all(calls)).toEqual([["A"], ["B"], ["B", "C"], ["D"], ["E"]]);
  expect(runs).toEqual([["a"], ["b", "e"], ["b", "c"], ["d"]]);
});

test("a failed call does not fail the calls that ran with it", async () => {
  const { runs, call, statusesOf } = recorded();
  const calls = [call([item("a")]), call([item("b")]), call([item("bad")]), call([item("c")])];
  expect(await statusesOf(calls)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(runs).toEqual([["a"], ["b", "bad", "c"], ["b"], ["bad"], ["c"]]);
});

test("when the database is away, all calls of a run fail at once, and none is run again by itself", async () => {
  const { runs, call, statusesOf } = recorded();
  const calls = [call([item("a")]), call([item("b")]), call([item("away")]), call([item("c")])];
  expect(await statusesOf(calls)).toEqual(["fulfilled", "rejected", "rejected", "rejected"]);
  expect(runs).toEqual([["a"], ["b", "away", "c"]]);
});
