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
 * Relay connections (https://relay.dev/graphql/connections.htm) whose parts are read when they
 * are asked for: `totalCount` alone counts and reads no row, `nodes` alone counts nothing, and
 * both together are still one statement, because the loader gets both loads at the same time.
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
    /** Of the field that it is the value of: what is selected there. */
    info: GraphQLResolveInfo;
  }) {
    this.#loader = options.loader;
    this.#list = options.list;
    this.#page = options.page;
    this.#maxPageSize = options.maxPageSize;
    this.#cursorOf = options.cursorOf;
    this.#columns = pageColumns(options.info);
  }

  /** What is asked for its page. */
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
    description: "Where a page stands in its list.",
    fields: (t) => ({
      hasNextPage: t.boolean({
        description: "Whether rows follow.",
        resolve: ({ page }) => page.hasNextPage,
      }),
      hasPreviousPage: t.boolean({
        description: "Whether rows come before.",
        resolve: ({ page }) => page.hasPreviousPage,
      }),
      startCursor: t.string({
        nullable: true,
        description: "The first row's cursor, for `before`.",
        resolve: ({ connection, page }) => (page.rows.length > 0 ? connection.cursorOf(page.rows[0]) : null),
      }),
      endCursor: t.string({
        nullable: true,
        description: "The last row's cursor, for `after`.",
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
    description: `One of a page of ${plural}, with its place in the list.`,
    fields: (t) => ({
      cursor: t.string({
        description: "Its place, for `after` and `before`.",
        resolve: ({ connection, node }) => connection.cursorOf(node),
      }),
      node: t.field({ type: node, description: "What is there.", resolve: (edge) => edge.node as never }),
    }),
  });

  return builder.objectRef<Connection<Row>>(`${name}Connection`).implement({
    description: `A page of a list of ${plural}.`,
    fields: (t) => ({
      nodes: t.field({
        type: [node],
        description: "The page's rows.",
        resolve: (connection) => connection.page().then(rowsOf) as never,
      }),
      edges: t.field({
        type: [Edge],
        description: "The page's rows, each with its cursor.",
        resolve: async (connection) =>
          (await connection.page()).rows.map((row) => ({ connection, node: row })),
      }),
      pageInfo: t.field({
        type: PageInfo,
        description: "Whether there is more, and the cursors to go on from.",
        // Safe: PageInfo only hands the connection's own rows back to it.
        resolve: async (connection) => ({
          connection: connection as Connection<unknown>,
          page: await connection.page(),
        }),
      }),
      totalCount: t.int({
        description: "How many there are on all pages together.",
        resolve: (connection) => connection.totalCount(),
      }),
    }),
  });
}

/** The arguments of every connection field. */
export const pageArguments = (maxPageSize = MAX_PAGE_SIZE) =>
  builder.args((t) => ({
    first: t.int({
      description: `How many rows, from the start or after \`after\`: 0 to ${maxPageSize}; ${DEFAULT_PAGE_SIZE} unless told.`,
    }),
    after: t.string({ description: "Only rows after this cursor." }),
    last: t.int({ description: `How many rows, from the end or before \`before\`: 0 to ${maxPageSize}.` }),
    before: t.string({ description: "Only rows before this cursor." }),
  }));
