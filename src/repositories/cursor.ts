import { validationFailed } from "../errors.ts";

/**
 * Keyset cursors: the position of a row in one list, as the values that the list is sorted by. They stay
 * valid when rows come or go, even the row itself, because they say "after these values" and not "after that
 * many rows".
 */
export interface Position {
  /** The sort column's value: milliseconds since 1970 for times, the text itself for texts. */
  readonly sortKey: number | string;
  /** Breaks ties, so that equal sort keys have one order. */
  readonly id: string;
}

/** A file's path of 1,024 control characters, which JSON writes as 6 bytes each, twice, in base64, with some room. */
const MAX_LENGTH = 16_640;

/** @param list the list that the position is in; a cursor is refused in any other */
export function encodeCursor(list: string, { sortKey, id }: Position): string {
  return Buffer.from(JSON.stringify([list, sortKey, id])).toString("base64url");
}

/**
 * @param argument the argument's name, for the error
 * @throws AppError `VALIDATION_FAILED` for anything that `encodeCursor` did not make for this list
 */
export function decodeCursor(list: string, cursor: string, argument: "after" | "before"): Position {
  const refuse = (message: string, cause?: unknown) =>
    validationFailed([{ path: [argument], message }], cause);
  if (cursor.length > MAX_LENGTH) throw refuse("expected a cursor of this list, got one that is too long");

  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch (error) {
    throw refuse("expected a cursor that this list gave out, got something else", error);
  }
  if (!Array.isArray(parts) || parts.length !== 3) {
    throw refuse("expected a cursor that this list gave out, got something else");
  }
  const [cursorList, sortKey, id] = parts as unknown[];
  if (cursorList !== list) {
    throw refuse("expected a cursor of this list with the same order and filter, got one of another list");
  }
  if (!isSortKey(sortKey) || typeof id !== "string" || id.includes("\0")) {
    throw refuse("expected a cursor that this list gave out, got one that was changed");
  }
  // Base64 and JSON can spell one value in many ways. Only the spelling of `encodeCursor` is accepted.
  if (encodeCursor(list, { sortKey, id }) !== cursor) {
    throw refuse("expected a cursor that this list gave out, got one that was changed");
  }
  return { sortKey, id };
}

/** 9999-12-31T23:59:59.999Z: PostgreSQL takes it, and an ISO text of it needs no sign. */
const LAST_TIME = 253_402_300_799_999;

/** Times and texts that PostgreSQL accepts. One that it refused would be an internal error. */
function isSortKey(value: unknown): value is number | string {
  if (typeof value === "string") return value.length <= 2_048 && !value.includes("\0");
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= LAST_TIME;
}
