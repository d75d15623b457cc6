import type { ConstantMember, Named, ObjectShape } from "./answerShape.ts";
import type { Column } from "./jsonRows.ts";
import type { ListSource } from "./pageStatement.ts";

/** Helpers for SQL that writes the texts of answers. */

/**
 * Encloses a tag that the answer depends on, in the middle of its text. JSON never contains this character
 * unescaped.
 */
export const TAG_MARK = "\u0001";
/** Stands for a row that does not exist. */
export const MISSING_MARK = "\u0002";
/** Encloses what identifies a part of the answer: either one that belongs there, or the text that follows. */
export const PART_MARK = "\u0003";

/** A piece of the answer's text: either literal, or the SQL expression that gives it. */
export type Piece = { readonly literal: string } | { readonly sql: string };
export const literal = (text: string): Piece => ({ literal: text });
export const expression = (sql: string): Piece => ({ sql });

/** PostgreSQL's functions take at most 100 arguments. */
const MAX_ARGUMENTS = 90;

/**
 * A text as an SQL literal. Control characters are escaped, so that the statement can be shown, for example
 * in the list of slow ones.
 */
export const quoted = (text: string): string =>
  `E'${text
    .replaceAll("\\", "\\\\")
    .replaceAll("'", "\\'")
    .replaceAll(TAG_MARK, "\\x01")
    .replaceAll(MISSING_MARK, "\\x02")
    .replaceAll(PART_MARK, "\\x03")}'`;

/** One text of all pieces. `concat` writes nothing for NULL, which is right only for pages without rows. */
export function concat(pieces: readonly Piece[]): string {
  const args: string[] = [];
  let text = "";
  const flush = () => {
    if (text !== "") args.push(quoted(text));
    text = "";
  };
  for (const piece of pieces) {
    if ("literal" in piece) text += piece.literal;
    else {
      flush();
      args.push(piece.sql);
    }
  }
  flush();
  const calls: string[] = [];
  for (let start = 0; start < args.length; start += MAX_ARGUMENTS)
    calls.push(`concat(${args.slice(start, start + MAX_ARGUMENTS).join(", ")})`);
  return calls.join(" || ");
}

/** `{"key":…,"key":…}` */
export function objectOf<Part extends Named>(
  parts: readonly (Part | ConstantMember)[],
  piecesOf: (part: Part) => readonly Piece[],
): Piece[] {
  const pieces = parts.flatMap((part, index) => [
    literal(`${index === 0 ? "" : ","}"${part.key}":`),
    ...(isConstant(part) ? [literal(part.json)] : piecesOf(part)),
  ]);
  return [literal("{"), ...pieces, literal("}")];
}

const isConstant = (part: Named): part is ConstantMember => "json" in part;

const betweenMarks =
  (mark: string) =>
  (prefix: string, key: string): Piece[] => [literal(`${mark}${prefix}`), expression(key), literal(mark)];

export const tagPieces = betweenMarks(TAG_MARK);
export const partMarkPieces = betweenMarks(PART_MARK);

/** Splits a text into several, each under the key that is between the marks in front of it. */
export function textsByMark(text: string | null): Map<string, string> {
  const pieces = text?.split(PART_MARK) ?? [];
  const texts = new Map<string, string>();
  for (let index = 1; index < pieces.length; index += 2) texts.set(pieces[index]!, pieces[index + 1]!);
  return texts;
}

/** A PostgreSQL array: `pg` would quote each of these words. */
export const arrayOf = (words: readonly string[]): string => `{${words.join()}}`;

/** The columns that the texts of a row are made of, its key, and the column that it is sorted by. */
export function columnsOf(source: ListSource, shape: ObjectShape, sortedBy?: string): readonly Column[] {
  const names = new Set(["id", sortedBy]);
  for (const member of shape) if ("column" in member) names.add(member.column);
  return source.columns.filter(({ name }) => names.has(name));
}
