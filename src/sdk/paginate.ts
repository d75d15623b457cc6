import { StackConverterError } from "./error.ts";
import type { RequestOptions } from "./transport.ts";

/** The parts of a page that walking a list needs. */
export interface Page<Node> {
  readonly nodes: readonly Node[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** The variables that all lists have. */
export interface ForwardPage {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

/** The variables may be left out where the list needs none. A list is only walked forwards. */
type PaginateArguments<Variables> = undefined extends Variables
  ? [variables?: Forward<NonNullable<Variables>>, options?: RequestOptions]
  : [variables: Forward<Variables>, options?: RequestOptions];

type Forward<Variables> = Variables & ForwardPage & { readonly last?: never; readonly before?: never };

/**
 * Walks a list from its start, or from `after`, to its end, a page at a time; `first` is the size of a page.
 * The next page is read once the last node of this one was taken, so leaving the loop stops the reading.
 *
 *     for await (const project of paginate(client.projects, { ownerId, first: 100 })) …
 *
 * For a list inside another object, pass a function. Null, for an object that does not exist, counts as an
 * empty list:
 *
 *     paginate(async (page, options) => (await client.projectFiles({ id, ...page }, options))?.fileStructure)
 *
 * @throws StackConverterError as the call for a page does, and `BAD_RESPONSE` for a list that says it goes on
 *   but gives no new cursor
 */
export async function* paginate<Variables extends ForwardPage | undefined, Node>(
  readPage: (variables: Variables, options?: RequestOptions) => Promise<Page<Node> | null | undefined>,
  ...[variables, options]: PaginateArguments<NoInfer<Variables>>
): AsyncGenerator<Node, void, undefined> {
  let after = variables?.after;
  for (;;) {
    // Safe: by the argument types, either the variables were given or `readPage` needs none.
    const page = await readPage({ ...variables, after } as unknown as Variables, options);
    if (!page) return;
    yield* page.nodes;
    const { hasNextPage, endCursor } = page.pageInfo;
    if (!hasNextPage) return;
    if (endCursor === null || endCursor === after) {
      throw new StackConverterError(
        "BAD_RESPONSE",
        "The list says that it goes on, and gives no cursor to go on from.",
      );
    }
    after = endCursor;
  }
}
