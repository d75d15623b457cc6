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
  getVariableValues,
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
import { isAllowed, type Rule } from "../schema/rules.ts";

/** A query as it is run again and again. */
export interface CompiledQuery {
  /**
   * @returns the answer's data; undefined: there is something to be told of it that is nothing but data, and who walks
   *   the document has to tell it. Rejects with nothing.
   */
  run(
    context: RunContext,
    variables: Readonly<Record<string, unknown>>,
  ): Promise<Data | undefined> | Data | undefined;
}

export interface RunContext {
  readonly viewer?: Viewer | null;
}

type Data = Record<string, unknown>;
type Variables = Readonly<Record<string, unknown>>;
type Resolve = (source: unknown, args: object, context: unknown, info: GraphQLResolveInfo) => unknown;

/** The fields of one type at one place in the document. */
interface SelectionPlan {
  readonly typeName: string;
  readonly fields: readonly FieldPlan[];
}

interface FieldPlan {
  readonly key: string;
  /** A property of the source that is the value. */
  readonly property: string | undefined;
  readonly resolve: Resolve | undefined;
  readonly argsOf: (variables: Variables) => object;
  /** Who may see it. */
  readonly rule: Rule | undefined;
  readonly value: ValuePlan;
  readonly info: Omit<GraphQLResolveInfo, "variableValues" | "path">;
}

/** How what a resolver gives becomes what is answered. */
type ValuePlan = { readonly isNullable: boolean } & (
  | { readonly kind: "typename" }
  | { readonly kind: "leaf"; readonly toOutput: (value: unknown) => unknown }
  | { readonly kind: "list"; readonly item: ValuePlan }
  | { readonly kind: "object"; readonly selection: SelectionPlan }
  | { readonly kind: "abstract"; readonly selectionOf: (value: unknown, run: Run) => SelectionPlan }
);

/** One execution. */
interface Run {
  readonly context: RunContext;
  readonly variables: Variables;
}

/** What a value is put into, and under which names: one for all, or one for each. */
interface Places {
  readonly into: readonly (Data | unknown[])[];
  readonly at: string | readonly number[];
}

/** Each combination of what the directives skip is a plan of its own. */
const MAX_FLAGS = 4;

/** `__typename` is a field like others. The schema is asked for once by each client, and `__proto__` is no name for an object's property. */
const IS_META = /__(?!typename\b)/;

/** Thrown, and not an error's instance: nobody looks at its stack. */
const UNUSUAL = Symbol("unusual");

/**
 * Makes a query ready to be run: its fields, types, arguments and rules are found once, and not for each object of
 * each answer. It is run by places of the document: a field is resolved for all objects that are at its place in one loop, and
 * waited for once, not once for each.
 *
 * Whatever is not plain success ends the run without an answer: errors, and null where none may be. Loaders
 * keep what they have read, so to walk the document then reads nothing twice.
 *
 * @returns undefined for what is not compiled: mutations and subscriptions, what asks for the schema, what has
 *   `__proto__` for a name or too many variables that decide what is skipped
 */
export function compileQuery(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): CompiledQuery | undefined {
  const flags = flagsIn(document);
  if (operation.operation !== "query" || flags.length > MAX_FLAGS) return undefined;
  if (document.loc === undefined || IS_META.test(document.loc.source.body)) return undefined;

  const plans = new Map<string, SelectionPlan>();
  const definitions = operation.variableDefinitions ?? [];

  function planFor(variables: Variables): SelectionPlan {
    const key = flags.map((name) => variables[name]).join();
    let plan = plans.get(key);
    if (plan === undefined) {
      plan = createPlan(schema, document, operation, variables);
      plans.set(key, plan);
    }
    return plan;
  }

  return {
    run(context, given) {
      const { coerced, errors } = getVariableValues(schema, definitions, given);
      if (errors !== undefined) return undefined;
      try {
        const pending: Promise<unknown>[] = [];
        const [data] = select(planFor(coerced), [undefined], { context, variables: coerced }, pending);
        if (pending.length === 0) return data;
        return Promise.all(pending).then(
          () => data,
          () => undefined,
        );
      } catch {
        return undefined;
      }
    },
  };
}

/** The variables that decide what of a document is skipped. */
function flagsIn(document: DocumentNode): readonly string[] {
  const names = new Set<string>();
  visit(document, {
    Directive({ name, arguments: [condition] = [] }) {
      if (name.value !== "skip" && name.value !== "include") return;
      if (condition?.value.kind === Kind.VARIABLE) names.add(condition.value.name.value);
    },
  });
  return [...names];
}

/** @param flags with all variables that decide what is skipped */
function createPlan(
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

  /** The fields that are asked of an object of the type, by the names that they are answered under. */
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
      // Safe: none of the schema's looks at the info.
      const name: unknown = inner.resolveType?.(value, context, {} as never, inner);
      const selection = typeof name === "string" ? selections.get(name) : undefined;
      if (selection === undefined) throw UNUSUAL;
      return selection;
    };
    return { kind: "abstract", isNullable, selectionOf };
  }

  return selectionPlan(schema.getQueryType()!, [operation.selectionSet]);
}

