import { asJson, type Column, createReviver, selectListOf } from "./jsonRows.ts";

/**
 * Many pages in one statement.
 *
 * "The first 3 jobs of each of these 100 projects" needs a limit per parent, which Prisma does not have, and
 * a query per project is what loaders exist to avoid. PostgreSQL does it in one statement: a LATERAL subquery
 * runs once per parent, uses an index and stops at its limit. Pages that differ in more than their parent
 * (another filter, another order, a count instead of rows) become further branches of a UNION ALL. So
 * whatever aliases and arguments an operation uses, the lists of one entity at one level of it cost one
 * statement.
 */

/** What lists of an entity are read from. Its texts come from the code, never from a client. */
export interface ListSource {
  readonly table: string;
  readonly columns: readonly Column[];
  /** Columns that every row has besides the key, even when only others were asked for. */
  readonly always?: readonly string[];
  /** The column that breaks ties, with its SQL type. */
  readonly key: { readonly column: string; readonly type: "uuid" | "int" | 'text COLLATE "C"' };
}

/** @typeParam Value what becomes a parameter: a value, or a function that will give it */
export interface Condition<Value = unknown> {
  /** SQL with `?` for each value: `"status" = ?::project_status`. */
  readonly sql: string;
  readonly values: readonly Value[];
}

export interface SortOrder {
  readonly column: string;
  readonly type: "timestamptz" | "text" | "int";
  readonly direction: "ASC" | "DESC";
}

/** A page of rows, or the number of rows in the whole list, for any number of parents. */
export interface Branch {
  /** The column that names the parent, and the parents' ids. Absent: a list of the whole type. */
  readonly parents?: { readonly column: string; readonly ids: Iterable<string> } | undefined;
  readonly where: readonly Condition[];
  readonly rows?: RowsOfPage | undefined;
}

export interface RowsOfPage<Value = unknown> {
  readonly columns: readonly Column[];
  readonly order: SortOrder;
  /** Rows on the far side of this position, in the order's direction. */
  readonly beyond?: { readonly sortKey: Value; readonly id: Value } | undefined;
  readonly limit: Value;
}

export interface PageAnswer<Row> {
  readonly rows: Row[];
  readonly total: number;
}

interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/** What the statement returns for one page or total. */
interface Answered {
  /** The index of its branch. */
  readonly branch: number;
  readonly parent: string | null;
  readonly rows: Record<string, unknown>[] | null;
  readonly total: number | null;
}

/** Stands for the parent's id in a list of a whole type. */
const NO_PARENT = "";

/**
 * @returns the statement, whose one row has one column, and a function that turns its parsed rows into a
 *   look-up of each branch's answer for one of its parents
 */
export function pageStatement<Row>(source: ListSource, branches: readonly Branch[]) {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const text = asJson(
    branches.map((branch, index) => branchSql(source, branch, index, bind)).join("\nUNION ALL\n"),
  );
  const statement: Statement = { text, values };

  function answers(found: readonly Answered[]): (branch: number, parent?: string) => PageAnswer<Row> {
    const byParent = branches.map(() => new Map<string, PageAnswer<Row>>());
    const revivers = branches.map(({ rows }) => createReviver<Row>(rows?.columns ?? []));
    for (const { branch, parent, rows, total } of found)
      byParent[branch]!.set(parent ?? NO_PARENT, { rows: revivers[branch]!(rows), total: total ?? 0 });
    return (branch, parent = NO_PARENT) => byParent[branch]!.get(parent) ?? { rows: [], total: 0 };
  }

  return { statement, answers };
}

function branchSql(
  source: ListSource,
  { parents, where, rows }: Branch,
  index: number,
  bind: (value: unknown) => string,
): string {
  // Written as a PostgreSQL array: `pg` would quote each of hundreds of ids.
  const from = parents && `unnest(${bind(`{${[...parents.ids].join()}}`)}::uuid[])`;
  const parent = parents && `"${parents.column}" = "parents"."parent"`;

  const head = `SELECT ${index} AS "branch", ${from ? `"parents"."parent"` : "NULL::uuid"} AS "parent"`;
  const tail = (subquery: string) =>
    from
      ? `FROM ${from} AS "parents"("parent") CROSS JOIN LATERAL (${subquery}) AS "page"`
      : `FROM (${subquery}) AS "page"`;

  if (!rows) {
    const conditions = conditionsSql(where, parent, bind);
    const count = `SELECT count(*) AS "total" FROM "${source.table}"${whereSql(conditions)}`;
    return `${head}, NULL::json AS "rows", "page"."total" ${tail(count)}`;
  }
  const page = rowsSql(source, { where, parent, rows }, bind);
  return `${head}, "page"."rows", NULL::bigint AS "total" ${tail(asJson(page))}`;
}

/** The rows of one page, in the order in which they are found. */
export function rowsSql<Value>(
  source: ListSource,
  {
    where,
    parent,
    rows: { columns, order, beyond, limit },
  }: {
    readonly where: readonly Condition<Value>[];
    /** The condition that the rows belong to one parent. */
    readonly parent: string | undefined;
    readonly rows: RowsOfPage<Value>;
  },
  bind: (value: Value) => string,
): string {
  const conditions = conditionsSql(where, parent, bind);
  const isKeyOrder = order.column === source.key.column;
  if (beyond) {
    const side = order.direction === "ASC" ? ">" : "<";
    const id = () => `${bind(beyond.id)}::${source.key.type}`;
    conditions.push(
      isKeyOrder
        ? `"${source.key.column}" ${side} ${id()}`
        : `("${order.column}", "${source.key.column}") ${side} (${bind(beyond.sortKey)}::${order.type}, ${id()})`,
    );
  }
  const tieBreak = isKeyOrder ? "" : `, "${source.key.column}" ${order.direction}`;
  return (
    `SELECT ${selectListOf(columns)} FROM "${source.table}"${whereSql(conditions)}` +
    ` ORDER BY "${order.column}" ${order.direction}${tieBreak} LIMIT ${bind(limit)}`
  );
}

export function conditionsSql<Value>(
  where: readonly Condition<Value>[],
  parent: string | undefined,
  bind: (value: Value) => string,
): string[] {
  const conditions = where.map(({ sql, values }) => {
    let next = 0;
    return sql.replaceAll("?", () => bind(values[next++]!));
  });
  return parent === undefined ? conditions : [...conditions, parent];
}

export function whereSql(conditions: readonly string[]): string {
  return conditions.length > 0 ? ` WHERE ${conditions.join(" AND ")}` : "";
}
