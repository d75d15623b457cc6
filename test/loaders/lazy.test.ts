import { expect, test } from "vitest";
import { createLazy } from "../../src/loaders/lazy.ts";

test("each object's value is made once, when it is first read", () => {
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