/** The resolver as it was written, where all that Pothos has put around it is a rule. */
function resolverOf({ name, resolve, extensions }: GraphQLField<unknown, unknown>) {
  // As graphql does it where there is no resolver.
  if (resolve === undefined) return { property: name, resolve: undefined, rule: undefined };
  // Safe: what Pothos puts there.
  const { pothosOriginalResolve, pothosResolveWrapped, pothosExposedField, pothosOptions } = extensions as {
    pothosOriginalResolve?: Resolve;
    pothosResolveWrapped?: boolean;
    pothosExposedField?: string;
    pothosOptions?: { authScopes?: object | (() => unknown) };
  };
  const [scopes, ...others] = Object.entries(pothosOptions?.authScopes ?? {});
  const [rule, isNeeded] = scopes ?? [];
  const isRule = isNeeded === true && others.length === 0;
  if (pothosOriginalResolve === undefined || pothosResolveWrapped !== isRule)
    return { property: undefined, resolve, rule: undefined };
  return {
    property: pothosExposedField,
    resolve: pothosExposedField === undefined ? pothosOriginalResolve : undefined,
    rule: rule as Rule | undefined, // Safe: the builder knows no other scopes.
  };
}

/** Arguments without variables are the same objects each time. */
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

/** Throws for what is no such value: errors, promises and functions included. */
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

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as Promise<unknown> | null | undefined)?.then === "function";

const ignored = () => {};

/** Answers the fields of all these objects; what has to be waited for is added to `pending`, and fills in the rest. */
function select(
  { typeName, fields }: SelectionPlan,
  sources: readonly unknown[],
  run: Run,
  pending: Promise<unknown>[],
): Data[] {
  const results = sources.map((): Data => ({}));
  for (const { key, value, rule, property, resolve, argsOf, info } of fields) {
    if (value.kind === "typename") {
      for (const result of results) result[key] = typeName;
      continue;
    }
    if (rule !== undefined && !isAllowed(rule, run.context.viewer ?? null)) throw UNUSUAL;
    const places: Places = { into: results, at: key };
    if (property !== undefined && value.kind === "leaf") {
      for (let index = 0; index < sources.length; index++) {
        const found = (sources[index] as Data)[property];
        if (found == null && !value.isNullable) throw UNUSUAL;
        results[index]![key] = found == null ? null : value.toOutput(found);
      }
      continue;
    }
    if (property !== undefined) {
      const values = sources.map((source) => (source as Data)[property]);
      complete(value, values, places, run, pending);
      continue;
    }
    if (resolve === undefined) throw UNUSUAL;
    const args = argsOf(run.variables);
    // Safe: no resolver of a query asks where it is.
    const fullInfo = { ...info, variableValues: run.variables } as GraphQLResolveInfo;
    const values: unknown[] = [];
    let isWaiting = false;
    try {
      for (const source of sources) {
        const found = resolve(source, args, run.context, fullInfo);
        values.push(found);
        isWaiting ||= isPromise(found);
      }
    } catch (error) {
      for (const found of values) if (isPromise(found)) found.catch(ignored);
      throw error;
    }
    if (!isWaiting) {
      complete(value, values, places, run, pending);
      continue;
    }
    // Its place among the names, which are answered in the document's order.
    for (const result of results) result[key] = undefined;
    const completed = Promise.all(values).then((found) => {
      const below: Promise<unknown>[] = [];
      complete(value, found, places, run, below);
      return below.length === 0 ? undefined : Promise.all(below);
    });
    // Who waits for it may have ended without.
    completed.catch(ignored);
    pending.push(completed);
  }
  return results;
}

/** Makes answers of the values, and puts each into its place. */
function complete(
  plan: ValuePlan,
  values: readonly unknown[],
  { into, at }: Places,
  run: Run,
  pending: Promise<unknown>[],
): void {
  const put = (index: number, output: unknown) => {
    // Safe: a list has a number for each place, an object one name for all.
    (into[index] as Data)[typeof at === "string" ? at : at[index]!] = output;
  };
  const isLeaf = plan.kind === "leaf";
  /** Where there is something; null is in its place already. */
  const present: number[] = [];
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (value == null) {
      if (!plan.isNullable) throw UNUSUAL;
      put(index, null);
    } else if (isLeaf) put(index, plan.toOutput(value));
    else if (value instanceof Error || isPromise(value)) throw UNUSUAL;
    else present.push(index);
  }
  if (present.length === 0) return;
  switch (plan.kind) {
    case "list": {
      const [items, lists, positions]: [unknown[], unknown[][], number[]] = [[], [], []];
      for (const index of present) {
        const list = values[index];
        if (!Array.isArray(list)) throw UNUSUAL;
        const output = new Array<unknown>(list.length);
        put(index, output);
        for (let position = 0; position < list.length; position++) {
          items.push(list[position]);
          lists.push(output);
          positions.push(position);
        }
      }
      complete(plan.item, items, { into: lists, at: positions }, run, pending);
      return;
    }
    case "object":
      answer(plan.selection, present);
      return;
    case "abstract": {
      const bySelection = new Map<SelectionPlan, number[]>();
      for (const index of present) {
        const selection = plan.selectionOf(values[index], run);
        const group = bySelection.get(selection);
        if (group === undefined) bySelection.set(selection, [index]);
        else group.push(index);
      }
      for (const [selection, group] of bySelection) answer(selection, group);
    }
  }

  function answer(selection: SelectionPlan, indices: readonly number[]): void {
    const isAll = indices.length === values.length;
    const sources = isAll ? values : indices.map((index) => values[index]);
    const results = select(selection, sources, run, pending);
    for (let position = 0; position < indices.length; position++) put(indices[position]!, results[position]);
  }
}
