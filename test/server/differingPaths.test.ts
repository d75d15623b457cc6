import { expect, it } from "vitest";
import { differingPaths } from "../../src/server/differingPaths.ts";

it("equal values have no differing paths, whatever the order of their keys", () => {
  expect(differingPaths({ a: [1, { b: null }], c: "x" }, { c: "x", a: [1, { b: null }] }, 9)).toEqual([]);
});

it("differences are reported by their paths, without the values", () => {
  const one = { data: { users: [{ name: "a", age: 1 }, { name: "b" }], total: 2, gone: null } };
  const other = { data: { users: [{ name: "x", age: 1 }], total: null } };
  expect(differingPaths(one, other, 9)).toEqual([
    "data.users.0.name",
    "data.users.1",
    "data.total",
    "data.gone",
  ]);
  expect(differingPaths(one, other, 2)).toEqual(["data.users.0.name", "data.users.1"]);
});

it("a list differs from an object, and null from both", () => {
  expect(differingPaths({ a: [], b: {} }, { a: {}, b: null }, 9)).toEqual(["a", "b"]);
  expect(differingPaths("one", "other", 9)).toEqual([""]);
});
