import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from "graphql";

/** How large an operation is. A fragment counts again at each place where it is spread. */
export interface OperationSize {
  /** Levels of fields. */
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  readonly rootFields: number;
  /** Items of the longest list literal in its document. */
  readonly listSize: number;
}

const NOTHING: OperationSize = { depth: 0, aliases: 0, directives: 0, rootFields: 0, listSize: 0 };

/** GraphQL itself bounds the depth below these fields (its rule `MaxIntrospectionDepth`). */
const INTROSPECTION = new Set(["__schema", "__type"]);

const sizes = new WeakMap<DocumentNode, readonly OperationSize[]>();

/**
 * The size of each operation of a document, which need not be valid. Every fragment is measured once, however often
 * it is spread: where each fragment spreads the next one twice, the size is exponential, but the time is not.
 */
export function operationSizes(document: DocumentNode): readonly OperationSize[] {
  let found = sizes.get(document);
  if (found === undefined) {
    found = measure(document);
    sizes.set(document, found);
  }
  return found;
}

function measure(document: DocumentNode): OperationSize[] {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const ofFragments = new Map<string, OperationSize>();

  const ofFragment = (name: string): OperationSize => {
    const known = ofFragments.get(name);
    if (known !== undefined) return known;
    // A fragment that is found again within itself is a cycle. Validation will refuse it; until then, it ends here.
    ofFragments.set(name, NOTHING);
    const fragment = fragments.get(name);
    const size = fragment === undefined ? NOTHING : ofNode(fragment, fragment.selectionSet);
    ofFragments.set(name, size);
    return size;
  };

  const ofNode = (
    { directives = [] }: Pick<OperationDefinitionNode, "directives">,
    selectionSet: SelectionSetNode | undefined,
  ): OperationSize => {
    let { depth, aliases, rootFields } = NOTHING;
    let count = directives.length;
    for (const selection of selectionSet?.selections ?? []) {
      const isField = selection.kind === Kind.FIELD;
      const inner =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? ofFragment(selection.name.value)
          : ofNode(selection, selection.selectionSet);
      const own = isField
        ? inner.directives
        : inner.directives +
          (selection.kind === Kind.FRAGMENT_SPREAD ? (selection.directives?.length ?? 0) : 0);
      count += own;
      aliases += inner.aliases + (isField && selection.alias !== undefined ? 1 : 0);
      rootFields += isField ? 1 : inner.rootFields;
      const levels = isField ? 1 + inner.depth : inner.depth;
      depth = Math.max(depth, isField && INTROSPECTION.has(selection.name.value) ? 1 : levels);
    }
    return { depth, aliases, directives: count, rootFields, listSize: 0 };
  };

  const listSize = longestList(document);
  return document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION
      ? [{ ...ofNode(definition, definition.selectionSet), listSize }]
      : [],
  );
}

/** Looks at the whole document: a client that sends several operations sends the lists of all of them. */
function longestList(document: DocumentNode): number {
  let longest = 0;
  visit(document, {
    ListValue({ values }) {
      longest = Math.max(longest, values.length);
    },
  });
  return longest;
}
