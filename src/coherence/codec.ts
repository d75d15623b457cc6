/**
 * The JSON form of a value, from which exactly the same value is decoded. It covers plain objects, arrays,
 * strings, booleans, null, every number, bigint, Date, and `undefined` (an undefined property differs from a
 * missing one). A value that JSON cannot express becomes `{"$": [kind, text]}`. A plain object with a `$`
 * property of its own is wrapped, so that the two cannot be confused.
 */
type Packed = null | boolean | number | string | Packed[] | { [key: string]: Packed };

/** Encodes the answers of one kind as text, and decodes them to equal answers. */
export interface Codec {
  /** @throws TypeError for a value that it cannot encode */
  encode(value: unknown): string;
  /** Accepts only text that `encode` has made. */
  decode(text: string): unknown;
  /** About how much memory the value takes, in bytes. */
  bytesOf(value: unknown, text: string): number;
  /**
   * Present if values may be composed of parts: returns the value as one piece, which is faster to serve.
   * Undefined: the value is too long, so it stays in pieces, and in L1 only.
   */
  whole?(value: unknown): unknown;
}

/** @throws TypeError for a Buffer, a Map, a class instance or anything else that could only be stored in part */
export function encode(value: unknown): string {
  return JSON.stringify(pack(value));
}

/** Accepts only text that `encode` has made. */
export function decode(text: string): unknown {
  return unpack(JSON.parse(text) as Packed);
}

/** An estimate: an object takes a pointer for each property, and the memory that this points to. */
const bytesOf = (_: unknown, text: string) => 2 * text.length;

export const plainDataCodec: Codec = { encode, decode, bytesOf };

function pack(value: unknown): Packed {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0) ? value : special("number", numberText(value));
  }
  if (typeof value === "bigint") return special("bigint", value.toString());
  if (value === undefined) return special("undefined", "");
  if (value instanceof Date) return special("date", String(value.getTime()));
  if (Array.isArray(value)) return Array.from(value, pack);
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    const packed = mapValues(value, pack);
    return Object.hasOwn(value, "$") ? { $: ["object", packed] } : packed;
  }
  throw new TypeError(`Expected plain data, got ${describe(value)}.`);
}

function unpack(packed: Packed): unknown {
  if (packed === null || typeof packed !== "object") return packed;
  if (Array.isArray(packed)) return packed.map(unpack);
  if (!Array.isArray(packed.$)) return mapValues(packed, unpack);
  const [kind, content] = packed.$;
  switch (kind) {
    case "number":
      return Number(content);
    case "bigint":
      return BigInt(String(content));
    case "undefined":
      return undefined;
    case "date":
      return new Date(Number(content));
    default:
      // The kind is "object": `pack` writes no other kind, and its content is an object.
      return mapValues(content as { [key: string]: Packed }, unpack);
  }
}

function special(kind: string, text: string): Packed {
  return { $: [kind, text] };
}

function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** `Object.fromEntries` defines own properties, so the key `__proto__` is a key like any other. */
function mapValues<In, Out>(object: { [key: string]: In } | object, change: (value: In) => Out) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

function describe(value: unknown): string {
  return typeof value === "object"
    ? `a ${value?.constructor?.name ?? "null-prototype object"}`
    : `a ${typeof value}`;
}
