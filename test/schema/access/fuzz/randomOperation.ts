import {
  type GraphQLArgument,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
} from "graphql";
import { schema } from "../../../../src/schema/index.ts";
import type { Random } from "../../../check/coherence/random.ts";

/** Values to choose from: ids and texts of real rows and of none, and cursors. */
export interface Pools {
  readonly ids: readonly string[];
  readonly texts: readonly string[];
  /** Used only as positions in lists: as texts, they could be stored and read again. */
  readonly cursors: readonly string[];
}

const NUMBERS = [-2_147_483_648, -1, 0, 0, 1, 1, 2, 3, 5, 20, 100, 101, 1_000, 1_001, 2_147_483_647];
const LARGE = [...NUMBERS, Number.MAX_SAFE_INTEGER, 2 ** 53, -(2 ** 60), 1.5];
const MAX_DEPTH = 6;

/**
 * Generates a request's body: an operation that fits the schema, with arguments that mostly do. `isStreamed`
 * says whether it may have many answers.
 */
export function randomOperation(random: Random, pools: Pools) {
  const variables: Record<string, unknown> = {};
  const definitions: string[] = [];
  const fragments: string[] = [];
  let names = 0;

  function value(type: GraphQLInputType, name: string): unknown {
    if (isNonNullType(type)) return random.chance(0.003) ? null : value(type.ofType, name);
    if (random.chance(0.03)) return null;
    if (isListType(type))
      return Array.from({ length: random.integer(0, 3) }, () => value(type.ofType as GraphQLInputType, name));
    if (isEnumType(type)) return random.chance(0.02) ? "NONSENSE" : random.pick(type.getValues()).name;
    if (isInputObjectType(type)) {
      const object: Record<string, unknown> = {};
      for (const field of Object.values(type.getFields())) {
        const isLeftOut = isNonNullType(field.type) ? random.chance(0.003) : random.chance(0.6);
        if (!isLeftOut) object[field.name] = value(field.type, field.name);
      }
      if (random.chance(0.01))
        Object.defineProperty(object, "__proto__", { value: { a: 1 }, enumerable: true });
      return object;
    }
    // Nine of ten values of `first` are valid page sizes.
    if (name === "first" && random.chance(0.9)) return random.integer(0, 20);
    if (name === "after" || name === "before") {
      if (String(type) === "String") return random.pick(random.chance(0.8) ? pools.cursors : pools.texts);
    }
    // Other tests cover waiting.
    if (name === "waitSeconds") return random.pick([0, 0, -1, 31]);
    switch (String(type)) {
      case "ID":
        return random.pick(pools.ids);
      case "Boolean":
        return random.chance(0.5);
      case "Int":
        return random.pick(NUMBERS);
      case "Float":
      case "SafeInt":
        return random.pick(LARGE);
      default:
        return name === "query" && random.chance(0.5)
          ? random.pick(["project", "p", "{ projects { totalCount } }"])
          : random.pick(pools.texts);
    }
  }

  function argumentsOf(args: readonly GraphQLArgument[]): string {
    const given = args.flatMap((arg) => {
      // `first` alone makes a valid page. Together with the others it mostly does not.
      const rarely = ["after", "last", "before"].includes(arg.name);
      if (isNonNullType(arg.type) ? random.chance(0.003) : random.chance(rarely ? 0.95 : 0.6)) return [];
      const given = value(arg.type, arg.name);
      if (random.chance(0.5)) return [`${arg.name}: ${literal(given, arg.type)}`];
      const name = `v${++names}`;
      variables[name] = given;
      definitions.push(`$${name}: ${arg.type}`);
      return [`${arg.name}: $${name}`];
    });
    return given.length > 0 ? `(${given.join(", ")})` : "";
  }

  function selection(
    type: GraphQLObjectType,
    depth: number,
    count = random.integer(1, depth === 0 ? 2 : 4),
  ): string {
    const fields = Object.values(type.getFields()).filter(
      (field) => depth < MAX_DEPTH || !hasFields(field.type),
    );
    const parts = Array.from({ length: count }, () => {
      if (fields.length === 0 || random.chance(0.05)) return "__typename";
      const field = random.pick(fields);
      // An alias of its own, because the same field is selected with different arguments.
      return `f${++names}: ${field.name}${argumentsOf(field.args)}${below(field.type, depth + 1)}`;
    });
    const text = `{ ${parts.join(" ")} }`;
    if (random.chance(0.05)) {
      fragments.push(`fragment F${++names} on ${type.name} ${text}`);
      return `{ ...F${names} }`;
    }
    return random.chance(0.05) ? `{ ... on ${type.name} ${text} }` : text;
  }

  function below(output: GraphQLOutputType, depth: number): string {
    const type = getNamedType(output);
    if (isObjectType(type)) return ` ${selection(type, depth)}`;
    if (!isInterfaceType(type)) return "";
    const types = schema.getPossibleTypes(type).filter(() => random.chance(0.7));
    return ` { __typename ${types.map((each) => `... on ${each.name} ${selection(each, depth)}`).join(" ")} }`;
  }

  const kind = random.chance(0.05) ? "subscription" : random.chance(0.4) ? "mutation" : "query";
  const root = {
    query: schema.getQueryType,
    mutation: schema.getMutationType,
    subscription: schema.getSubscriptionType,
  };
  const isLive = kind === "query" && random.chance(0.1);
  // A subscription has exactly one field.
  const body = selection(root[kind].call(schema)!, 0, kind === "subscription" ? 1 : undefined);
  const head = definitions.length > 0 ? `(${definitions.join(", ")})` : "";
  return {
    body: {
      query: `${kind} Random${head} ${isLive ? "@live " : ""}${body} ${fragments.join(" ")}`,
      variables,
    },
    isStreamed: isLive || kind === "subscription",
  };
}

function hasFields(type: GraphQLOutputType): boolean {
  const named = getNamedType(type);
  return isObjectType(named) || isInterfaceType(named);
}

/** The value as a literal in a document. */
function literal(value: unknown, type: GraphQLInputType): string {
  if (value === null) return "null";
  const inner = isNonNullType(type) ? type.ofType : type;
  if (Array.isArray(value))
    return `[${value.map((each) => literal(each, isListType(inner) ? inner.ofType : inner)).join(", ")}]`;
  if (typeof value === "object" && isInputObjectType(inner)) {
    const fields = inner.getFields();
    return `{ ${Object.entries(value)
      .map(
        ([name, each]) =>
          `${name}: ${name in fields && Object.hasOwn(fields, name) ? literal(each, fields[name]!.type) : "1"}`,
      )
      .join(", ")} }`;
  }
  return isEnumType(inner) ? String(value) : JSON.stringify(value);
}
