import type { DataAccess, Query } from "../database/database.ts";
import { asJson, type Column, createReviver, selectListOf } from "./jsonRows.ts";
import { cursorOf, type List, type ListRequest, loadLists, type Page, type PageArguments } from "./page.ts";
import type { ListSource } from "./pageStatement.ts";
import { createReads, type Found } from "./sharedReads.ts";

/**
 * What the repositories share: reading rows by id, and reading lists of rows. Each takes one statement,
 * whatever the number of keys.
 */
export function createReader<Row extends { id: string }>(
  access: Pick<DataAccess, "query" | "sharing">,
  source: ListSource,
) {
  const columns = selectListOf(source.columns);
  const findByIds = createFinder<Row>(access, source.columns, {
    from: `"${source.table}" WHERE "id" = ANY($1::uuid[])`,
    key: "id",
  });

  async function findById(id: string): Promise<Row | null> {
    return (await findByIds([id]))[0] ?? null;
  }

  return { ...createListReader<Row>(access.query, source), columns, findByIds, findById };
}

/** Finds rows by a key. Any number of keys takes one statement. */
export function createFinder<Row>(
  { query, sharing }: Pick<DataAccess, "query" | "sharing">,
  columns: readonly Column[],
  /** `from`: what follows FROM, with `$1` for the array of keys. */
  { from, key }: { readonly from: string; readonly key: string & keyof Row },
) {
  const text = asJson(`SELECT ${selectListOf(columns)} FROM ${from}`);
  const revive = createReviver<Row>(columns);

  const find = async (keys: readonly string[]): Promise<Found<Row>> => {
    const [answer] = await query<{ rows: Parameters<typeof revive>[0] }>(text, [keys]);
    return new Map(revive(answer?.rows ?? null).map((row) => [row[key] as string, row]));
  };
  /** In the keys' order; null where there is no such row. */
  return createReads(sharing, find);
}

/** Lists only, for rows that have no id of their own. */
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
    /** @throws AppError `VALIDATION_FAILED` for invalid page arguments */
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

/**
 * The columns of a row, by field; most are named like their fields. `times` are the fields that hold times.
 */
export function selectList<Field extends string>(
  fields: Record<Field, string>,
  { times = [] }: { readonly times?: readonly NoInfer<Field>[] } = {},
): Column[] {
  return Object.entries<string>(fields).map(([name, column]) => ({
    expression: /^[a-z_]+$/.test(column) ? `"${column}"` : column,
    name,
    isTime: times.includes(name as Field),
  }));
}
