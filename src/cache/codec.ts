import { CacheError } from "./errors.ts";

/** Turns values into text and back. `decode(encode(value))` equals `value`. */
export interface Codec {
  /** @throws CacheError CACHE_VALUE_INVALID when the value would not decode to an equal one */
  encode(value: unknown): string;
  /** @throws SyntaxError when the text is not what `encode` writes */
  decode(text: string): unknown;
}

/**
 * JSON, extended so that a value either decodes to an equal value or is refused:
 *
 * - null, booleans, strings, finite numbers, arrays, plain objects: as in JSON;
 * - Date, bigint, -0, NaN, the infinities, Uint8Array and undefined in an array become an object with
 *   one key: `{"$date":…}`, `{"$bigint":…}`, `{"$number":…}`, `{"$bytes":…}`, `{"$undefined":true}`;
 * - a key of the value's own that begins with "$" gets one more "$", so tags cannot be forged;
 * - a property that is undefined is left out: reading it gives undefined all the same;
 * - a Uint8Array of any subclass decodes to a Buffer; holes in an array decode to undefined;
 * - refused: undefined itself (it would read as a miss), functions, symbols, symbol keys,
 *   instances of any other class, and nesting deeper than 200 levels, which includes cycles.
 *
 * A value without any of these extensions uses native JSON in both directions. To find that out, encoding
 * walks the value first, and decoding searches the text for a key that begins with "$".
 */
export const jsonCodec: Codec = {
  encode(value) {
    if (value === undefined) throw refuse("undefined, which is what a miss reads as");
    return JSON.stringify(toJson(value, 0));
  },
  decode(text) {
    // A text without a tag needs no second walk.
    const value: unknown = JSON.parse(text);
    return text.includes('{"$') || text.includes(',"$') ? fromJson(value) : value;
  },
};

const MAX_DEPTH = 200;

/** Returns the value itself if JSON can express it, else a converted copy. Unchanged parts are not copied. */
function toJson(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return { $number: Object.is(value, -0) ? "-0" : String(value) };
    case "bigint":
      return { $bigint: String(value) };
    case "undefined":
      return { $undefined: true };
    case "object":
      break;
    default:
      throw refuse(`a ${typeof value}`);
  }
  if (value === null) return null;
  if (depth >= MAX_DEPTH) throw refuse(`a value nested deeper than ${MAX_DEPTH} levels, or in itself`);
  if (Array.isArray(value)) return arrayToJson(value, depth + 1);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return objectToJson(value, depth + 1);
  if (value instanceof Date) {
    const time = value.getTime();
    return { $date: Number.isNaN(time) ? null : time };
  }
  if (value instanceof Uint8Array) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  throw refuse(`an instance of ${value.constructor?.name || "a class"}`);
}

function arrayToJson(value: readonly unknown[], depth: number): unknown {
  let copy: unknown[] | undefined;
  for (let index = 0; index < value.length; index++) {
    const before = value[index];
    const after = toJson(before, depth);
    if (copy === undefined && after !== before) copy = value.slice(0, index);
    copy?.push(after);
  }
  return copy ?? value;
}

function objectToJson(value: object, depth: number): unknown {
  if (Object.getOwnPropertySymbols(value).length > 0) throw refuse("an object with a symbol as a key");
  const entries: [string, unknown][] = [];
  let isSame = true;
  for (const [key, before] of Object.entries(value)) {
    if (before === undefined) continue;
    const after = toJson(before, depth);
    const name = key.startsWith("$") ? `$${key}` : key;
    isSame &&= after === before && name === key;
    entries.push([name, after]);
  }
  // Defines own properties, so a key "__proto__" stays a key.
  return isSame ? value : Object.fromEntries(entries);
}

/**
 * Replaces tagged objects by the values they stand for; arrays are changed in place. Not a reviver for
 * JSON.parse: one that returns undefined leaves a hole.
 */
function fromJson(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = fromJson(value[index]);
    return value;
  }
  const entries: [string, unknown][] = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0].startsWith("$") && !first[0].startsWith("$$"))
    return untag(...first);
  // Defines own properties, so a key "__proto__" stays a key.
  return Object.fromEntries(
    entries.map(([key, each]) => [key.startsWith("$") ? key.slice(1) : key, fromJson(each)]),
  );
}

function untag(tag: string, value: unknown): unknown {
  switch (tag) {
    case "$date":
      if (value === null) return new Date(Number.NaN);
      if (typeof value === "number") return new Date(value);
      break;
    case "$bigint":
      if (typeof value === "string") return BigInt(value);
      break;
    case "$number":
      if (typeof value === "string") return Number(value);
      break;
    case "$bytes":
      if (typeof value === "string") return Buffer.from(value, "base64");
      break;
    case "$undefined":
      return undefined;
  }
  throw new SyntaxError(`"${tag}" is not a tag of this codec.`);
}

function refuse(what: string): CacheError {
  return new CacheError("CACHE_VALUE_INVALID", `The cache cannot hold ${what}.`);
}
