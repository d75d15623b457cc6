import { describe, expect, test } from "vitest";
import { normalizeStatement, verbOf } from "../../src/database/statementText.ts";

describe("a statement's text", () => {
  test.each([
    ["SELECT * FROM users WHERE id = $1", "SELECT * FROM users WHERE id = $1"],
    ["SELECT 'secret', 42, 4.5e3 FROM t2", "SELECT ?, … FROM t2"],
    ["SELECT 'it''s', E'a\\'b' || $tag$x 'y'$tag$", "SELECT ?, … || ?"],
    ['SELECT "it 42" FROM "T"', 'SELECT "it 42" FROM "T"'],
    ["SELECT 1 -- the password is x\n  + 2", "SELECT ? + ?"],
    ["SELECT /* 'x' */ a\n\t FROM b", "SELECT a FROM b"],
    ["x IN ($1,$2, $3)", "x IN ($1, …)"],
    ["x IN ($1,$2, $3, $4)", "x IN ($1, …)"],
    ["VALUES ($1,$2),($3,$4), ($5, $6)", "VALUES ($1, …), …"],
    ["VALUES (1,'a'),(2,'b')", "VALUES (?, …), …"],
  ])("%j is kept as %j", (text, normalized) => {
    expect(normalizeStatement(text)).toBe(normalized);
  });

  test("is cut off when it is long", () => {
    expect(normalizeStatement(`SELECT ${"a ".repeat(5_000)}`)).toHaveLength(4_001);
  });

  test.each([
    ["  select 1", "SELECT"],
    ["(WITH x AS (SELECT) SELECT)", "WITH"],
    ["BEGIN; SET LOCAL a = 'b'", "BEGIN"],
    ["", "STATEMENT"],
  ])("%j begins with %s", (text, verb) => {
    expect(verbOf(text)).toBe(verb);
  });
});
