import type { InterfaceRef, ObjectRef } from "@pothos/core";
import type { GraphQLResolveInfo } from "graphql";
import type { ListLoader } from "../loaders.ts";
import {
  DEFAULT_PAGE_SIZE,
  type List,
  MAX_PAGE_SIZE,
  type Page,
  type PageArguments,
  type PageColumns,
} from "../repositories/page.ts";
import { builder, type SchemaTypes } from "./builder.ts";
import { pageColumns } from "./pageColumns.ts";

/**
 * A Relay connection (https://relay.dev/graphql/connections.htm) that reads each part only when it is asked
 * for. `totalCount` alone counts and reads no rows; `nodes` alone counts nothing. Both together still take
 * one statement, because the loader gets both loads in the same batch.
 */
export class Connection<Row> {
  readonly #loader: ListLoader<Row>;
  readonly #list: List;
  readonly #page: PageArguments;
  readonly #maxPageSize: number | undefined;
  readonly #cursorOf: (list: List, row: Row) => string;
  readonly #columns: PageColumns | undefined;

  constructor(options: {
    loader: ListLoader<Row>;
    list: List;
    page: PageArguments;
    cursorOf: (list: List, row: Row) => string;
    maxPageSize?: number;
    /** Of the field whose value the connection is: it tells the selection below that field. */
    info: GraphQLResolveInfo;
  }) {
    this.#loader = options.loader;
    this.#list = options.list;
    this.#page = options.page;
    this.#maxPageSize = options.maxPageSize;
    this.#cursorOf = options.cursorOf;
    this.#columns = pageColumns(options.info);
  }

  /** The request with which the loader is asked for the page. */
  request() {
    return {
      want: "page",
      list: this.#list,
      page: this.#page,
      maxPageSize: this.#maxPageSize,
      columns: this.#columns,
    } as const;
  }

  page(): Promise<Page<Row>> {
    // Safe: the loader answers a request for a page with a page.
    return this.#loader.load(this.request()) as Promise<Page<Row>>;
  }

  totalCount(): Promise<number> {
    // Safe: the loader answers a request for a total with a number.
    return this.#loader.load({ want: "total", list: this.#list }) as Promise<number>;
  }

  cursorOf(row: Row): string {
    return this.#cursorOf(this.#list, row);
  }
}

const PageInfo = builder
  .objectRef<{ connection: Connection<unknown>; page: Page<unknown> }>("PageInfo")
  .implement({
    description: "The position of a page in its list.",
    fields: (t) => ({
      hasNextPage: t.boolean({
        description:
          "Whether the list has rows after this page. Backward (with `last` or `before`), it only says whether `before` was given.",
        resolve: ({ page }) => page.hasNextPage,
      }),
      hasPreviousPage: t.boolean({
        description:
          "Whether the list has rows before this page. Forward, it only says whether `after` was given.",
        resolve: ({ page }) => page.hasPreviousPage,
      }),
      startCursor: t.string({
        nullable: true,
        description: "The cursor of the page's first row, for `before`. Null if the page is empty.",
        resolve: ({ connection, page }) => (page.rows.length > 0 ? connection.cursorOf(page.rows[0]) : null),
      }),
      endCursor: t.string({
        nullable: true,
        description: "The cursor of the page's last row, for `after`. Null if the page is empty.",
        resolve: ({ connection, page }) =>
          page.rows.length > 0 ? connection.cursorOf(page.rows.at(-1)) : null,
      }),
    }),
  });

const rowsOf = <Row>({ rows }: Page<Row>): readonly Row[] => rows;

/** The connection type of a node type, with its edge type. */
export function connectionType<Row>(
  name: string,
  node: ObjectRef<SchemaTypes, Row, Row> | InterfaceRef<SchemaTypes, Row, Row>,
  plural: string,
) {
  const Edge = builder.objectRef<{ connection: Connection<Row>; node: Row }>(`${name}Edge`).implement({
    description: `An entry of a page of ${plural}: a row with its cursor.`,
    fields: (t) => ({
      cursor: t.string({
        description: "An opaque cursor: the row's position in the list, for `after` and `before`.",
        resolve: ({ connection, node }) => connection.cursorOf(node),
      }),
      node: t.field({ type: node, description: "The row itself.", resolve: (edge) => edge.node as never }),
    }),
  });

  return builder.objectRef<Connection<Row>>(`${name}Connection`).implement({
    description: `A page of a list of ${plural}.`,
    fields: (t) => ({
      nodes: t.field({
        type: [node],
        description: "The rows of the page.",
        resolve: (connection) => connection.page().then(rowsOf) as never,
      }),
      edges: t.field({
        type: [Edge],
        description: "The rows of the page, each with its cursor.",
        resolve: async (connection) =>
          (await connection.page()).rows.map((row) => ({ connection, node: row })),
      }),
      pageInfo: t.field({
        type: PageInfo,
        description: "Whether there are more pages, and the cursors to continue from.",
        // Safe: PageInfo only hands the connection's own rows back to it.
        resolve: async (connection) => ({
          connection: connection as Connection<unknown>,
          page: await connection.page(),
        }),
      }),
      totalCount: t.int({
        description: "The number of rows on all pages of the list together.",
        resolve: (connection) => connection.totalCount(),
      }),
    }),
  });
}

/** The arguments of every connection field. */
export const pageArguments = (maxPageSize = MAX_PAGE_SIZE) =>
  builder.args((t) => ({
    first: t.int({
      description: `How many rows to return, from the start of the list or after the cursor \`after\`: 0 to ${maxPageSize}. The default is ${DEFAULT_PAGE_SIZE}.`,
    }),
    after: t.string({ description: "Returns only rows after this cursor. Use it with `first`." }),
    last: t.int({
      description: `How many rows to return, from the end of the list or before the cursor \`before\`: 0 to ${maxPageSize}.`,
    }),
    before: t.string({ description: "Returns only rows before this cursor. Use it with `last`." }),
  }));
