import { rowTag } from "../coherence/tags.ts";
import type {
  AnswerInput,
  ComposedSources,
  ComposedType,
  ConstantMember,
  DocumentMember,
  NamedRowMember,
  ObjectMember,
  ObjectShape,
  RowMember,
  ValueMember,
} from "./answerShape.ts";
import { createPageWriter } from "./composedPage.ts";
import {
  columnsOf,
  concat,
  expression,
  literal,
  MISSING_MARK,
  objectOf,
  type Piece,
  quoted,
  tagPieces,
} from "./composedText.ts";
import { selectListOf } from "./jsonRows.ts";
import { whereSql } from "./pageStatement.ts";

/** What a parameter is for one request. */
type Value = (input: AnswerInput) => unknown;

export interface ComposedStatement {
  /** Its one row has one column, `answer`. */
  readonly text: string;
  readonly valuesFor: (input: AnswerInput) => unknown[];
}

/** What a statement is put together with. */
export interface StatementWriter {
  readonly sources: ComposedSources;
  /** @returns the parameter's name */
  bind(value: Value): string;
  /** @returns a name for a row, which no other has */
  nextRow(): string;
  /** @param row the object's own row */
  object(members: ObjectShape, row: string): Piece[];
}

/**
 * Each object is a `concat` of its members' texts; a row in it is a subquery, a page one with `string_agg`. The texts are those that
 * `JSON.stringify` writes, letter for letter.
 *
 * @param input any for which the statement is: of the same `variantOf` (src/repositories/composedAnswer.ts)
 */
export function composedStatement(
  sources: ComposedSources,
  shape: ObjectShape,
  input: AnswerInput,
): ComposedStatement {
  const values: Value[] = [];
  let rows = 0;
  const writer: StatementWriter = {
    sources,
    bind: (value) => `$${values.push(value)}`,
    nextRow: () => `"row${++rows}"`,
    object: (members, row) => objectOf(members, (member) => memberPieces(member, row)),
  };
  const pagePieces = createPageWriter(writer, input);

  function memberPieces(member: Exclude<ObjectMember, ConstantMember>, row: string | undefined): Piece[] {
    switch (member.kind) {
      case "value":
        return valuePieces(member, row!);
      case "document":
        return documentPieces(member, row!);
      case "row":
        return rowPieces(member, row!);
      case "namedRow":
        return namedRowPieces(member);
      case "page":
        return pagePieces(member, row);
    }
  }

  function rowPieces({ column, type, shape }: RowMember, parent: string): Piece[] {
    const key = `${parent}."${column}"`;
    const found = `coalesce((${rowSql(type, shape, key)}), ${quoted(MISSING_MARK)})`;
    return [...tagPieces(rowTag(type, ""), key), expression(found)];
  }

  function namedRowPieces({ type, shape, index }: NamedRowMember): Piece[] {
    const key = `${writer.bind(({ named }) => named[index]!.id)}::uuid`;
    return [expression(`coalesce((${rowSql(type, shape, key)}), 'null')`)];
  }

  /** The text of a row, if it is there for whoever asks. */
  function rowSql(type: ComposedType, shape: ObjectShape, key: string): string {
    const source = sources[type];
    const row = writer.nextRow();
    const conditions = [`"${source.key.column}" = ${key}`];
    if (input.access.to === "owned") {
      const owner = writer.bind(({ access }) => access.to === "owned" && access.userId);
      conditions.push(`"${type === "User" ? "id" : "user_id"}" = ${owner}::uuid`);
    }
    const columns = selectListOf(columnsOf(source, shape));
    const found = `SELECT ${columns} FROM "${source.table}"${whereSql(conditions)}`;
    return `SELECT ${concat(writer.object(shape, row))} FROM (${found}) AS ${row}`;
  }

  const text = `SELECT ${concat(objectOf(shape, (member) => memberPieces(member, undefined)))} AS "answer"`;
  return { text, valuesFor: (input) => values.map((value) => value(input)) };
}

function valuePieces({ column, form, isNullable, prefix = "" }: ValueMember, row: string): Piece[] {
  const value = `${row}."${column}"`;
  const pieces: Record<ValueMember["form"], readonly Piece[]> = {
    bare: [expression(value)],
    text: [expression(`to_json(${value})`)],
    word: [literal(`"${prefix}`), expression(value), literal('"')],
    time: [literal('"'), expression(`to_char(${value} AT TIME ZONE 'UTC', '${TIME_FORMAT}')`), literal('"')],
  };
  return isNullable ? [orNull(value, pieces[form])] : [...pieces[form]];
}

function documentPieces({ column, isNullable, parts }: DocumentMember, row: string): Piece[] {
  const document = `${row}."${column}"`;
  const pieces = objectOf(parts, (part) => {
    switch (part.kind) {
      case "text":
        return [expression(`coalesce((${document}->'${part.property}')::text, 'null')`)];
      case "texts": {
        const texts = `jsonb_array_elements(${document}->'${part.property}') WITH ORDINALITY AS "texts"("text", "place")`;
        const joined = `SELECT string_agg("text"::text, ',' ORDER BY "place") FROM ${texts}`;
        return [literal("["), expression(`(${joined})`), literal("]")];
      }
    }
  });
  return isNullable ? [orNull(document, pieces)] : pieces;
}

const orNull = (value: string, pieces: readonly Piece[]): Piece =>
  expression(`CASE WHEN ${value} IS NULL THEN 'null' ELSE ${concat(pieces)} END`);

const TIME_FORMAT = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';
