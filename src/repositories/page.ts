import { hash } from "node:crypto";
import type { Query } from "../database/database.ts";
import { type ValidationIssue, validationFailed } from "../errors.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import {
  type Condition,
  type ListSource,
  type PageQuery,
  pageStatement,
  type SortOrder,
} from "./pageStatement.ts";

/** The arguments of a Relay connection, as a client sends them. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** One list: what is in it, and in which order. */
export interface List {
  readonly parent?: { readonly column: string; readonly id: string } | undefined;
  readonly where: readonly Condition[];
  readonly order: SortOrder;
  /** What its membership and order depend on. */
  readonly tags: readonly string[];
  /** False: they change without these tags too, so it is read anew for every request. */
  readonly isKept?: false | undefined;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/** What a loader asks for: a page of a list, or how many rows the list has. */
export type ListRequest = { readonly list: List } & (
  | { readonly want: "page"; readonly page: PageArguments; readonly maxPageSize?: number }
  | { readonly want: "total" }
);

const requestTexts = new WeakMap<ListRequest, string>();

/** Tells requests for lists of one entity apart. Asked for by a request's loader, and again for the cache. */
export function requestText(request: ListRequest): string {
  let text = requestTexts.get(request);
  if (text === undefined) {
    text = textOf(request);
    requestTexts.set(request, text);
  }
  return text;
}

/** What a list's tags are follows from the rest. Flat, as an operation may ask for hundreds of lists: that takes a third of the time. */
function textOf(request: ListRequest): string {
  const { parent, where, order, isKept } = request.list;
  const list = [
    parent?.column,
    parent?.id,
    order.column,
    order.direction,
    isKept,
    ...where.map(conditionText),
  ];
  if (request.want === "total") return JSON.stringify(["total", ...list]);
  const { first, after, last, before } = request.page;
  return JSON.stringify(["page", first, after, last, before, request.maxPageSize, ...list]);
}

const conditionText = ({ sql, values }: Condition): string => JSON.stringify([sql, values]);

/** Nearly all are shorter, and a digest takes longer than the look-up that it is for. */
const MAX_KEY_LENGTH = 200;

/** The same as a key of bounded length. */
export function listKey(request: ListRequest): string {
  const text = requestText(request);
  return text.length <= MAX_KEY_LENGTH ? text : hash("sha256", text, "base64url");
}

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

const listNames = new WeakMap<List, string>();

/**
 * Says which list a cursor belongs to: the same rows in the same order, seen in either direction.
 * A digest, because a filter may be long and its SQL is nobody's business; 96 bits keep lists
 * apart, they keep no secret. Kept for each list, as every row of a page asks for it.
 */
function listName(source: ListSource, list: List): string {
  let name = listNames.get(list);
  if (name === undefined) {
    const { parent, where, order } = list;
    const text = JSON.stringify([source.table, parent, where, order.column, order.direction]);
    name = hash("sha256", text, "base64url").slice(0, 16);
    listNames.set(list, name);
  }
  return name;
}

export function cursorOf<Row>(source: ListSource, list: List, row: Row): string {
  const value = (row as Record<string, unknown>)[nameOf(source, list.order.column)];
  return encodeCursor(listName(source, list), {
    sortKey: value instanceof Date ? value.getTime() : String(value),
    id: String((row as Record<string, unknown>)[nameOf(source, source.key.column)]),
  });
}

/**
 * Answers any number of pages and totals with one statement.
 *
 * @returns in the requests' order; a request with bad arguments gets its error, and the others
 *   their answers
 */
export async function loadLists<Row>(
  query: Query,
  source: ListSource,
  requests: readonly ListRequest[],
): Promise<(Page<Row> | number | Error)[]> {
  const plans = requests.map((request) => planOf(source, request));
  const queries = plans.filter((plan) => !(plan instanceof Error)) as Exclude<
    (typeof plans)[number],
    Error
  >[];
  if (queries.length === 0) return plans as Error[];

  const { statement, answers } = pageStatement<Row>(
    source,
    queries.map((plan) => plan.query),
  );
  const found = answers(await query(statement.text, statement.values));
  const answerOf = new Map(queries.map((plan, index) => [plan, found[index]!]));

  return plans.map((plan) => {
    if (plan instanceof Error) return plan;
    const { rows, total } = answerOf.get(plan)!;
    return plan.page ? toPage(rows, plan.page) : total;
  });
}

interface PagePlan {
  readonly size: number;
  readonly isBackward: boolean;
  readonly hasStart: boolean;
}

function planOf(source: ListSource, request: ListRequest): { query: PageQuery; page?: PagePlan } | Error {
  const { parent, where, order } = request.list;
  if (request.want === "total") return { query: { parent, where } };
  try {
    const { page: args, maxPageSize = MAX_PAGE_SIZE } = request;
    const { size, isBackward } = pageSize(args, maxPageSize);
    const argument = isBackward ? "before" : "after";
    const cursor = args[argument];
    const position =
      cursor == null ? undefined : decodeCursor(listName(source, request.list), cursor, argument);
    if (position && !KEY_FORMS[source.key.type].test(position.id)) {
      throw validationFailed([
        { path: [argument], message: "expected a cursor that this list gave out, got one that was changed" },
      ]);
    }
    return {
      query: {
        parent,
        where,
        rows: {
          order: isBackward ? { ...order, direction: order.direction === "ASC" ? "DESC" : "ASC" } : order,
          beyond: position && { sortKey: sortKeyValue(position.sortKey, order, argument), id: position.id },
          // One more than asked for tells whether there is a further page.
          limit: size + 1,
        },
      },
      page: { size, isBackward, hasStart: position !== undefined },
    };
  } catch (error) {
    // A loader answers each key; the error belongs to this one.
    return error as Error;
  }
}

/** What a key of a type looks like: PostgreSQL would refuse anything else, and that would be our mistake. */
const KEY_FORMS: Readonly<Record<ListSource["key"]["type"], RegExp>> = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  int: /^(0|[1-9]\d{0,8})$/,
  'text COLLATE "C"': /^/,
};

