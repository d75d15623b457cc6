import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Query } from "../database/database.ts";
import { type ValidationIssue, validationFailed } from "../errors.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { Column } from "./jsonRows.ts";
import {
  type Branch,
  type Condition,
  type ListSource,
  pageStatement,
  type RowsOfPage,
  type SortOrder,
} from "./pageStatement.ts";

/** The arguments of a Relay connection, as a client sends them. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** One list: which rows are in it, and in which order. */
export interface List {
  readonly parent?: { readonly column: string; readonly id: string } | undefined;
  readonly where: readonly Condition[];
  readonly order: SortOrder;
  /** The tags that its membership and order depend on. */
  readonly tags: readonly string[];
  /** False: the list also changes without these tags, so every request reads it anew. */
  readonly isKept?: false | undefined;
  /** Its name in cursors; computed when it is first needed. */
  name?: string;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/** What a loader asks for: a page of a list, or how many rows the list has. */
export type ListRequest = {
  readonly list: List;
  /** Computed when it is first needed. */
  name?: ListName;
} & (
  | {
      readonly want: "page";
      readonly page: PageArguments;
      readonly maxPageSize?: number | undefined;
      /** By default all. If given, the rows have only these and the columns that every row has. */
      readonly columns?: PageColumns | undefined;
    }
  | { readonly want: "total" }
);

export type PageRequest = ListRequest & { readonly want: "page" };

/** What a request needs of a page's rows. */
export interface PageColumns {
  /** Names of the rows' properties. */
  readonly names: readonly string[];
  /** Whether the rows' cursors are needed. */
  readonly hasCursors: boolean;
}

/** Identifies a request for a list among those of its entity. */
interface ListName {
  /** The same for all requests that differ only in their parent's id. */
  readonly shape: string;
  readonly whole: string;
}

/**
 * The page request that was named last. A field's requests, one per parent, share one arguments object and
 * come one after the other, so one is enough. It is not a WeakMap by arguments object: a WeakMap that has
 * existed for a while keeps its values, with all that they lead to, alive through scavenges, even when
 * nothing else refers to their keys.
 */
let lastNamed: (PageRequest & { readonly name: ListName }) | undefined;

/** A request's loader, the cache and the statement ask for it. */
function nameOf(request: ListRequest): ListName {
  if (request.name !== undefined) return request.name;
  const last = lastNamed;
  const shape = last !== undefined && isAlike(request, last) ? last.name.shape : shortened(shapeOf(request));
  const id = request.list.parent?.id;
  const name = { shape, whole: id === undefined ? shape : `${shape}/${id}` };
  request.name = name;
  if (request.want === "page") lastNamed = request as typeof request & { readonly name: ListName };
  return name;
}

/**
 * Whether two requests have the same arguments and the same shape. Requests with conditions never count as
 * alike.
 */
function isAlike(one: ListRequest, other: PageRequest): boolean {
  if (one.want !== "page" || one.page !== other.page) return false;
  const [list, others] = [one.list, other.list];
  return (
    list.parent?.column === others.parent?.column &&
    list.order.column === others.order.column &&
    list.order.direction === others.order.direction &&
    list.isKept === others.isKept &&
    list.where.length + others.where.length === 0 &&
    one.columns === other.columns &&
    one.maxPageSize === other.maxPageSize
  );
}

/** Identifies a request for a list among those of its entity, in this process and in every other. */
export const requestName = (request: ListRequest): string => nameOf(request).whole;

/** The list's tags are left out, since they follow from the rest. */
function shapeOf(request: ListRequest): string {
  const { parent, where, order, isKept } = request.list;
  let shape = `${parent?.column} ${order.column} ${order.direction} ${isKept}`;
  for (const { sql, values } of where) shape += JSON.stringify([sql, values]);
  if (request.want === "total") return `total ${shape}`;
  const { page, maxPageSize, columns } = request;
  const { first, after, last, before } = page;
  shape += ` ${first} ${last} ${maxPageSize} ${columns?.hasCursors} ${columns?.names}`;
  // A cursor may contain anything; as JSON, it has a definite end.
  return after == null && before == null ? shape : `${shape} ${JSON.stringify([after, before])}`;
}

/** The names of the latest shapes: an operation may ask for hundreds of lists of one shape. */
const shapeNames = new LRUCache<string, string>({ max: 4_000 });

/**
 * 132 bits: a client's search text is part of a shape, so a client could look for two shapes with the same
 * name.
 */
export function shortened(shape: string): string {
  let name = shapeNames.get(shape);
  if (name === undefined) {
    name = hash("sha256", shape, "base64url").slice(0, 22);
    shapeNames.set(shape, name);
  }
  return name;
}

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

/** The text whose digest is a list's name. */
export const listText = ({ table }: ListSource, { parent, where, order }: List): string =>
  JSON.stringify([table, parent, where, order.column, order.direction]);

export const LIST_NAME_LENGTH = 16;

/**
 * Identifies the list that a cursor belongs to: the same rows in the same order, read in either direction. A
 * digest, because a filter may be long and clients should not see its SQL. 96 bits keep lists apart; they
 * protect no secret. The name is kept in the list, as every row of a page asks for it.
 */
export function listName(source: ListSource, list: List): string {
  list.name ??= hash("sha256", listText(source, list), "base64url").slice(0, LIST_NAME_LENGTH);
  return list.name;
}

export function cursorOf<Row>(source: ListSource, list: List, row: Row): string {
  const value = (row as Record<string, unknown>)[propertyOf(source, list.order.column)];
  return encodeCursor(listName(source, list), {
    sortKey: value instanceof Date ? value.getTime() : String(value),
    id: String((row as Record<string, unknown>)[propertyOf(source, source.key.column)]),
  });
}

/** What a valid request comes to. */
interface Plan {
  readonly branch: Omit<Branch, "parents">;
  /** Undefined: the request wants a total. */
  readonly page?: PageForm;
}

export interface PagePlan {
  readonly where: readonly Condition[];
  readonly rows: RowsOfPage;
  readonly page: PageForm;
}

interface PageForm {
  readonly size: number;
  readonly isBackward: boolean;
  readonly hasStart: boolean;
}

/** Requests that differ only in their parent's id. */
interface Group {
  readonly plan: Plan;
  readonly parents: { readonly column: string; readonly ids: Set<string> } | undefined;
  /** The index of its branch in the statement. */
  readonly index: number;
}

/**
 * Answers any number of pages and totals with one statement.
 *
 * @returns the answers in the requests' order; a request with bad arguments gets its error, and the others
 *   their answers
 */
export async function loadLists<Row>(
  query: Query,
  source: ListSource,
  requests: readonly ListRequest[],
): Promise<(Page<Row> | number | Error)[]> {
  const groups = new Map<string, Group | Error>();
  let count = 0;
  const grouped = requests.map((request) => {
    const { parent } = request.list;
    const name = groupName(request);
    let group = groups.get(name);
    if (group === undefined) {
      const plan = planOf(source, request);
      const parents = parent && { column: parent.column, ids: new Set<string>() };
      group = plan instanceof Error ? plan : { plan, parents, index: count++ };
      groups.set(name, group);
    }
    if (!(group instanceof Error) && parent) group.parents!.ids.add(parent.id);
    return group;
  });
  if (count === 0) return grouped as Error[];

  const branches: Branch[] = [];
  for (const group of groups.values())
    if (!(group instanceof Error)) branches.push({ ...group.plan.branch, parents: group.parents });
  const { statement, answers } = pageStatement<Row>(source, branches);
  const [found] = await query<{ rows: Parameters<typeof answers>[0] | null }>(
    statement.text,
    statement.values,
  );
  const answerOf = answers(found?.rows ?? []);

  return grouped.map((group, index) => {
    if (group instanceof Error) return group;
    const { rows, total } = answerOf(group.index, requests[index]!.list.parent?.id);
    return group.plan.page ? toPage(rows, group.plan.page) : total;
  });
}

/** A cursor belongs to one parent's list, so a request with a cursor is grouped by its full name. */
function groupName(request: ListRequest): string {
  const { shape, whole } = nameOf(request);
  const hasCursor = request.want === "page" && (request.page.after ?? request.page.before) != null;
  return hasCursor ? whole : shape;
}

/** The plan of a request for a page. @throws AppError `VALIDATION_FAILED` */
export function pagePlan(source: ListSource, request: PageRequest): PagePlan {
  const plan = planOf(source, request);
  if (plan instanceof Error) throw plan;
  // Safe: the request is not for a total.
  return { where: plan.branch.where, rows: plan.branch.rows!, page: plan.page! };
}

function planOf(source: ListSource, request: ListRequest): Plan | Error {
  const { where, order } = request.list;
  if (request.want === "total") return { branch: { where } };
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
      branch: {
        where,
        rows: {
          columns: columnsOf(source, order, request.columns),
          order: isBackward ? { ...order, direction: order.direction === "ASC" ? "DESC" : "ASC" } : order,
          beyond: position && { sortKey: sortKeyValue(position.sortKey, order, argument), id: position.id },
          // One row more than asked for tells whether there is a further page.
          limit: size + 1,
        },
      },
      page: { size, isBackward, hasStart: position !== undefined },
    };
  } catch (error) {
    // A loader answers each key separately; the error belongs to this one.
    return error as Error;
  }
}

/** The columns that were asked for, those that every row has, and those that its cursor is made of. */
function columnsOf(
  { columns, key, always = [] }: ListSource,
  order: SortOrder,
  asked: PageColumns | undefined,
): readonly Column[] {
  if (asked === undefined) return columns;
  const isNeeded = ({ expression, name }: Column) =>
    asked.names.includes(name) ||
    always.includes(name) ||
    expression === `"${key.column}"` ||
    (asked.hasCursors && expression === `"${order.column}"`);
  return columns.filter(isNeeded);
}

/**
 * What a key of each type looks like. PostgreSQL would refuse anything else, which would count as an internal
 * error.
 */
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

function toPage<Row>(found: readonly Row[], { size, isBackward, hasStart }: PageForm): Page<Row> {
  const hasMore = found.length > size;
  const rows = found.slice(0, size);
  return isBackward
    ? { rows: rows.reverse(), hasNextPage: hasStart, hasPreviousPage: hasMore }
    : { rows, hasNextPage: hasMore, hasPreviousPage: hasStart };
}

/** The property of a row that holds a column. */
export function propertyOf(source: ListSource, column: string): string {
  return source.columns.find(({ expression }) => expression === `"${column}"`)?.name ?? column;
}
