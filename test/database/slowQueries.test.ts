import { expect, test } from "vitest";
import { createSlowQueries } from "../../src/database/slowQueries.ts";

test("statements that differ only in their values are one entry, with count, mean and maximum", () => {
  const slow = createSlowQueries();
  slow.add("SELECT * FROM a WHERE b = 'one'", 300);
  slow.add("SELECT  * FROM a\n WHERE b = 'two'", 500);
  slow.add("SELECT 1", 900);

  expect(slow.read()).toMatchObject([
    { text: "SELECT ?", count: 1, meanMs: 900, maxMs: 900 },
    { text: "SELECT * FROM a WHERE b = ?", count: 2, meanMs: 400, maxMs: 500 },
  ]);
  expect(slow.total()).toBe(3);
  expect(slow.source(slow.read()[1]!.id)).toBe("SELECT  * FROM a\n WHERE b = 'two'");
  expect(slow.source("another")).toBeUndefined();
});

test("the statement that was slow longest ago makes room for a new one", () => {
  const slow = createSlowQueries({ maxTexts: 2 });
  for (const name of ["a", "b", "a", "c"]) slow.add(`SELECT ${name}`, 1);

  expect(slow.read().map(({ text }) => text)).toEqual(["SELECT a", "SELECT c"]);
  expect(slow.total()).toBe(4);
});

test("an extremely long statement is counted, but its source is not kept", () => {
  const slow = createSlowQueries();
  slow.add(`SELECT ${"a".repeat(70_000)}`, 1);

  const [row] = slow.read();
  expect(row!.text).toHaveLength(4_001);
  expect(slow.source(row!.id)).toBeUndefined();
});
