import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createDeadlines } from "../../src/server/deadlines.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function recorded() {
  const over: string[] = [];
  const deadlines = createDeadlines(100);
  return { over, forget: deadlines.forget, set: (name: string) => deadlines.set(() => void over.push(name)) };
}

test("each deadline expires at its own time, and not before", () => {
  const { over, set } = recorded();
  set("a");
  vi.advanceTimersByTime(30);
  set("b");
  set("c");
  vi.advanceTimersByTime(69);
  expect(over).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(over).toEqual(["a"]);
  vi.advanceTimersByTime(29);
  expect(over).toEqual(["a"]);
  vi.advanceTimersByTime(1);
  expect(over).toEqual(["a", "b", "c"]);
});

test("a forgotten deadline never expires, whichever it is, and forgetting it again does nothing", () => {
  const { over, set, forget } = recorded();
  const [a, , c, , e] = ["a", "b", "c", "d", "e"].map(set);
  for (const deadline of [a!, c!, e!, c!]) forget(deadline);
  vi.advanceTimersByTime(100);
  expect(over).toEqual(["b", "d"]);
  forget(a!);
  set("f");
  vi.advanceTimersByTime(100);
  expect(over).toEqual(["b", "d", "f"]);
});

test("all deadlines share one timer, and none is left once all have expired", () => {
  const { over, set, forget } = recorded();
  for (let n = 0; n < 1_000; n++) forget(set("x"));
  expect(vi.getTimerCount()).toBe(1);
  set("a");
  vi.advanceTimersByTime(1_000);
  expect(over).toEqual(["a"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a deadline that is set when another expires gets its full time", () => {
  const over: string[] = [];
  const deadlines = createDeadlines(100);
  deadlines.set(() => {
    over.push("first");
    deadlines.set(() => void over.push("second"));
  });
  vi.advanceTimersByTime(199);
  expect(over).toEqual(["first"]);
  vi.advanceTimersByTime(1);
  expect(over).toEqual(["first", "second"]);
});
