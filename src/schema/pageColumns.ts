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

/** What a field's `extensions` say of what it is made of. */
export type RowFieldExtensions = {
  /** The columns that its resolver reads of its row. A field that exposes a column need not say so. */
  readonly columns?: readonly string[];
  /** It is the row of this type that the column is the key of. */
  readonly rowOf?: ComposedType;
  /** It is the row's node id, which begins with this type. */
  readonly nodeIdOf?: ComposedType;
  /** It is the JSON object in the column. */
  readonly isDocument?: true;
  /** Of such an object: the list of texts under this name, empty where there is none. */
  readonly textsIn?: string;
  /** Of the query: the row of this type whose node id is the argument `id`. */
  readonly byId?: ComposedType;
};

export const reads = <Row>(...columns: (string & keyof Row)[]): RowFieldExtensions => ({ columns });

/** For a field that is another row, which a column has the key of. */
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

/** By the field's nodes: they are the same for each of a list's parents, and each time that a document is run. */
const known = new WeakMap<readonly FieldNode[], PageColumns | undefined>();

/**
 * Which columns a connection field's page needs, from what is selected below it. A job has 21, and a list of jobs
 * shows three; most of the time that a long list takes goes into the others.
 *
 * @returns undefined: all, because something is selected that does not say what it reads, or that leads back to the row
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
    // An interface says nothing of the columns that those who implement it read.
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

/** Whether a row is asked for by its id further down: whole rows of a page answer that without another statement. */
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

/** Fragments are of the object's own type or of one of its interfaces, or the document would not be valid. */
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
