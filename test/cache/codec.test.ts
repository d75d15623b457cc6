import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonCodec } from "../../src/cache/codec.ts";

const roundTrip = (value: unknown) => jsonCodec.decode(jsonCodec.encode(value));

const key = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "$date",
    "$$date",
    "$bigint",
    "$number",
    "$undefined",
    "$bytes",
    "$",
    "__proto__",
    "toJSON",
  ),
);
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "grapheme" }),
      fc.constantFrom('{"$date":1}', ',"$', "$date"),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.date({ noInvalidDate: false }),
      fc.bigInt(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    ),
    fc.array(fc.oneof(tie("value"), fc.constant(undefined))),
    // Entries, because an object literal cannot have "__proto__" as a key of its own.
    fc.array(fc.tuple(key, tie("value"))).map((entries) => Object.fromEntries(entries)),
  ),
}));

describe("the cache's codec", () => {
  test("decodes exactly the value that was encoded", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(roundTrip(value)).toStrictEqual(value);
      }),
      { numRuns: 2_000 },
    );
  });

  test("writes plain values as plain JSON", () => {
    const value = { id: "a", tags: ["x", "$y"], nested: { n: 1.5, ok: true, none: null } };
    expect(jsonCodec.encode(value)).toBe(JSON.stringify(value));
  });

  test("does not change its argument", () => {
    const value = Object.freeze({ at: new Date(0), list: Object.freeze([undefined, 1n]), $own: 1 });
    expect(jsonCodec.encode(value)).toBe(
      '{"at":{"$date":0},"list":[{"$undefined":true},{"$bigint":"1"}],"$$own":1}',
    );
    expect(value).toEqual({ at: new Date(0), list: [undefined, 1n], $own: 1 });
  });

  test("leaves out properties that are undefined, and decodes objects without a prototype as ordinary ones", () => {
    expect(Object.keys(roundTrip({ a: undefined, b: 1 }) as object)).toEqual(["b"]);
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).toStrictEqual({ a: 1 });
    expect(roundTrip(new Uint8Array([1, 2]))).toStrictEqual(Buffer.from([1, 2]));
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);
  test.each([
    ["undefined", undefined],
    ["a function", { f: () => 1 }],
    ["a symbol", [Symbol("s")]],
    ["a symbol as a key", { [Symbol("s")]: 1 }],
    ["a Map", new Map()],
    ["an instance of a class", new (class Money {})()],
    ["a cycle", cycle],
  ])("refuses %s, which would not decode to an equal value", (_name, value) => {
    expect(() => jsonCodec.encode(value)).toThrow(expect.objectContaining({ code: "CACHE_VALUE_INVALID" }));
  });

  test.each(["", "{", '{"$unknown":1}', '{"$date":"x"}'])("refuses to read %j", (text) => {
    expect(() => jsonCodec.decode(text)).toThrow(SyntaxError);
  });
});
