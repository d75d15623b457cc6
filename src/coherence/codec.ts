/**
 * Text for values, and exactly the same values back: JSON with what JSON loses. Plain objects,
 * arrays, strings, booleans, null, every number, bigint, Date, and `undefined` (as a property it
 * is not the same as a missing one). What JSON has no form for becomes `{"$": [kind, text]}`, and
 * a plain object that has a `$` of its own is wrapped, so that the two cannot be confused.
 */
type Packed = null | boolean | number | string | Packed[] | { [key: string]: Packed };

/** Text for the answers of one kind, and the same answers back. */
export interface Codec {
  /** @throws TypeError for what it has no text for */
  encode(value: unknown): string;
  /** Only for what `encode` has made. */
  decode(text: string): unknown;
  /** About how much memory the value takes, in bytes. */
  bytesOf(value: unknown, text: string): number;
  /**
   * Where a value that was put together of parts is given faster in one piece: that. Undefined: it is too long, so it stays in pieces, and in this
   * process.
   */
  whole?(value: unknown): unknown;
}

/** @throws TypeError for anything else (a Buffer, a Map, a class instance): storing half of it would be wrong */
export function encode(value: unknown): string {
  return JSON.stringify(pack(value));
}

/** Only for what `encode` has made. */
export function decode(text: string): unknown {
  return unpack(JSON.parse(text) as Packed);
}

/** Objects have a pointer for each property, and what it leads to. */
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
      // "object": `pack` wraps nothing else, and what it wraps is an object.
      return mapValues(content as { [key: string]: Packed }, unpack);
  }
}

function special(kind: string, text: string): Packed {
  return { $: [kind, text] };
}

function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** `Object.fromEntries` defines properties, so a key `__proto__` is a key like any other. */
function mapValues<In, Out>(object: { [key: string]: In } | object, change: (value: In) => Out) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

function describe(value: unknown): string {
  return typeof value === "object"
    ? `a ${value?.constructor?.name ?? "null-prototype object"}`
    : `a ${typeof value}`;
}
