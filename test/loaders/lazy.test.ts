import { expect, test } from "vitest";
import { createLazy } from "../../src/loaders/lazy.ts";

test("a value is made when it is first asked for, and once, for each object", () => {
  const lazily = createLazy();
  const made: string[] = [];
  const make = (owner: string) =>
    lazily({
      a: () => {
        made.push(`${owner}.a`);
        return { owner };
      },
      b: () => {
        made.push(`${owner}.b`);
        return 1;
      },
    });
  const [first, second] = [make("first"), make("second")];
  expect(made).toEqual([]);
  expect(first.a).toBe(first.a);
  expect([first.a.owner, second.a.owner]).toEqual(["first", "second"]);
  expect(second.b).toBe(1);
  expect(made).toEqual(["first.a", "second.a", "second.b"]);
});
