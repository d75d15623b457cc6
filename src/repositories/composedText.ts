import type { ConstantMember, Named, ObjectShape } from "./answerShape.ts";
import type { Column } from "./jsonRows.ts";
import type { ListSource } from "./pageStatement.ts";

/** What texts of answers are written with in SQL. */

/** Around what an answer depends on, in the midst of its text. JSON has it in no other place: there it would be escaped. */
export const TAG_MARK = "\u0001";
/** In the place of a row that is not there. */
export const MISSING_MARK = "\u0002";
/** Around what says which part of the answer comes there, or is the text that follows. */
export const PART_MARK = "\u0003";

/** A piece of the answer's text, as it is or as the expression that gives it. */
export type Piece = { readonly literal: string } | { readonly sql: string };
export const literal = (text: string): Piece => ({ literal: text });
export const expression = (sql: string): Piece => ({ sql });

/** PostgreSQL's functions take 100 arguments. */
const MAX_ARGUMENTS = 90;

/** A text in SQL. Whoever reads the statement, in a list of slow ones say, sees no control characters. */
export const quoted = (text: string): string =>
  `E'${text
    .replaceAll("\\", "\\\\")
    .replaceAll("'", "\\'")
    .replaceAll(TAG_MARK, "\\x01")
    .replaceAll(MISSING_MARK, "\\x02")
    .replaceAll(PART_MARK, "\\x03")}'`;

/** One text of all pieces. `concat` writes nothing for NULL, which is right for pages without rows alone. */
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

/** The texts in one, each by what is between the marks in front of it. */
export function textsByMark(text: string | null): Map<string, string> {
  const pieces = text?.split(PART_MARK) ?? [];
  const texts = new Map<string, string>();
  for (let index = 1; index < pieces.length; index += 2) texts.set(pieces[index]!, pieces[index + 1]!);
  return texts;
}

/** As PostgreSQL writes an array: `pg` would quote each of these words. */
export const arrayOf = (words: readonly string[]): string => `{${words.join()}}`;

/** What the texts of a row are made of, its key, and what it is sorted by. */
export function columnsOf(source: ListSource, shape: ObjectShape, sortedBy?: string): readonly Column[] {
  const names = new Set(["id", sortedBy]);
  for (const member of shape) if ("column" in member) names.add(member.column);
  return source.columns.filter(({ name }) => names.has(name));
}
