import { expect, test, vi } from "vitest";
import { Interruption } from "../../src/database/interruption.ts";

test("an interruption calls each listener once, and listeners that come later at once", () => {
  const interruption = new Interruption();
  const [first, second, late, gone] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
  interruption.listen(first);
  interruption.listen(second);
  interruption.listen(gone);
  interruption.ignore(gone);
  interruption.throwIfOver();
  expect(interruption.isOver).toBe(false);

  const reason = new Error("too late");
  interruption.interrupt(reason);
  interruption.interrupt(new Error("even later"));
  interruption.listen(late);

  expect([first, second, late, gone].map((listener) => listener.mock.calls.length)).toEqual([1, 1, 1, 0]);
  expect([interruption.isOver, interruption.reason]).toEqual([true, reason]);
  expect(() => interruption.throwIfOver()).toThrow(reason);
});
