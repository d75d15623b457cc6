import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
} from "graphql";
import { DEFAULT_PAGE_SIZE } from "../repositories/page.ts";

type Variables = Readonly<Record<string, unknown>>;

/**
 * The assumed number of items of a list that no argument bounds: tasks of a plan, components of the health report.
 */
const ASSUMED_LIST_SIZE = 10;
/** Writing a row costs more than reading one. */
const MUTATION_COST = 10;
/** A flat cost: the schema does not change, and its text is as long as that of some thousand values. */
const INTROSPECTION_COST = 1_000;

/**
 * An operation's complexity is the largest number of values that its answer may have: 1 for each field, times
 * the rows that it is selected on. A connection has as many rows as `first` or `last` says; a list, as many
 * as its argument has ids. What `@skip` and `@include` leave out costs nothing.
 *
 * Each fragment is measured once for each number of rows. An operation whose cost depends on no variable is
 * measured once.
 */
export function createComplexity(schema: GraphQLSchema) {
  const fixed = new WeakMap<OperationDefinitionNode, number>();

  return function complexityOf(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Variables,
  ): number {
    const known = fixed.get(operation);
    if (known !== undefined) return known;
    const { cost, dependsOnVariables } = measure(schema, document, operation, variables);
    if (!dependsOnVariables) fixed.set(operation, cost);
    return cost;
  };
}

function measure(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
) {
  let dependsOnVariables = false;
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  /** By the fragment's name, and the rows of the list that it is spread in. */
  const ofFragments = new Map<string, number>();

  /** The value of a variable, or its default. Of a literal, only what a cost can depend on. */
  const knownValue = (node: ValueNode | undefined): unknown => {
    switch (node?.kind) {
      case Kind.VARIABLE: {
        dependsOnVariables = true;
        const { value: name } = node.name;
        if (Object.hasOwn(variables, name)) return variables[name];
        return knownValue(
          operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue,
        );
      }
      case Kind.INT:
        return Number(node.value);
      case Kind.BOOLEAN:
        return node.value;
      case Kind.LIST:
        return node.values;
      default:
        return undefined;
    }
  };
  const argument = ({ arguments: given = [] }: Pick<FieldNode, "arguments">, name: string): unknown =>
    knownValue(given.find((each) => each.name.value === name)?.value);

  const isLeftOut = ({ directives = [] }: SelectionNode): boolean =>
    directives.some(
      (directive) =>
        (directive.name.value === "skip" && argument(directive, "if") === true) ||
        (directive.name.value === "include" && argument(directive, "if") === false),
    );

  /** @param rows how many rows the enclosing connection has */
  const ofSelections = ({ selections }: SelectionSetNode, type: GraphQLNamedType, rows: number): number => {
    let sum = 0;
    for (const selection of selections) {
      if (isLeftOut(selection)) continue;
      if (selection.kind === Kind.FIELD) sum += ofField(selection, type, rows);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) sum += ofFragment(selection.name.value, rows);
      else {
        const on = selection.typeCondition;
        sum += ofSelections(selection.selectionSet, on ? schema.getType(on.name.value)! : type, rows);
      }
    }
    // Capped, so that the cost of an exponential document is still a number that can be compared and reported.
    return Math.min(sum, Number.MAX_SAFE_INTEGER);
  };

  const ofFragment = (name: string, rows: number): number => {
    const key = `${name} ${rows}`;
    let cost = ofFragments.get(key);
    if (cost === undefined) {
      // Safe: the document is valid.
      const { typeCondition, selectionSet } = fragments.get(name)!;
      cost = ofSelections(selectionSet, schema.getType(typeCondition.name.value)!, rows);
      ofFragments.set(key, cost);
    }
    return cost;
  };

  const ofField = (node: FieldNode, parent: GraphQLNamedType, rows: number): number => {
    const name = node.name.value;
    if (name === "__schema" || name === "__type") return INTROSPECTION_COST;
    const field = fieldOf(parent, name);
    // `__typename`.
    if (field === undefined) return 1;
    const own = parent === schema.getMutationType() ? MUTATION_COST : 1;
    const type = getNamedType(field.type);
    const inner = node.selectionSet ? ofSelections(node.selectionSet, type, rowsOf(node, field)) : 0;
    return own + timesOf(node, field, rows) * (isCompositeType(type) ? Math.max(1, inner) : 0);
  };

  /** How many rows a connection has. */
  const rowsOf = (node: FieldNode, { args }: GraphQLField<unknown, unknown>): number => {
    if (!args.some(({ name }) => name === "first")) return ASSUMED_LIST_SIZE;
    const size = argument(node, "first") ?? argument(node, "last") ?? DEFAULT_PAGE_SIZE;
    return typeof size === "number" && size > 0 ? size : 0;
  };

  /** How often a field's selections are answered. */
  const timesOf = (node: FieldNode, { type, args }: GraphQLField<unknown, unknown>, rows: number): number => {
    if (!isListType(getNullableType(type))) return 1;
    const ids = args.find(({ type: each }) => isListType(getNullableType(each)));
    const given = ids && argument(node, ids.name);
    return Array.isArray(given) ? given.length : rows;
  };

  // Safe: the document is valid, so the schema has the operation's type.
  const cost = ofSelections(
    operation.selectionSet,
    schema.getRootType(operation.operation)!,
    ASSUMED_LIST_SIZE,
  );
  return { cost, dependsOnVariables };
}

function fieldOf(type: GraphQLNamedType, name: string): GraphQLField<unknown, unknown> | undefined {
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
}
