import { type EntityType, rowTag } from "../coherence/tags.ts";
import type { Query } from "../database/database.ts";
import type { Access } from "./access.ts";
import type { Column } from "./jsonRows.ts";
import type { ListRequest } from "./page.ts";
import { pagePlan } from "./page.ts";
import { type ListSource, rowsSql } from "./pageStatement.ts";

/**
 * A whole answer in one statement: PostgreSQL writes the JSON that is sent, rows within rows.
 *
 * Of a list's list's list, Node would otherwise make a thousand objects out of texts and one text out of the objects again, which
 * takes it ten times as long as all the rest of the request.
 */

/** What is answered of one row, or of nothing: the answer as a whole. */
export type ObjectShape = readonly Member[];

/** A name in an object, and what it is answered with. */
export type Member = { readonly key: string } & (
  | { readonly kind: "constant"; readonly json: string }
  | ValueMember
  /** The row that a column is the key of. There has to be one. */
  | { readonly kind: "row"; readonly column: string; readonly type: ComposedType; readonly shape: ObjectShape }
  | PageMember
);

interface ValueMember {
  readonly kind: "value";
  /** The row's property. */
  readonly column: string;
  readonly form: ValueForm;
  readonly isNullable: boolean;
  /** Of a word: what comes before it. */
  readonly prefix?: string;
}

/** A page of a list: of the rows that a column of this row is named by, or of a whole type. */
export interface PageMember {
  readonly kind: "page";
  readonly type: ComposedType;
  /** Which of the request's pages it is. */
  readonly index: number;
  readonly parts: readonly PagePart[];
}

export type PagePart = { readonly key: string } & (
  | { readonly kind: "constant"; readonly json: string }
  | { readonly kind: "nodes"; readonly shape: ObjectShape }
);

/** How a column is written: as it is, between quotes as it is, as a text whose letters may need to be escaped, or as a time. */
export type ValueForm = "bare" | "word" | "text" | "time";

/** The types whose rows answers are composed of. */
export type ComposedType = Extract<EntityType, "User" | "Project" | "ConversionJob">;
export type ComposedSources = Readonly<Record<ComposedType, ListSource>>;

/** In a list that is asked for, the place of its parent's id: which one it is, the statement finds out for each. */
export const EACH_PARENT = "each parent";

export interface ComposedRequest {
  readonly shape: ObjectShape;
  /** By the pages' indexes. */
  readonly pages: readonly (ListRequest & { readonly want: "page" })[];
  readonly access: Access;
}

export interface ComposedAnswer {
  readonly text: string;
  /** What it depends on. */
  readonly tags: readonly string[];
}

/** Around what an answer depends on, in the midst of its text. JSON has it in no other place: it would be escaped. */
const TAG_MARK = "\u0001";
/** In the place of a row that is not there. */
const MISSING_MARK = "\u0002";

/** PostgreSQL's functions take 100 arguments. */
const MAX_ARGUMENTS = 90;

/** A piece of text, or an expression that gives one. */
type Piece = { readonly literal: string } | { readonly sql: string };
const literal = (text: string): Piece => ({ literal: text });
const expression = (sql: string): Piece => ({ sql });

export type ComposedAnswers = ReturnType<typeof createComposedAnswers>;

export function createComposedAnswers(query: Query, sources: ComposedSources) {
  return {
    /**
     * @returns undefined: not all of it can be answered, a row is not there or a page's arguments are wrong
     */
    async load(request: ComposedRequest): Promise<ComposedAnswer | undefined> {
      const statement = composedStatement(sources, request);
      if (statement === undefined) return undefined;
      const [row] = await query<{ answer: string }>(statement.text, statement.values);
      return row && answerIn(row.answer, statement.tags);
    },
  };
}

/** Takes what the answer depends on out of its text. */
function answerIn(composed: string, known: readonly string[]): ComposedAnswer | undefined {
  if (composed.includes(MISSING_MARK)) return undefined;
  const pieces = composed.split(TAG_MARK);
  let text = "";
  const tags = [...known];
  for (let index = 0; index < pieces.length; index++) {
    if (index % 2 === 0) text += pieces[index];
    else tags.push(pieces[index]!);
  }
  return { text, tags };
}

interface ComposedStatement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** What its answer depends on, beside what is said in its midst. */
  readonly tags: readonly string[];
}

