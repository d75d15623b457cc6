import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  getNamedType,
  getNullableType,
  isListType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from "graphql";
import type { ComposedType } from "../repositories/answerShape.ts";
import type { PageColumns } from "../repositories/page.ts";

/** What a field's `extensions` say about the data that the field is made of. */
export type RowFieldExtensions = {
  /** The columns of its row that its resolver reads. A field that exposes a column need not list it. */
  readonly columns?: readonly string[];
  /** The field is a row of this type, whose key is in the column. */
  readonly rowOf?: ComposedType;
  /** The field is the row's node id, which begins with this type. */
  readonly nodeIdOf?: ComposedType;
  /** The field is the JSON object in the column. */
  readonly isDocument?: true;
  /** The field is in such an object: the list of texts under this name, empty if there is none. */
  readonly textsIn?: string;
  /** The field is in Query: the row of this type whose node id is the argument `id`. */
  readonly byId?: ComposedType;
};

export const reads = <Row>(...columns: (string & keyof Row)[]): RowFieldExtensions => ({ columns });

/** For a field that is another row, whose key is in a column. */
export const leadsTo = <Row>(type: ComposedType, column: string & keyof Row): RowFieldExtensions => ({
  columns: [column],
  rowOf: type,
});

/** For a field that is the JSON object in a column. */
export const documentIn = <Row>(column: string & keyof Row): RowFieldExtensions => ({
  columns: [column],
  isDocument: true,
});

type Fragments = Readonly<Record<string, FragmentDefinitionNode>>;

/**
 * What `pageColumns` found, by the field's AST nodes. These are the same objects for all parents in a list,
 * and every time that a document is executed.
 */
const known = new WeakMap<readonly FieldNode[], PageColumns | undefined>();

/**
 * Finds out from the selection below a connection field which columns its page needs. A job has 21 columns,
 * and a list of jobs shows three of them. Reading the others takes most of the time of a long list.
 *
 * @returns undefined when all columns are needed: a selected field does not say what it reads, or leads back to
 *   the row
 */
export function pageColumns({
  fieldNodes,
  fragments,
  returnType,
}: GraphQLResolveInfo): PageColumns | undefined {
  if (known.has(fieldNodes)) return known.get(fieldNodes);
  const connection = getNamedType(returnType);
  const columns = isObjectType(connection) ? columnsOf(fieldNodes, connection, fragments) : undefined;
  known.set(fieldNodes, columns);
  return columns;
}

function columnsOf(
  fieldNodes: readonly FieldNode[],
  connection: GraphQLObjectType,
  fragments: Fragments,
): PageColumns | undefined {
  const names = new Set<string>();
  let hasCursors = false;
  let isKnown = true;

  const readRow = ({ extensions }: GraphQLField<unknown, unknown>) => {
    // Safe: what Pothos and the functions above put there.
    const { pothosExposedField, columns } = extensions as RowFieldExtensions & {
      pothosExposedField?: string;
    };
    if (columns === undefined && pothosExposedField === undefined) isKnown = false;
    for (const name of columns ?? [pothosExposedField!]) names.add(name);
  };
  const readRows = (field: GraphQLField<unknown, unknown>, node: FieldNode) => {
    const type = objectType(field);
    // An interface does not say which columns its implementations read.
    if (type === undefined || leadsBack(node, type, type, fragments)) isKnown = false;
    else eachField(node.selectionSet, type, fragments, readRow);
  };
  const readEdge = (field: GraphQLField<unknown, unknown>, node: FieldNode) => {
    if (field.name === "node") readRows(field, node);
    else hasCursors = true;
  };
  for (const { selectionSet } of fieldNodes) {
    eachField(selectionSet, connection, fragments, (field, node) => {
      if (field.name === "nodes") readRows(field, node);
      else if (field.name === "edges") eachField(node.selectionSet, objectType(field), fragments, readEdge);
      else if (field.name === "pageInfo") hasCursors = true;
      else if (field.name !== "totalCount") isKnown = false;
    });
  }
  return isKnown ? { names: [...names].sort(), hasCursors } : undefined;
}

/**
 * Whether a row of the page's own type is loaded by its id further down. If the page has whole rows, that
 * takes no other statement.
 */
function leadsBack(
  node: FieldNode,
  type: GraphQLObjectType,
  row: GraphQLObjectType,
  fragments: Fragments,
): boolean {
  let isLeading = false;
  eachField(node.selectionSet, type, fragments, (field, child) => {
    const below = objectType(field);
    if (below === undefined) return;
    const isOne = !isListType(getNullableType(field.type));
    isLeading ||= (isOne && below === row) || leadsBack(child, below, row, fragments);
  });
  return isLeading;
}

function objectType(field: GraphQLField<unknown, unknown>): GraphQLObjectType | undefined {
  const type = getNamedType(field.type);
  return isObjectType(type) ? type : undefined;
}

/**
 * Fragments are not matched against the type. In a valid document they are on the object's own type, or on
 * one of its interfaces.
 */
function eachField(
  selectionSet: SelectionSetNode | undefined,
  type: GraphQLObjectType | undefined,
  fragments: Fragments,
  callback: (field: GraphQLField<unknown, unknown>, node: FieldNode) => void,
): void {
  const fields = type?.getFields() ?? {};
  for (const selection of selectionSet?.selections ?? []) {
    if (selection.kind === Kind.FIELD) {
      const field = fields[selection.name.value];
      if (field !== undefined) callback(field, selection);
    } else {
      const { selectionSet: within } =
        selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value]!;
      eachField(within, type, fragments, callback);
    }
  }
}
