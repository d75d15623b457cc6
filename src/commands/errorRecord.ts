/** How many characters of one text are kept: of a stack, and of any other text. */
const MAX_STACK = 4_000;
const MAX_TEXT = 1_000;
/** Of all texts together: the record of an error and its causes is never much longer. */
const MAX_CHARACTERS = 16_000;
/** Fields of an error's own, besides those that every error has. PostgreSQL sends 18 at most. */
const MAX_FIELDS = 30;
/**
 * How deep causes of causes go, and how many errors a record holds with its causes and the parts of an
 * AggregateError.
 */
const MAX_DEPTH = 5;
const MAX_ERRORS = 12;

/** Not repeated as own fields. `length` is that of PostgreSQL's message; `name` says no more than the type. */
const KNOWN_FIELDS = new Set(["name", "message", "stack", "code", "cause", "errors", "length"]);

type ErrorRecord = Record<string, unknown>;

/**
 * What the log tells of an error: its type, message, code and stack, its own plain values, and the same of
 * its causes. The plain values include what PostgreSQL sends beside the message: severity, detail, constraint
 * and so on. Objects are left out: libraries attach whole connections to their errors, with sockets and
 * statements. That would be half a megabyte a line, and might hold secrets.
 */
export function errorRecord(error: unknown): unknown {
  let left = MAX_CHARACTERS;
  const seen = new Set<object>();

  const plain = (value: unknown, max = MAX_TEXT): unknown => {
    if (typeof value === "bigint") return String(value);
    if (typeof value !== "string") return isScalar(value) ? value : undefined;
    const kept = value.slice(0, Math.min(max, left));
    left -= kept.length;
    return kept.length === value.length ? value : `${kept}…`;
  };

  const recordOf = (value: unknown, depth: number): unknown => {
    if (typeof value !== "object" || value === null) return plain(value);
    if (seen.has(value)) return "[told above]";
    if (seen.size === MAX_ERRORS) return "[left out]";
    seen.add(value);
    // Safe: it is an object, and each field is checked before it is used.
    const { name, message, code, stack, cause, errors } = value as Record<string, unknown>;
    const record: ErrorRecord = {
      type: plain(value.constructor?.name || name),
      message: plain(message),
      code: plain(code),
    };
    for (const [key, field] of ownFields(value)) record[key] = plain(field);
    record.stack = plain(stack, MAX_STACK);
    if (depth === MAX_DEPTH) return record;
    if (cause != null) record.cause = recordOf(cause, depth + 1);
    if (Array.isArray(errors))
      record.errors = errors.slice(0, MAX_ERRORS).map((each) => recordOf(each, depth + 1));
    return record;
  };

  return recordOf(error, 1);
}

/** The error's own plain values, without those that a getter would have to compute. */
function ownFields(value: object): [string, unknown][] {
  return Object.entries(Object.getOwnPropertyDescriptors(value))
    .filter(([key, { enumerable, value: field }]) => enumerable && isScalar(field) && !KNOWN_FIELDS.has(key))
    .slice(0, MAX_FIELDS)
    .map(([key, { value: field }]) => [key, field]);
}

function isScalar(value: unknown): boolean {
  return value === null || ["string", "number", "boolean", "bigint"].includes(typeof value);
}
