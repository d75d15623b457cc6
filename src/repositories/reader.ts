import type { Query } from "../database/database.ts";
import { cursorOf, type List, type ListRequest, loadLists, type Page, type PageArguments } from "./page.ts";
import type { ListSource } from "./pageStatement.ts";

/**
 * What the repositories share: reading rows by id, and lists of rows. One statement each,
 * whatever the number of keys.
 */
export function createReader<Row extends { id: string }>(query: Query, source: ListSource) {
  const columns = source.columns.map(({ expression, name }) => `${expression} AS "${name}"`).join(", ");
  const byId = `SELECT ${columns} FROM "${source.table}" WHERE "id" = ANY($1::uuid[])`;

  /** In the ids' order; null where there is no such row. */
  async function findByIds(ids: readonly string[]): Promise<(Row | null)[]> {
    const rows = await query<Row>(byId, [ids]);
    const found = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => found.get(id) ?? null);
  }

  async function findById(id: string): Promise<Row | null> {
    return (await findByIds([id]))[0] ?? null;
  }

  return { ...createListReader<Row>(query, source), columns, findByIds, findById };
}

/** Lists alone, for rows that have no id of their own. */
export function createListReader<Row>(query: Query, source: ListSource) {
  const loadMany = (requests: readonly ListRequest[]) => loadLists<Row>(query, source, requests);

  async function loadOne(request: ListRequest): Promise<Page<Row> | number> {
    const [answer] = await loadMany([request]);
    if (answer instanceof Error) throw answer;
    return answer!;
  }

  return {
    /** Pages and totals of any number of lists, in one statement. For the loaders. */
    loadLists: loadMany,
    /** @throws AppError `VALIDATION_FAILED` for arguments that make no page */
    async findPage(list: List, page: PageArguments = {}): Promise<Page<Row>> {
      return (await loadOne({ want: "page", list, page })) as Page<Row>;
    },
    async countList(list: List): Promise<number> {
      return (await loadOne({ want: "total", list })) as number;
    },
    /** The cursor of a row in a list. */
    cursorOf: (list: List, row: Row) => cursorOf(source, list, row),
  };
}

/** A select list in which most columns are named like their fields. */
export function selectList(fields: Record<string, string>): ListSource["columns"] {
  return Object.entries(fields).map(([name, column]) => ({
    expression: /^[a-z_]+$/.test(column) ? `"${column}"` : column,
    name,
  }));
}
