import { rowTag } from "../coherence/tags.ts";
import {
  type ComposedRequest,
  type ComposedSources,
  EACH_PARENT,
  type EdgePart,
  type Member,
  type ObjectShape,
  type PageInfoPart,
  type PageMember,
  type PagePart,
  type RowMember,
  type ValueMember,
} from "./answerShape.ts";
import { type Column, selectListOf } from "./jsonRows.ts";
import { type List, listNameOf, pagePlan } from "./page.ts";
import { conditionsSql, type ListSource, rowsSql, whereSql } from "./pageStatement.ts";

/** Around what an answer depends on, in the midst of its text. JSON has it in no other place: there it would be escaped. */
export const TAG_MARK = "\u0001";
/** In the place of a row that is not there. */
export const MISSING_MARK = "\u0002";

export interface ComposedStatement {
  /** Its one row has one column, `answer`. */
  readonly text: string;
  readonly values: readonly unknown[];
  /** What its answer depends on, beside what is said in its midst. */
  readonly tags: readonly string[];
}

/** A piece of the answer's text, as it is or as the expression that gives it. */
type Piece = { readonly literal: string } | { readonly sql: string };
const literal = (text: string): Piece => ({ literal: text });
const expression = (sql: string): Piece => ({ sql });

/** PostgreSQL's functions take 100 arguments. */
const MAX_ARGUMENTS = 90;

/**
 * Each object is a `concat` of its members' texts; a row in it is a subquery, a page one with `string_agg`. The texts are those that
 * `JSON.stringify` writes, letter for letter.
 *
 * @throws AppError `VALIDATION_FAILED` for a page's arguments
 */
