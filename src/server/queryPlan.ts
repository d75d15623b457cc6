import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLBoolean,
  type GraphQLField,
  GraphQLID,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  GraphQLString,
  getArgumentValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from "graphql";
import type { Viewer } from "../auth/viewer.ts";
import { ruleOf } from "../schema/index.ts";
import type { Rule } from "../schema/rules.ts";

export interface RunContext {
  readonly viewer?: Viewer | null;
}

export type Data = Record<string, unknown>;
export type Variables = Readonly<Record<string, unknown>>;
type Resolve = (source: unknown, args: object, context: unknown, info: GraphQLResolveInfo) => unknown;

/** The fields of one type at one place in the document. */
export interface SelectionPlan {
  readonly typeName: string;
  readonly fields: readonly FieldPlan[];
}

export interface FieldPlan {
  readonly key: string;
  /** The property of the source that holds the value; undefined: a resolver gives the value. */
  readonly property: string | undefined;
  readonly resolve: Resolve | undefined;
  readonly argsOf: (variables: Variables) => object;
  /** Decides who may see the field. */
  readonly rule: Rule | undefined;
  readonly value: ValuePlan;
  readonly info: Omit<GraphQLResolveInfo, "variableValues" | "path">;
}

/** How a resolved value becomes output. */
export type ValuePlan = { readonly isNullable: boolean } & (
  | { readonly kind: "typename" }
  | { readonly kind: "leaf"; readonly toOutput: (value: unknown) => unknown }
  | { readonly kind: "list"; readonly item: ValuePlan }
  | { readonly kind: "object"; readonly selection: SelectionPlan }
  | { readonly kind: "abstract"; readonly selectionOf: (value: unknown, run: Run) => SelectionPlan }
);

/** One execution. */
export interface Run {
  readonly context: RunContext;
  readonly variables: Variables;
}

/** Thrown where there is more to report than data. A symbol and no Error, because nobody looks at a stack. */
export const UNUSUAL = Symbol("unusual");

/** The variables that decide what of a document is skipped or included. */
export function flagsIn(document: DocumentNode): readonly string[] {
  const names = new Set<string>();
  visit(document, {
    Directive({ name, arguments: [condition] = [] }) {
      if (name.value !== "skip" && name.value !== "include") return;
      if (condition?.value.kind === Kind.VARIABLE) names.add(condition.value.name.value);
    },
  });
  return [...names];
}

/**
 * What a query asks for: its fields, types, arguments and rules.
 *
 * @param flags the values of all variables that decide what is skipped
 * @throws UNUSUAL for a query of which no plan can be made
 */
