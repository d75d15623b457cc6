import { rowTag } from "../coherence/tags.ts";
import {
  type AnswerInput,
  type ConstantMember,
  EACH_PARENT,
  type EdgePart,
  type PageInfoPart,
  type PageMember,
  type PagePart,
  shapesIn,
} from "./answerShape.ts";
import type { StatementWriter } from "./composedStatement.ts";
import { columnsOf, concat, expression, literal, objectOf, type Piece } from "./composedText.ts";
import { LIST_NAME_LENGTH, listName, listText, propertyOf } from "./page.ts";
import { conditionsSql, rowsSql, whereSql } from "./pageStatement.ts";

/**
 * Writes a page of a list within an answer's statement: a subquery that reads the page's rows with the same
 * SQL as pages that are read on their own, and returns the page's text.
 */
export function createPageWriter(
  { sources, bind, nextRow, tag, object, isPart }: StatementWriter,
  input: AnswerInput,
) {
  /** @param parent the alias of the row that the list belongs to; undefined at the top */
  return ({ type, index, parts }: PageMember, parent: string | undefined): Piece[] => {
    const source = sources[type];
    const { list, plan } = input.pages[index]!;
    const { isBackward, hasStart } = plan.page;
    const { column, direction } = plan.rows.order;
    const row = nextRow();
    const kinds = new Set(parts.map(({ kind }) => kind));
    const ownShapes = parts.flatMap(shapesIn).filter((shape) => !isPart(shape));
    const hasNodes = kinds.has("nodes") || kinds.has("edges");
    const hasInfo = kinds.has("pageInfo");

    const parentId = () =>
      parent === undefined ? `${bind(({ pages }) => pages[index]!.list.parent!.id)}::uuid` : `${parent}."id"`;
    const isOfParent = () => list.parent && `"${list.parent.column}" = ${parentId()}`;
    const where = plan.where.map(({ sql, values }, condition) => ({
      sql,
      values: values.map(
        (_, value) =>
          ({ pages }: AnswerInput) =>
            pages[index]!.plan.where[condition]!.values[value],
      ),
    }));
    const size = () => bind(({ pages }) => pages[index]!.plan.page.size);

    const sortKey = propertyOf(source, column);
    const cursor = () => cursorSql(nameOfList(), `${row}."${sortKey}"`, `${row}."id"`);
    // A page from the end of its list is read backwards.
    const [first, last] = (direction === "ASC") === isBackward ? ["DESC", "ASC"] : ["ASC", "DESC"];
    const orderBy = (direction = first) =>
      `ORDER BY ${row}."${sortKey}" ${direction}, ${row}."id" ${direction}`;
    // The statement reads one more row than the page has, which tells that there are more. That row is not
    // part of the page.
    const within = () => (hasInfo ? ` FILTER (WHERE ${row}."place" <= ${size()})` : "");
    const rowTags = tag(rowTag(type, ""), `${row}."id"`);

    /** A list's name is a digest of what the list is, its parent's id included. */
    function nameOfList(): string {
      if (list.parent?.id !== EACH_PARENT)
        return `${bind(({ pages }) => listName(source, pages[index]!.list))}::text`;
      // The first occurrence is the parent's id. It comes before the conditions, which may contain any text.
      const side = (of: (text: string, at: number) => string) =>
        bind(({ pages }) => {
          const text = listText(source, pages[index]!.list);
          return of(text, text.indexOf(EACH_PARENT));
        });
      const before = side((text, at) => text.slice(0, at));
      const after = side((text, at) => text.slice(at + EACH_PARENT.length));
      const digested = `sha256(convert_to(concat(${before}::text, ${parentId()}, ${after}::text), 'UTF8'))`;
      return `left(${base64Url(digested)}, ${LIST_NAME_LENGTH})`;
    }

    function allRows(part: PagePart, each: readonly Piece[]): Piece[] {
      const hasTags = shapesIn(part).some(isPart);
      const text = concat([...(hasTags ? [] : rowTags), ...each]);
      return [literal("["), expression(`string_agg(${text}, ',' ${orderBy()})${within()}`), literal("]")];
    }

    function edgePieces(part: Exclude<EdgePart, ConstantMember>): Piece[] {
      switch (part.kind) {
        case "node":
          return object(part.shape, row);
        case "cursor":
          return [literal('"'), expression(cursor()), literal('"')];
      }
    }

    function infoPieces(part: Exclude<PageInfoPart, ConstantMember>): Piece[] {
      switch (part.kind) {
        case "hasNextPage":
        case "hasPreviousPage":
          // In the direction of reading, there are more rows if one more was found. On the other side, there
          // are more if the request gave a cursor.
          if ((part.kind === "hasNextPage") === isBackward) return [literal(String(hasStart))];
          return [expression(`CASE WHEN count(*) > ${size()} THEN 'true' ELSE 'false' END`)];
        case "startCursor":
        case "endCursor": {
          const from = part.kind === "startCursor" ? first : last;
          const found = `(array_agg(${cursor()} ${orderBy(from)})${within()})[1]`;
          return [expression(`coalesce('"' || ${found} || '"', 'null')`)];
        }
      }
    }

    function partPieces(part: Exclude<PagePart, ConstantMember>): Piece[] {
      switch (part.kind) {
        case "nodes":
          return allRows(part, object(part.shape, row));
        case "edges":
          return allRows(part, objectOf(part.parts, edgePieces));
        case "pageInfo":
          return objectOf(part.parts, infoPieces);
        case "totalCount": {
          const conditions = whereSql(conditionsSql(where, isOfParent(), bind));
          return [expression(`(SELECT count(*) FROM "${source.table}"${conditions})`)];
        }
      }
    }

    function rowsOfPage(): string {
      const { beyond } = plan.rows;
      const rows = {
        columns: columnsOf(source, ownShapes.flat(), sortKey),
        order: plan.rows.order,
        beyond: beyond && {
          sortKey: ({ pages }: AnswerInput) => pages[index]!.plan.rows.beyond!.sortKey,
          id: ({ pages }: AnswerInput) => pages[index]!.plan.rows.beyond!.id,
        },
        limit: ({ pages }: AnswerInput) => pages[index]!.plan.page.size + (hasInfo ? 1 : 0),
      };
      const found = rowsSql(source, { where, parent: isOfParent(), rows }, bind);
      if (!hasInfo) return found;
      const place = `row_number() OVER (${orderBy(direction)}) AS "place"`;
      return `SELECT *, ${place} FROM (${found}) AS ${row}`;
    }

    const text = objectOf(parts, partPieces);
    // The page's first and last row give the cursors, so the answer depends on rows here too.
    if (hasInfo && !hasNodes && rowTags.length > 0)
      text.push(expression(`string_agg(${concat(rowTags)}, '')${within()}`));
    const tags = list.tags.filter((name) => name.endsWith(EACH_PARENT));
    return [
      ...tags.flatMap((name) => tag(name.slice(0, -EACH_PARENT.length), parentId())),
      // HAVING makes it an aggregate query. Without it, a page with no aggregate among its pieces would give
      // one text for each row.
      ...(hasInfo || hasNodes
        ? [expression(`(SELECT ${concat(text)} FROM (${rowsOfPage()}) AS ${row} HAVING true)`)]
        : text),
    ];
  };
}

/** Encodes a cursor as src/repositories/cursor.ts does. */
const cursorSql = (listName: string, time: string, id: string) =>
  base64Url(
    `convert_to(concat('["', ${listName}, '",', floor(extract(epoch FROM ${time}) * 1000)::bigint, ',"', ${id}, '"]'), 'UTF8')`,
  );

/** Without the line breaks that PostgreSQL puts into base64. */
const base64Url = (bytes: string) => `translate(encode(${bytes}, 'base64'), E'+/=\\n', '-_')`;