export function composedStatement(
  sources: ComposedSources,
  { shape, lists, access }: ComposedRequest,
): ComposedStatement {
  const values: unknown[] = [];
  const tags: string[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  let rowCount = 0;
  const nextRow = () => `"row${++rowCount}"`;

  /** @param row the name of the object's own row; undefined at the top */
  function object(members: ObjectShape, row: string | undefined): Piece[] {
    return objectOf(members, (member) => memberPieces(member, row));
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

  function rowPieces({ column, type, shape }: RowMember, parent: string): Piece[] {
    const source = sources[type];
    const row = nextRow();
    const key = `${parent}."${column}"`;
    const conditions = [`"${source.key.column}" = ${key}`];
    if (access.to === "owned")
      conditions.push(`"${type === "User" ? "id" : "user_id"}" = ${bind(access.userId)}::uuid`);
    const columns = selectListOf(columnsOf(source, shape));
    const rows = `SELECT ${columns} FROM "${source.table}"${whereSql(conditions)}`;
    return [
      ...tagPieces(rowTag(type, ""), key),
      expression(
        `coalesce((SELECT ${concat(object(shape, row))} FROM (${rows}) AS ${row}), '${MISSING_MARK}')`,
      ),
    ];
  }

  function pagePieces({ type, index, parts }: PageMember, parent: string | undefined): Piece[] {
    const request = lists[index]!;
    const source = sources[type];
    const { list } = request;
    const { where, rows, page } = pagePlan(source, request);
    const parentId = () => (parent === undefined ? `${bind(list.parent!.id)}::uuid` : `${parent}."id"`);
    const isOfParent = () => list.parent && `"${list.parent.column}" = ${parentId()}`;
    const row = nextRow();
    const hasMore = parts.some(({ kind }) => kind === "pageInfo");
    const sortedBy = `${row}."${propertyOf(source, rows.order.column)}"`;
    const cursor = () => cursorSql(listNameSql(source, list, parentId), sortedBy, `${row}."id"`);
    // A page from the end was read backwards.
    const direction = (rows.order.direction === "ASC") === page.isBackward ? "DESC" : "ASC";
    const inOrder = (from = direction) => `ORDER BY ${sortedBy} ${from}, ${row}."id" ${from}`;
    // The one more row tells that there are more.
    const within = () => (hasMore ? ` FILTER (WHERE ${row}."place" <= ${bind(page.size)})` : "");
    const rowTags = tagPieces(rowTag(type, ""), `${row}."id"`);
    const all = (each: readonly Piece[]) =>
      expression(`string_agg(${concat([...rowTags, ...each])}, ',' ${inOrder()})${within()}`);
    const edge = (part: EdgePart): Piece[] => {
      if (part.kind === "constant") return [literal(part.json)];
      return part.kind === "node"
        ? object(part.shape, row)
        : [literal('"'), expression(cursor()), literal('"')];
    };
    const more = () => expression(`CASE WHEN count(*) > ${bind(page.size)} THEN 'true' ELSE 'false' END`);
    const isThere = literal(String(page.hasStart));
    const pageInfo = (part: PageInfoPart): Piece[] => {
      switch (part.kind) {
        case "constant":
          return [literal(part.json)];
        case "hasNextPage":
          return [page.isBackward ? isThere : more()];
        case "hasPreviousPage":
          return [page.isBackward ? more() : isThere];
        default: {
          const from = (part.kind === "startCursor") === (direction === "ASC") ? "ASC" : "DESC";
          const first = `(array_agg(${cursor()} ${inOrder(from)})${within()})[1]`;
          return [expression(`coalesce('"' || ${first} || '"', 'null')`)];
        }
      }
    };
    const part = (part: PagePart): Piece[] => {
      switch (part.kind) {
        case "constant":
          return [literal(part.json)];
        case "nodes":
          return [literal("["), all(object(part.shape, row)), literal("]")];
        case "edges":
          return [literal("["), all(objectOf(part.parts, edge)), literal("]")];
        case "pageInfo":
          return objectOf(part.parts, pageInfo);
        case "totalCount": {
          const conditions = conditionsSql(list.where, isOfParent(), bind);
          return [expression(`(SELECT count(*) FROM "${source.table}"${whereSql(conditions)})`)];
        }
      }
    };
    const tagOf = (tag: string): Piece[] => {
      if (tag.endsWith(EACH_PARENT)) return tagPieces(tag.slice(0, -EACH_PARENT.length), parentId());
      tags.push(tag);
      return [];
    };
    const kinds = new Set(parts.map(({ kind }) => kind));
    const pieces = objectOf(parts, part);
    const isRead = kinds.has("nodes") || kinds.has("edges") || kinds.has("pageInfo");
    // Its ends are rows too.
    if (kinds.has("pageInfo") && !kinds.has("nodes") && !kinds.has("edges"))
      pieces.push(expression(`string_agg(${concat(rowTags)}, '')${within()}`));
    const text = concat(pieces);
    const placed = () => {
      const columns = columnsOf(source, parts.flatMap(shapesIn), rows.order.column);
      const limit = hasMore ? page.size + 1 : page.size;
      const found = rowsSql(source, { where, parent: isOfParent(), rows: { ...rows, columns, limit } }, bind);
      if (!hasMore) return found;
      const place = `row_number() OVER (${inOrder(rows.order.direction)}) AS "place"`;
      return `SELECT *, ${place} FROM (${found}) AS ${row}`;
    };
    return [
      ...(isRead || kinds.has("totalCount") ? list.tags.flatMap(tagOf) : []),
      // One text, also where nothing of it is an aggregate.
      expression(isRead ? `(SELECT ${text} FROM (${placed()}) AS ${row} HAVING true)` : text),
    ];
  }

  /** A list's name is a digest of what it is, its parent's id included. */
  function listNameSql(source: ListSource, list: List, parentId: () => string): string {
    const { text, digest } = listNameOf(source, list);
    if (list.parent?.id !== EACH_PARENT) return `${bind(digest)}::text`;
    const at = text.indexOf(EACH_PARENT);
    const [before, after] = [text.slice(0, at), text.slice(at + EACH_PARENT.length)];
    const named = `concat(${bind(before)}::text, ${parentId()}, ${bind(after)}::text)`;
    return `left(${base64Url(`sha256(convert_to(${named}, 'UTF8'))`)}, ${digest.length})`;
  }

  return { text: `SELECT ${concat(object(shape, undefined))} AS "answer"`, values, tags };
}

/** `{"key":…,"key":…}` */
function objectOf<Part extends { readonly key: string }>(
  parts: readonly Part[],
  piecesOf: (part: Part) => readonly Piece[],
): Piece[] {
  const pieces = parts.flatMap((part, index) => [
    literal(`${index === 0 ? "" : ","}"${part.key}":`),
    ...piecesOf(part),
  ]);
  return [literal("{"), ...pieces, literal("}")];
}

function valuePieces({ column, form, isNullable, prefix = "" }: ValueMember, row: string): Piece[] {
  const value = `${row}."${column}"`;
  const pieces: Record<ValueMember["form"], () => Piece[]> = {
    bare: () => [expression(value)],
    text: () => [expression(`to_json(${value})`)],
    word: () => [literal(`"${prefix}`), expression(value), literal('"')],
    time: () => [
      literal('"'),
      expression(`to_char(${value} AT TIME ZONE 'UTC', '${TIME_FORMAT}')`),
      literal('"'),
    ],
  };
  if (!isNullable) return pieces[form]();
  return [expression(`CASE WHEN ${value} IS NULL THEN 'null' ELSE ${concat(pieces[form]())} END`)];
}

const TIME_FORMAT = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';

const tagPieces = (prefix: string, key: string): Piece[] => [
  literal(`${TAG_MARK}${prefix}`),
  expression(key),
  literal(TAG_MARK),
];

/** As src/repositories/cursor.ts writes it. */
const cursorSql = (listName: string, time: string, id: string) =>
  base64Url(
    `convert_to(concat('["', ${listName}, '",', floor(extract(epoch FROM ${time}) * 1000)::bigint, ',"', ${id}, '"]'), 'UTF8')`,
  );

/** Without the line breaks that PostgreSQL puts in. */
const base64Url = (bytes: string) => `translate(encode(${bytes}, 'base64'), E'+/=\\n', '-_')`;

/** One text of all pieces. `concat` writes nothing for NULL, which is right for pages without rows alone. */
function concat(pieces: readonly Piece[]): string {
  const args: string[] = [];
  let text = "";
  const flush = () => {
    if (text !== "") args.push(`'${text.replaceAll("'", "''")}'`);
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

/** The shapes of rows in a part of a page, as one. */
function shapesIn(part: PagePart): ObjectShape {
  if (part.kind === "nodes") return part.shape;
  if (part.kind !== "edges") return [];
  return part.parts.flatMap((edge) => (edge.kind === "node" ? edge.shape : []));
}

/** What the texts of a row are made of, its key, and what it is sorted by. */
function columnsOf(source: ListSource, shape: ObjectShape, sortedBy?: string): readonly Column[] {
  const names = new Set(["id"]);
  for (const member of shape) if ("column" in member) names.add(member.column);
  if (sortedBy !== undefined) names.add(propertyOf(source, sortedBy));
  return source.columns.filter(({ name }) => names.has(name));
}

/** @throws Error for what is no column of the source's: pages are sorted by columns that rows have */
function propertyOf(source: ListSource, column: string): string {
  const found = source.columns.find(({ expression }) => expression === `"${column}"`);
  if (found === undefined) throw new Error(`Rows of ${source.table} have no ${column}.`);
  return found.name;
}