export function createPlan(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  flags: Variables,
): SelectionPlan {
  const fragments: Record<string, FragmentDefinitionNode> = {};
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;

  const isIncluded = ({ directives = [] }: SelectionNode) =>
    directives.every(({ name, arguments: [condition] = [] }) => {
      if (name.value !== "skip" && name.value !== "include") return true;
      const value = condition?.value;
      const flag =
        value?.kind === Kind.VARIABLE ? flags[value.name.value] : (value as { value?: unknown }).value;
      if (typeof flag !== "boolean") throw UNUSUAL;
      return flag === (name.value === "include");
    });

  /** The fields that are selected on an object of the type, by their response keys. */
  function collect(
    type: GraphQLObjectType,
    selectionSets: readonly SelectionSetNode[],
  ): Map<string, FieldNode[]> {
    const found = new Map<string, FieldNode[]>();
    const seen = new Set<string>();
    const walk = ({ selections }: SelectionSetNode) => {
      for (const selection of selections) {
        if (!isIncluded(selection)) continue;
        if (selection.kind === Kind.FIELD) {
          const key = (selection.alias ?? selection.name).value;
          const nodes = found.get(key);
          if (nodes === undefined) found.set(key, [selection]);
          else nodes.push(selection);
          continue;
        }
        if (selection.kind === Kind.FRAGMENT_SPREAD) {
          if (seen.has(selection.name.value)) continue;
          seen.add(selection.name.value);
        }
        const fragment =
          selection.kind === Kind.FRAGMENT_SPREAD ? fragments[selection.name.value]! : selection;
        if (isOf(type, fragment.typeCondition?.name.value)) walk(fragment.selectionSet);
      }
    };
    selectionSets.forEach(walk);
    return found;
  }

  function isOf(type: GraphQLObjectType, condition: string | undefined): boolean {
    if (condition === undefined || condition === type.name) return true;
    const named = schema.getType(condition);
    return isAbstractType(named) && schema.isSubType(named, type);
  }

  function selectionPlan(type: GraphQLObjectType, selectionSets: readonly SelectionSetNode[]): SelectionPlan {
    if (type.isTypeOf) throw UNUSUAL;
    const fields = [...collect(type, selectionSets)].map(([key, nodes]) => fieldPlan(type, key, nodes));
    return { typeName: type.name, fields };
  }

  function fieldPlan(
    parentType: GraphQLObjectType,
    key: string,
    fieldNodes: readonly FieldNode[],
  ): FieldPlan {
    const [node] = fieldNodes as [FieldNode];
    const fieldName = node.name.value;
    const field = parentType.getFields()[fieldName];
    if (fieldName === "__typename") {
      const value: ValuePlan = { kind: "typename", isNullable: false };
      return {
        key,
        value,
        property: undefined,
        resolve: undefined,
        rule: undefined,
        argsOf: () => ({}),
        info: {} as never,
      };
    }
    if (field === undefined) throw UNUSUAL;
    return {
      key,
      ...resolverOf(field),
      argsOf: argumentsOf(field, node),
      value: valuePlan(field.type, fieldNodes),
      info: {
        fieldName,
        fieldNodes,
        returnType: field.type,
        parentType,
        schema,
        fragments,
        rootValue: undefined,
        operation,
      },
    };
  }

  function valuePlan(type: GraphQLOutputType, fieldNodes: readonly FieldNode[]): ValuePlan {
    const isNullable = !isNonNullType(type);
    const inner = isNonNullType(type) ? type.ofType : type;
    if (isListType(inner)) return { kind: "list", isNullable, item: valuePlan(inner.ofType, fieldNodes) };
    if (isLeafType(inner)) return { kind: "leaf", isNullable, toOutput: outputOf(inner) };
    const selectionSets = fieldNodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    if (isObjectType(inner))
      return { kind: "object", isNullable, selection: selectionPlan(inner, selectionSets) };
    const selections = new Map(
      schema.getPossibleTypes(inner).map((type) => [type.name, selectionPlan(type, selectionSets)]),
    );
    const selectionOf = (value: unknown, { context }: Run): SelectionPlan => {
      // Safe: no `resolveType` of the schema looks at the info.
      const name: unknown = inner.resolveType?.(value, context, {} as never, inner);
      const selection = typeof name === "string" ? selections.get(name) : undefined;
      if (selection === undefined) throw UNUSUAL;
      return selection;
    };
    return { kind: "abstract", isNullable, selectionOf };
  }

  return selectionPlan(schema.getQueryType()!, [operation.selectionSet]);
}

/** The resolver as it was written, if Pothos has wrapped it in nothing but a rule; otherwise the wrapped one. */
function resolverOf(field: GraphQLField<unknown, unknown>) {
  const { name, resolve, extensions } = field;
  // As graphql-js does where there is no resolver.
  if (resolve === undefined) return { property: name, resolve: undefined, rule: undefined };
  // Safe: Pothos puts these there.
  const { pothosOriginalResolve, pothosResolveWrapped, pothosExposedField } = extensions as {
    pothosOriginalResolve?: Resolve;
    pothosResolveWrapped?: boolean;
    pothosExposedField?: string;
  };
  const rule = ruleOf(field);
  if (pothosOriginalResolve === undefined || pothosResolveWrapped !== (rule !== undefined))
    return { property: undefined, resolve, rule: undefined };
  return {
    property: pothosExposedField,
    resolve: pothosExposedField === undefined ? pothosOriginalResolve : undefined,
    rule,
  };
}

/** Arguments without variables are read once, and are the same object each time. */
function argumentsOf(
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): (variables: Variables) => object {
  let hasVariables = false;
  for (const argument of node.arguments ?? [])
    visit(argument, {
      Variable() {
        hasVariables = true;
      },
    });
  if (hasVariables) return (variables) => getArgumentValues(field, node, variables);
  const values = getArgumentValues(field, node);
  return () => values;
}

/** Turns a value into output. Throws for one that is not of the type: errors, promises and functions included. */
function outputOf(type: GraphQLLeafType): (value: unknown) => unknown {
  if (type === GraphQLString || type === GraphQLID)
    return (value) => (typeof value === "string" ? value : type.serialize(value));
  if (type === GraphQLBoolean) return (value) => (typeof value === "boolean" ? value : type.serialize(value));
  return (value) => {
    if (value instanceof Error || typeof value === "function" || isPromise(value)) throw UNUSUAL;
    const output = type.serialize(value);
    if (output == null) throw UNUSUAL;
    return output;
  };
}

// Safe: no resolver of a query looks at its path.
export const infoFor = (info: FieldPlan["info"], variableValues: Variables): GraphQLResolveInfo =>
  ({ ...info, variableValues }) as GraphQLResolveInfo;

export const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as Promise<unknown> | null | undefined)?.then === "function";
