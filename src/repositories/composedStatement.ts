import { rowTag } from "../coherence/tags.ts";
import { OWNED } from "./access.ts";
import type { AnswerPart } from "./answerParts.ts";
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
  arrayOf,
  columnsOf,
  concat,
  expression,
  literal,
  MISSING_MARK,
  objectOf,
  type Piece,
  partMarkPieces,
  quoted,
  tagPieces,
} from "./composedText.ts";
import { selectListOf } from "./jsonRows.ts";
import { whereSql } from "./pageStatement.ts";

/** Gives a parameter's value for one request. */
type Value = (input: AnswerInput) => unknown;

export interface ComposedStatement {
  /** The statement returns one row with one column, `answer`. */
  readonly text: string;
  readonly valuesFor: (input: AnswerInput) => unknown[];
}

/** What the writers of a statement's parts share. */
export interface StatementWriter {
  readonly sources: ComposedSources;
  /** @returns the parameter's name in SQL */
  bind(value: Value): string;
  /** @returns an alias for a row that no other row has */
  nextRow(): string;
  /** Pieces that note in the text that the answer depends on the tag; none where tags are not wanted. */
  tag(prefix: string, key: string): Piece[];
  /** @param row the alias of the object's own row */
  object(members: ObjectShape, row: string): Piece[];
  /**
   * Whether objects of this shape are left out. In their place is the row's id, and the row's tag belongs to
   * the part.
   */
  isPart(shape: ObjectShape): boolean;
}

/**
 * Writes the statement for a whole answer. Each object is a `concat` of its members' texts. A row within it
 * is a subquery, and a page is a subquery with `string_agg`. The texts equal those of `JSON.stringify`,
 * character for character.
 *
 * @param input any input that the statement is for: one of the same `variantOf`
 *   (src/repositories/composedAnswer.ts)
 * @param parts what is left out of the text
 */
export function composedStatement(
  sources: ComposedSources,
  shape: ObjectShape,
  input: AnswerInput,
  parts: readonly AnswerPart[] = [],
): ComposedStatement {
  const { memberPieces, finish } = createWriter(sources, input, parts);
  return finish(concat(objectOf(shape, (member) => memberPieces(member, undefined))));
}

/**
 * Writes the statement for a part's texts, for those of the input's rows that exist. The texts come in no
 * particular order, each after its row's id, which is between marks.
 */
export function partStatement(
  sources: ComposedSources,
  { type, shape }: AnswerPart,
  input: AnswerInput,
): ComposedStatement {
  const { writer, rowTextsSql, finish } = createWriter(sources, input, []);
  const ids = writer.bind(({ ids }) => arrayOf(ids));
  const texts = rowTextsSql(type, shape, `= ANY(${ids}::uuid[])`, (row, text) => [
    ...partMarkPieces("", `${row}."id"`),
    ...writer.tag(rowTag(type, ""), `${row}."id"`),
    ...text,
  ]);
  return finish(`(SELECT string_agg("text", '') FROM (${texts}) AS "texts"("text"))`);
}

/**
 * Writes the statement for the texts of rows without lists. Each text comes after the position that it was
 * asked for at, which is between marks. $1: the rows' ids. $2: for each row, the user who must own it; null:
 * anybody.
 */
export function rowStatement(sources: ComposedSources, type: ComposedType, shape: ObjectShape): string {
  const { rowTextsSql, finish } = createWriter(
    sources,
    NO_LISTS,
    [],
    (type) => `("asked"."owner" IS NULL OR ${OWNED[type].replace("?", `"asked"."owner"`)})`,
  );
  const texts = rowTextsSql(type, shape, `= "asked"."id"`, (_, text) => [
    ...partMarkPieces("", `"asked"."place"`),
    ...text,
  ]);
  const asked = `unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS "asked"("id", "owner", "place")`;
  return finish(`(SELECT string_agg("text", '') FROM ${asked}, LATERAL (${texts}) AS "texts"("text"))`).text;
}

const NO_LISTS: AnswerInput = { pages: [], named: [], ids: [], access: { to: "everything" }, hasTags: true };

function createWriter(
  sources: ComposedSources,
  input: AnswerInput,
  parts: readonly AnswerPart[],
  /** SQL for whether the requester may see a row of the type; undefined: `input.access` decides. */
  visibleSql?: (type: ComposedType) => string,
) {
  const values: Value[] = [];
  let rows = 0;
  const placeOf = new Map(parts.map(({ shape }, index) => [shape, index]));
  const writer: StatementWriter = {
    sources,
    bind: (value) => `$${values.push(value)}`,
    nextRow: () => `"row${++rows}"`,
    tag: (prefix, key) => (input.hasTags ? tagPieces(prefix, key) : []),
    isPart: (shape) => placeOf.has(shape),
    object: (members, row) => {
      const place = placeOf.get(members);
      if (place === undefined) return objectOf(members, (member) => memberPieces(member, row));
      return partMarkPieces(`${place}:`, `${row}."id"`);
    },
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
    return [...writer.tag(rowTag(type, ""), key), expression(found)];
  }

  function namedRowPieces({ type, shape, index }: NamedRowMember): Piece[] {
    const key = `${writer.bind(({ named }) => named[index]!.id)}::uuid`;
    return [expression(`coalesce((${rowSql(type, shape, key)}), 'null')`)];
  }

  const rowSql = (type: ComposedType, shape: ObjectShape, key: string) =>
    rowTextsSql(type, shape, `= ${key}`, (_, text) => text);

  /** SQL for the texts of the rows with such a key that the requester may see. */
  function rowTextsSql(
    type: ComposedType,
    shape: ObjectShape,
    hasKey: string,
    textOf: (row: string, object: readonly Piece[]) => readonly Piece[],
  ): string {
    const source = sources[type];
    const row = writer.nextRow();
    const conditions = [`"${source.key.column}" ${hasKey}`];
    if (visibleSql !== undefined) conditions.push(visibleSql(type));
    else if (input.access.to === "owned") {
      const owner = writer.bind(({ access }) => access.to === "owned" && access.userId);
      conditions.push(OWNED[type].replace("?", owner));
    }
    const columns = selectListOf(columnsOf(source, shape));
    const found = `SELECT ${columns} FROM "${source.table}"${whereSql(conditions)}`;
    return `SELECT ${concat(textOf(row, writer.object(shape, row)))} FROM (${found}) AS ${row}`;
  }

  const finish = (answer: string): ComposedStatement => ({
    text: `SELECT ${answer} AS "answer"`,
    valuesFor: (input) => values.map((value) => value(input)),
  });
  return { writer, memberPieces, rowTextsSql, finish };
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
        // The list may be JSON's null, which has no elements to read, instead of being absent.
        const list = `nullif(${document}->'${part.property}', 'null')`;
        const texts = `jsonb_array_elements(${list}) WITH ORDINALITY AS "texts"("text", "place")`;
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
