import { pickColumns } from "./rowColumns.ts";

/**
 * Many pages in one statement.
 *
 * "The first 3 jobs of each of these 100 projects" has no limit-per-parent in Prisma, and a
 * query per project is what loaders exist to avoid. PostgreSQL does it in one statement: a
 * LATERAL subquery runs once per parent and stops at its limit, by index. Pages that differ in
 * more than their parent (another filter, another order, a count instead of rows) become further
 * branches of a UNION ALL. So whatever aliases and arguments an operation uses, the lists of one
 * entity at one level of it cost one statement.
 */

/** What a list is made of. One per entity; the texts are ours, never a client's. */
export interface ListSource {
  readonly table: string;
  /** The select list, each column with its name in the row: `"user_id" AS "userId"`. */
  readonly columns: readonly { readonly expression: string; readonly name: string }[];
  /** The column that breaks ties, with its SQL type. */
  readonly key: { readonly column: string; readonly type: "uuid" | "int" | 'text COLLATE "C"' };
}

export interface Condition {
  /** SQL with `?` for each value: `"status" = ?::project_status`. */
  readonly sql: string;
  readonly values: readonly unknown[];
}

export interface SortOrder {
  readonly column: string;
  readonly type: "timestamptz" | "text" | "int";
  readonly direction: "ASC" | "DESC";
}

/** A page of rows, or the number of rows in the whole list. */
export interface PageQuery {
  /** The column that names the parent, and the parent's id. Without: a list of the whole type. */
  readonly parent?: { readonly column: string; readonly id: string } | undefined;
  readonly where: readonly Condition[];
  readonly rows?:
    | {
        readonly order: SortOrder;
        /** Rows on the far side of this position, in the order's direction. */
        readonly beyond?: { readonly sortKey: unknown; readonly id: string } | undefined;
        readonly limit: number;
      }
    | undefined;
}

export interface PageAnswer<Row> {
  readonly rows: Row[];
  readonly total: number;
}

interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/** A row of the statement: which query it answers, and the columns of the list, null in a count. */
type AnswerRow = Record<string, unknown> & {
  branch: number;
  parent: string | null;
  position: string | null;
  total: string | null;
};

/**
 * @returns the statement, and what turns its rows into one answer per query, in the queries' order
 */
export function pageStatement<Row>(source: ListSource, queries: readonly PageQuery[]) {
  const branches = groupByShape(queries);
  // Branches with rows come first: they give the columns of the UNION their types.
  branches.sort((a, b) => Number(Boolean(b.query.rows)) - Number(Boolean(a.query.rows)));
  const hasRows = branches.some(({ query }) => query.rows);

  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const text = branches
    .map((branch, index) => branchSql(source, branch, index, hasRows, bind))
    .join("\nUNION ALL\n");
  const statement: Statement = { text, values };

  const columnsOf = pickColumns<Row>(source.columns);

  function answers(rows: readonly AnswerRow[]): PageAnswer<Row>[] {
    const byBranchAndParent = new Map<string, PageAnswer<Row> & { total: number }>();
    for (const row of rows) {
      const { branch, parent, position, total } = row;
      const key = `${branch}/${parent ?? ""}`;
      const answer = byBranchAndParent.get(key) ?? { rows: [], total: 0 };
      byBranchAndParent.set(key, answer);
      if (total !== null) answer.total = Number(total);
      // The order of a UNION ALL is nobody's promise; the row number inside the page is.
      else answer.rows[Number(position) - 1] = columnsOf(row);
    }
    const branchOf = new Map<PageQuery, number>();
    branches.forEach(({ members }, index) => {
      for (const member of members) branchOf.set(member, index);
    });
    return queries.map(
      (query) =>
        byBranchAndParent.get(`${branchOf.get(query)}/${query.parent?.id ?? ""}`) ?? { rows: [], total: 0 },
    );
  }

  return { statement, answers };
}

interface Branch {
  /** Stands for all members: they are alike but for the parent's id. */
  readonly query: PageQuery;
  readonly members: PageQuery[];
}

function groupByShape(queries: readonly PageQuery[]): Branch[] {
  const branches = new Map<string, Branch>();
  for (const query of queries) {
    const shape = JSON.stringify([query.parent?.column, query.where, query.rows]);
    const branch = branches.get(shape);
    if (branch) branch.members.push(query);
    else branches.set(shape, { query, members: [query] });
  }
  return [...branches.values()];
}

function branchSql(
  source: ListSource,
  { query, members }: Branch,
  index: number,
  hasRows: boolean,
  bind: (value: unknown) => string,
): string {
  const parents =
    query.parent && `unnest(${bind([...new Set(members.map((member) => member.parent?.id))])}::uuid[])`;
  const conditions = query.where.map(({ sql, values }) => {
    let next = 0;
    return sql.replaceAll("?", () => bind(values[next++]));
  });
  if (query.parent) conditions.push(`"${query.parent.column}" = "parents"."parent"`);

  const head = `SELECT ${index} AS "branch", ${parents ? `"parents"."parent"` : "NULL::uuid"} AS "parent"`;
  const tail = (subquery: string) =>
    parents
      ? `FROM ${parents} AS "parents"("parent") CROSS JOIN LATERAL (${subquery}) AS "page"`
      : `FROM (${subquery}) AS "page"`;

  if (!query.rows) {
    const columns = hasRows ? `, ${source.columns.map(() => "NULL").join(", ")}` : "";
    const count = `SELECT count(*) AS "total" FROM "${source.table}"${whereSql(conditions)}`;
    return `${head}, NULL::bigint AS "position", "page"."total"${columns} ${tail(count)}`;
  }

  const { order, beyond, limit } = query.rows;
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
  const sorting = `"${order.column}" ${order.direction}${tieBreak}`;
  const columns = source.columns.map(({ expression, name }) => `${expression} AS "${name}"`).join(", ");
  const page =
    `SELECT row_number() OVER (ORDER BY ${sorting}) AS "position", ${columns} FROM "${source.table}"` +
    `${whereSql(conditions)} ORDER BY ${sorting} LIMIT ${bind(limit)}`;
  const names = source.columns.map(({ name }) => `"page"."${name}"`).join(", ");
  return `${head}, "page"."position", NULL::bigint AS "total", ${names} ${tail(page)}`;
}

function whereSql(conditions: readonly string[]): string {
  return conditions.length > 0 ? ` WHERE ${conditions.join(" AND ")}` : "";
}
