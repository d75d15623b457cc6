import {
  type DocumentNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getOperationAST,
  isAbstractType,
  isObjectType,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from "graphql";
import type { CacheLifetimes } from "../cacheKinds.ts";

/** What is known of an operation before it runs. */
export interface OperationProfile {
  /** It is a query, and none of its fields has to be read anew each time. */
  readonly isKept: boolean;
  /**
   * It has a field with `@cacheControl(scope: PRIVATE)`: it is kept for viewers who are known, not for strangers.
   */
  readonly isPrivate: boolean;
  /** How many of its latest answers in a row were made only of rows and lists from the first level. */
  localRuns: number;
}

/** The arguments of `@cacheControl`, in the form in which code-first schemas carry directives. */
interface CacheControl {
  /** In seconds. */
  readonly maxAge?: number;
  readonly scope?: "PUBLIC" | "PRIVATE";
}

const INTROSPECTION = ["Query.__schema", "Query.__type"];

/**
 * For each `Type.field`, how long an answer with it is kept at most, in ms. `@cacheControl` on the field, or
 * else on the type that has the field, decides; without it, what is configured for rows of that type.
 */
export function ttlOfCoordinates(schema: GraphQLSchema, lifetimes: CacheLifetimes): Record<string, number> {
  const ttls: Record<string, number> = Object.fromEntries(INTROSPECTION.map((name) => [name, 0]));
  for (const [coordinates, type, field] of fieldsOf(schema)) {
    const maxAge = (field && cacheControlOf(field).maxAge) ?? cacheControlOf(type).maxAge;
    const ttl = maxAge === undefined ? lifetimeOf(type.name, lifetimes) : maxAge * 1_000;
    if (ttl === undefined) continue;
    for (const name of coordinates) ttls[name] = Math.min(ttls[name] ?? ttl, ttl);
  }
  return ttls;
}

/** Profiles each operation of each document once. */
export function createOperationProfiles(schema: GraphQLSchema, ttls: Readonly<Record<string, number>>) {
  const known = new WeakMap<DocumentNode, Map<string | undefined, OperationProfile>>();
  const privateCoordinates = new Set<string>();
  for (const [coordinates, type, field] of fieldsOf(schema)) {
    if (((field && cacheControlOf(field).scope) ?? cacheControlOf(type).scope) !== "PRIVATE") continue;
    for (const name of coordinates) privateCoordinates.add(name);
  }

  /**
   * Looks at the whole document. A fragment of another operation counts too, which can only mean that less is kept.
   */
  function examine(document: DocumentNode, operationName: string | undefined): OperationProfile {
    if (getOperationAST(document, operationName)?.operation !== "query")
      return { isKept: false, isPrivate: false, localRuns: 0 };
    let isKept = true;
    let isPrivate = false;
    const typeInfo = new TypeInfo(schema);
    visit(
      document,
      visitWithTypeInfo(typeInfo, {
        Field(field) {
          const coordinate = `${typeInfo.getParentType()?.name}.${field.name.value}`;
          if (ttls[coordinate] === 0) isKept = false;
          if (privateCoordinates.has(coordinate)) isPrivate = true;
        },
      }),
    );
    return { isKept, isPrivate, localRuns: 0 };
  }

  return (document: DocumentNode, operationName: string | undefined): OperationProfile => {
    let operations = known.get(document);
    if (operations === undefined) {
      operations = new Map();
      known.set(document, operations);
    }
    let profile = operations.get(operationName);
    if (profile === undefined) {
      profile = examine(document, operationName);
      operations.set(operationName, profile);
    }
    return profile;
  };
}

/**
 * Every field of every object type, including `__typename` (whose field is undefined). Each comes with the
 * coordinates under which a document may ask for it: those of the type, and of the interfaces and unions that
 * it is part of.
 */
function* fieldsOf(
  schema: GraphQLSchema,
): Generator<readonly [string[], GraphQLObjectType, GraphQLField<unknown, unknown> | undefined]> {
  const types = Object.values(schema.getTypeMap());
  const abstractTypes = types.filter(isAbstractType);
  for (const type of types) {
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    const parents = [type, ...abstractTypes.filter((parent) => schema.isSubType(parent, type))];
    const coordinatesOf = (field: string) => parents.map((parent) => `${parent.name}.${field}`);
    for (const field of Object.values(type.getFields())) yield [coordinatesOf(field.name), type, field];
    yield [coordinatesOf("__typename"), type, undefined];
  }
}

function cacheControlOf({
  extensions,
}: {
  readonly extensions: Readonly<Record<string, unknown>>;
}): CacheControl {
  // Safe: properties that do not have this form are ignored where they are read.
  const directives = extensions.directives as { readonly cacheControl?: CacheControl } | undefined;
  return directives?.cacheControl ?? {};
}

/**
 * By the type's name. Connections are pages of lists and `…Statistics` are figures, each with a lifetime of
 * its own; the other types with a lifetime are rows.
 */
function lifetimeOf(type: string, lifetimes: CacheLifetimes): number | undefined {
  if (type.endsWith("Connection")) return lifetimes.collection;
  if (type.endsWith("Statistics")) return lifetimes.statistics;
  switch (type) {
    case "User":
      return lifetimes.user;
    case "Project":
      return lifetimes.project;
    case "ConversionJob":
      return lifetimes.conversionJob;
    default:
      return undefined;
  }
}