function sortKeyValue(sortKey: number | string, order: SortOrder, argument: string): Date | string {
  if ((order.type === "timestamptz") !== (typeof sortKey === "number")) {
    throw validationFailed([
      { path: [argument], message: "expected a cursor that this list gave out, got one that was changed" },
    ]);
  }
  return typeof sortKey === "number" ? new Date(sortKey) : sortKey;
}

function pageSize({ first, after, last, before }: PageArguments, max: number) {
  const issues: ValidationIssue[] = [];
  for (const [name, value] of [
    ["first", first],
    ["last", last],
  ] as const) {
    if (value != null && (value < 0 || value > max)) {
      issues.push({ path: [name], message: `expected 0 to ${max}, got ${value}` });
    }
  }
  if (first != null && last != null)
    issues.push({ path: ["last"], message: "expected either first or last, got both" });
  if (after != null && (last != null || before != null)) {
    issues.push({
      path: ["after"],
      message: "expected first with after, or last with before, got a mixture",
    });
  }
  if (first != null && before != null) {
    issues.push({
      path: ["before"],
      message: "expected first with after, or last with before, got a mixture",
    });
  }
  if (issues.length > 0) throw validationFailed(issues);
  return {
    size: last ?? first ?? Math.min(DEFAULT_PAGE_SIZE, max),
    isBackward: last != null || before != null,
  };
}

function toPage<Row>(found: readonly Row[], { size, isBackward, hasStart }: PagePlan): Page<Row> {
  const hasMore = found.length > size;
  const rows = found.slice(0, size);
  return isBackward
    ? { rows: rows.reverse(), hasNextPage: hasStart, hasPreviousPage: hasMore }
    : { rows, hasNextPage: hasMore, hasPreviousPage: hasStart };
}

function nameOf(source: ListSource, column: string): string {
  return source.columns.find(({ expression }) => expression === `"${column}"`)?.name ?? column;
}
