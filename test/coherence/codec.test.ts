import { deepStrictEqual } from "node:assert";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode } from "../../src/coherence/codec.ts";

describe("the codec", () => {
  it("decodes exactly the value that was encoded", () => {
    const values = [
      fc.string({ unit: "binary" }),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(undefined),
      fc.bigInt(),
      // An invalid date is not deeply equal to itself, so it has a line of its own below.
      fc.date({ noInvalidDate: true }),
    ];
    const key = fc.oneof(fc.string(), fc.constantFrom("$", "__proto__", "constructor", "toJSON"));
    const value = fc.object({ key, values, maxDepth: 4, withNullPrototype: false });
    fc.assert(
      fc.property(fc.oneof(value, fc.array(value), ...values), (original) => {
        deepStrictEqual(decode(encode(original)), original);
      }),
    );
  });

  it.each([
    [{ a: undefined }, '{"a":{"$":["undefined",""]}}'],
    [{}, "{}"],
    [-0, '{"$":["number","-0"]}'],
    [{ $: ["date", "1"] }, '{"$":["object",{"$":["date","1"]}]}'],
    [new Date(5), '{"$":["date","5"]}'],
    [new Date(Number.NaN), '{"$":["date","NaN"]}'],
  ])("encodes %j so that it cannot be mistaken for another value", (value, text) => {
    expect(encode(value)).toBe(text);
    expect(decode(text)).toStrictEqual(value);
  });

  it.each([
    [Buffer.from("x"), "a Buffer"],
    [new Map(), "a Map"],
    [() => 1, "a function"],
    [Object.create(null), "a null-prototype object"],
  ])("refuses a value that it could not decode again", (value, name) => {
    expect(() => encode({ nested: [value] })).toThrow(new TypeError(`Expected plain data, got ${name}.`));
  });
});
