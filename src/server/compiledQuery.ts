import {
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  getVariableValues,
  type OperationDefinitionNode,
} from "graphql";
import type { Context } from "../schema/context.ts";
import { isAllowed } from "../schema/rules.ts";
import { composedResult } from "./cachedResponse.ts";
import { type Composition, createComposition } from "./composition.ts";
import {
  createPlan,
  type Data,
  flagsIn,
  infoFor,
  isPromise,
  type Run,
  type RunContext,
  type SelectionPlan,
  UNUSUAL,
  type ValuePlan,
  type Variables,
} from "./queryPlan.ts";

/** A query, compiled for being run many times. */
export interface CompiledQuery {
  /**
   * @returns the result; undefined: there is more to report than data, and the interpreter, which walks the
   *   document, has to report it. Never rejects.
   */
  run(
    context: RunContext,
    variables: Readonly<Record<string, unknown>>,
  ): Promise<ExecutionResult | undefined> | ExecutionResult | undefined;
}

/**
 * Where values are put: a container for each, and the key in it. A string is the same key in all containers;
 * an array has one index for each.
 */
interface Places {
  readonly into: readonly (Data | unknown[])[];
  readonly at: string | readonly number[];
}

/** The most variables that may decide what is skipped: each combination of their values has a plan of its own. */
const MAX_FLAGS = 4;

/**
 * Finds what is not compiled. Each client asks for the schema only once, and `__proto__` cannot be an
 * ordinary property of an object. `__typename` is compiled like any other field.
 */
const IS_META = /__(?!typename\b)/;

/**
 * Compiles a query: its fields, types, arguments and rules are looked up once, instead of for each object of
 * each answer. A compiled query runs breadth first, by places in the document. A field is resolved in one
 * loop for all objects at its place, and awaited once instead of once for each of them.
 *
 * The run ends without an answer at anything but plain success: at an error, or at null where it is not allowed.
 * Loaders keep what they have read, so the interpreter that walks the document then reads nothing twice.
 *
 * @returns undefined for what is not compiled: mutations and subscriptions, introspection, names such as
 *   `__proto__`, and too many variables that decide what is skipped
 */
export function compileQuery(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): CompiledQuery | undefined {
  const flags = flagsIn(document);
  if (operation.operation !== "query" || flags.length > MAX_FLAGS) return undefined;
  if (document.loc === undefined || IS_META.test(document.loc.source.body)) return undefined;

  /** By the values of the flags; undefined: no plan can be made for these. */
  const plans = new Map<string, Planned | undefined>();
  const definitions = operation.variableDefinitions ?? [];

  function planFor(variables: Variables): Planned {
    const key = flags.map((name) => variables[name]).join();
    if (!plans.has(key)) {
      plans.set(key, undefined);
      const plan = createPlan(schema, document, operation, variables);
      plans.set(key, { plan, composition: createComposition(plan) });
    }
    const plan = plans.get(key);
    if (plan === undefined) throw UNUSUAL;
    return plan;
  }

  return {
    run(context, given) {
      const { coerced, errors } = getVariableValues(schema, definitions, given);
      if (errors !== undefined) return undefined;
      const walk = (plan: SelectionPlan): ExecutionResult | Promise<ExecutionResult> => {
        const pending: Promise<unknown>[] = [];
        const [data] = select(plan, [undefined], { context, variables: coerced }, pending);
        const result = { data: data! };
        return pending.length === 0 ? result : Promise.all(pending).then(() => result);
      };
      try {
        const { plan, composition } = planFor(coerced);
        const composed = composition && compose(composition, context, coerced);
        const result = composed
          ? composed.then((text) => (text === undefined ? walk(plan) : composedResult(text)))
          : walk(plan);
        return result instanceof Promise ? result.catch(() => undefined) : result;
      } catch {
        return undefined;
      }
    },
  };
}

interface Planned {
  readonly plan: SelectionPlan;
  readonly composition: Composition | undefined;
}

const ignored = () => {};

function compose(composition: Composition, context: RunContext, variables: Variables) {
  // Safe: its lists and rows are this service's own, which run with this service's context.
  const { loaders } = context as Context;
  if (!composition.hasLists && loaders.isKeeping()) return undefined;
  const request = composition.requestOf(context, variables);
  return request && loaders.composedAnswer(request);
}

/**
 * Answers the selected fields of all sources. Fields that have to be awaited are added to `pending`; those
 * promises fill in the rest of the results.
 */
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
    const fullInfo = infoFor(info, run.variables);
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
    // Reserves the key's place: keys are answered in the document's order.
    for (const result of results) result[key] = undefined;
    const completed = Promise.all(values).then((found) => {
      const below: Promise<unknown>[] = [];
      complete(value, found, places, run, below);
      return below.length === 0 ? undefined : Promise.all(below);
    });
    // The code that awaits `pending` may fail before it gets to this promise, whose rejection must not be
    // unhandled then.
    completed.catch(ignored);
    pending.push(completed);
  }
  return results;
}

/** Turns resolved values into output, and puts each into its place. */
function complete(
  plan: ValuePlan,
  values: readonly unknown[],
  { into, at }: Places,
  run: Run,
  pending: Promise<unknown>[],
): void {
  const put = (index: number, output: unknown) => {
    // Safe: a list has an index for each place, objects have one key for all.
    (into[index] as Data)[typeof at === "string" ? at : at[index]!] = output;
  };
  const isLeaf = plan.kind === "leaf";
  /** Indices of the values that are left to complete: nulls and leaves are in place already. */
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