/** @returns undefined: a page's arguments are wrong */
export function composedStatement(
  sources: ComposedSources,
  { shape, pages, access }: ComposedRequest,
): ComposedStatement | undefined {
  const values: unknown[] = [];
  const tags: string[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  let aliases = 0;

  function objectPieces(members: ObjectShape, row: string | undefined): Piece[] {
    const pieces = [literal("{")];
    for (const [index, member] of members.entries()) {
      pieces.push(literal(`${index === 0 ? "" : ","}"${member.key}":`), ...memberPieces(member, row));
    }
    pieces.push(literal("}"));
    return pieces;
  }

  function memberPieces(member: Member, row: string | undefined): Piece[] {
    switch (member.kind) {
      case "constant":
        return [literal(member.json)];
      case "value":
        return valuePieces(member, row!);
      case "row":
        return rowPieces(member, row!);
      case "page":
        return pagePieces(member, row);
    }
  }

  function rowPieces({ column, type, shape }: Extract<Member, { kind: "row" }>, parent: string): Piece[] {
    const source = sources[type];
    const row = `r${aliases++}`;
    const columns = columnsOf(source, shape);
    const key = `${parent}."${column}"`;
    const conditions = [`"${source.key.column}" = ${key}`];
    if (access.to !== "everything")
      conditions.push(`"${type === "User" ? "id" : "user_id"}" = ${bind(access.userId)}::uuid`);
    const rows = `SELECT ${selectList(columns)} FROM "${source.table}" WHERE ${conditions.join(" AND ")}`;
    const found = `SELECT ${concat(objectPieces(shape, row))} FROM (${rows}) AS ${row}`;
    return [...tagPieces(rowTag(type, ""), key), expression(`coalesce((${found}), '${MISSING_MARK}')`)];
  }

  function pagePieces({ type, index, parts }: PageMember, parent: string | undefined): Piece[] {
    const request = pages[index]!;
    const source = sources[type];
    const { branch, page } = pagePlan(source, request);
    const row = `r${aliases++}`;
    const { list } = request;
    const nodes = parts.flatMap((part) => (part.kind === "nodes" ? part.shape : []));
    const { rows } = branch;
    const sql = rowsSql(
      source,
      {
        where: branch.where,
        parent:
          list.parent &&
          `"${list.parent.column}" = ${parent === undefined ? `${bind(list.parent.id)}::uuid` : `${parent}."id"`}`,
        rows: {
          ...rows,
          columns: columnsOf(source, nodes, rows.order.column),
          limit: page.size,
        },
      },
      bind,
    );
    const direction = rows.order.direction === "ASC" !== page.isBackward ? "ASC" : "DESC";
    const order = `ORDER BY ${row}."${propertyOf(source, rows.order.column)}" ${direction}, ${row}."id" ${direction}`;
    const pieces: Piece[] = [];
    for (const tag of list.tags) {
      if (tag.endsWith(EACH_PARENT))
        pieces.push(...tagPieces(tag.slice(0, -EACH_PARENT.length), `${parent}."id"`));
      else tags.push(tag);
    }
    const text = parts.flatMap((part, position): Piece[] => {
      const head = literal(`${position === 0 ? "" : ","}"${part.key}":`);
      if (part.kind === "constant") return [head, literal(part.json)];
      const each = concat([...tagPieces(rowTag(type, ""), `${row}."id"`), ...objectPieces(part.shape, row)]);
      return [head, literal("["), expression(`string_agg(${each}, ',' ${order})`), literal("]")];
    });
    const object = concat([literal("{"), ...text, literal("}")]);
    pieces.push(expression(`(SELECT ${object} FROM (${sql}) AS ${row})`));
    return pieces;
  }

  try {
    return { text: `SELECT ${concat(objectPieces(shape, undefined))} AS "answer"`, values, tags };
  } catch {
    return undefined;
  }
}

function valuePieces({ column, form, isNullable, prefix = "" }: ValueMember, row: string): Piece[] {
  const value = `${row}."${column}"`;
  const pieces: Piece[] = (() => {
    switch (form) {
      case "bare":
        return [expression(value)];
      case "text":
        return [expression(`to_json(${value})`)];
      case "word":
        return [literal(`"${prefix}`), expression(value), literal('"')];
      case "time":
        return [
          literal('"'),
          expression(`to_char(${value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`),
          literal('"'),
        ];
    }
  })();
  return isNullable
    ? [expression(`CASE WHEN ${value} IS NULL THEN 'null' ELSE ${concat(pieces)} END`)]
    : pieces;
}

const tagPieces = (prefix: string, key: string): Piece[] => [
  literal(`${TAG_MARK}${prefix}`),
  expression(key),
  literal(TAG_MARK),
];

/** One text of all pieces. `concat` writes nothing for NULL. */
function concat(pieces: readonly Piece[]): string {
  const args: string[] = [];
  let text = "";
  const flush = () => {
    if (text !== "") args.push(`'${text}'`);
    text = "";
  };
  for (const piece of pieces) {
    if ("literal" in piece) {
      text += piece.literal;
      continue;
    }
    flush();
    args.push(piece.sql);
  }
  flush();
  const calls: string[] = [];
  for (let start = 0; start < args.length; start += MAX_ARGUMENTS)
    calls.push(`concat(${args.slice(start, start + MAX_ARGUMENTS).join(", ")})`);
  return calls.length === 1 ? calls[0]! : calls.join(" || ");
}

/** Of a row, those that its answer is made of, its key, and the one that it is sorted by. */
function columnsOf(source: ListSource, shape: ObjectShape, sortedBy?: string): Column[] {
  const names = new Set(["id"]);
  for (const member of shape) if ("column" in member) names.add(member.column);
  if (sortedBy !== undefined) names.add(propertyOf(source, sortedBy));
  return source.columns.filter(({ name }) => names.has(name));
}

const selectList = (columns: readonly Column[]) =>
  columns.map(({ expression, name }) => `${expression} AS "${name}"`).join(", ");

const propertyOf = (source: ListSource, column: string) =>
  source.columns.find(({ expression }) => expression === `"${column}"`)!.name;
