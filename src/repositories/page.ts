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

/** One list: what is in it, and in which order. */
export interface List {
  readonly parent?: { readonly column: string; readonly id: string } | undefined;
  readonly where: readonly Condition[];
  readonly order: SortOrder;
  /** What its membership and order depend on. */
  readonly tags: readonly string[];
  /** False: they change without these tags too, so it is read anew for every request. */
  readonly isKept?: false | undefined;
  /** What cursors call it; found when it is needed first. */
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
  /** Found when it is needed first. */
  name?: ListName;
} & (
  | {
      readonly want: "page";
      readonly page: PageArguments;
      readonly maxPageSize?: number | undefined;
      /** All, unless told: then the rows have these alone, and those that every row has. */
      readonly columns?: PageColumns | undefined;
    }
  | { readonly want: "total" }
);

export type PageRequest = ListRequest & { readonly want: "page" };

/** What is asked of a page's rows. */
export interface PageColumns {
  /** By the rows' properties. */
  readonly names: readonly string[];
  /** Whether rows are told their cursor. */
  readonly hasCursors: boolean;
}

/** What tells requests for lists of one entity apart. */
interface ListName {
  /** Of all that are alike but for their parent's id. */
  readonly shape: string;
  readonly whole: string;
}

/**
 * The last page that was named: a field's requests have their arguments in one object for all of its parents, and come one after the other. Not one
 * of each such object in a WeakMap: what is in one that has been there for a while is kept from the collections of young
 * objects, with all that it leads to, also when its key is nobody's any more.
 */
let lastNamed: (PageRequest & { readonly name: ListName }) | undefined;

/** Asked for by a request's loader, by the cache and by the statement. */
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

/** Whether two requests have the same arguments and are of one shape. Those with conditions are not looked at closely. */
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

/** Tells requests for lists of one entity apart, in this process and in every other. */
export const requestName = (request: ListRequest): string => nameOf(request).whole;

/** What a list's tags are follows from the rest. */
function shapeOf(request: ListRequest): string {
  const { parent, where, order, isKept } = request.list;
  let shape = `${parent?.column} ${order.column} ${order.direction} ${isKept}`;
  for (const { sql, values } of where) shape += JSON.stringify([sql, values]);
  if (request.want === "total") return `total ${shape}`;
  const { page, maxPageSize, columns } = request;
  const { first, after, last, before } = page;
  shape += ` ${first} ${last} ${maxPageSize} ${columns?.hasCursors} ${columns?.names}`;
  // Anything may be in a cursor; JSON ends where it ends.
  return after == null && before == null ? shape : `${shape} ${JSON.stringify([after, before])}`;
}

/** The names of the shapes that came last: an operation may ask for hundreds of lists of one shape. */
const shapeNames = new LRUCache<string, string>({ max: 4_000 });

/** 132 bits: what is searched for is part of a shape, so that somebody may look for two that are the same. */
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

/** What a list's name is a digest of. */
export const listText = ({ table }: ListSource, { parent, where, order }: List): string =>
  JSON.stringify([table, parent, where, order.column, order.direction]);

export const LIST_NAME_LENGTH = 16;

/**
 * Says which list a cursor belongs to: the same rows in the same order, seen in either direction.
 * A digest, because a filter may be long and its SQL is nobody's business; 96 bits keep lists
 * apart, they keep no secret. Kept for each list, as every row of a page asks for it.
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

/** What a request comes to, or what is wrong with it. */
interface Plan {
  readonly branch: Omit<Branch, "parents">;
  /** Undefined: it wants a total. */
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

/** Requests that are alike but for their parent's id. */
interface Group {
  readonly plan: Plan;
  readonly parents: { readonly column: string; readonly ids: Set<string> } | undefined;
  /** Its branch of the statement. */
  readonly index: number;
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

/** A cursor belongs to the list of one parent. */
function groupName(request: ListRequest): string {
  const { shape, whole } = nameOf(request);
  const hasCursor = request.want === "page" && (request.page.after ?? request.page.before) != null;
  return hasCursor ? whole : shape;
}

/** What a request for a page comes to. @throws AppError `VALIDATION_FAILED` */
export function pagePlan(source: ListSource, request: PageRequest): PagePlan {
  const plan = planOf(source, request);
  if (plan instanceof Error) throw plan;
  // Safe: it is no total that is asked for.
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

/** Those that were asked for, those that every row has, and what its cursor is made of. */
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

function toPage<Row>(found: readonly Row[], { size, isBackward, hasStart }: PageForm): Page<Row> {
  const hasMore = found.length > size;
  const rows = found.slice(0, size);
  return isBackward
    ? { rows: rows.reverse(), hasNextPage: hasStart, hasPreviousPage: hasMore }
    : { rows, hasNextPage: hasMore, hasPreviousPage: hasStart };
}

/** What rows have a column as. */
export function propertyOf(source: ListSource, column: string): string {
  return source.columns.find(({ expression }) => expression === `"${column}"`)?.name ?? column;
}
