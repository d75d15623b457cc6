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

/** What can be said of an operation before it runs. */
export interface OperationProfile {
  /** A query none of whose fields must be read anew each time. */
  readonly isKept: boolean;
  /** It has a field that is `@cacheControl(scope: PRIVATE)`: kept for viewers who are known, not for strangers. */
  readonly isPrivate: boolean;
  /** How many of its latest answers in a row were made only of rows and lists from the first level. */
  localRuns: number;
}

/** The arguments of `@cacheControl`, as code-first schemas carry directives. */
interface CacheControl {
  /** In seconds. */
  readonly maxAge?: number;
  readonly scope?: "PUBLIC" | "PRIVATE";
}

const INTROSPECTION = ["Query.__schema", "Query.__type"];

/**
 * For `Type.field`, how long an answer with it is kept at most, in ms: what `@cacheControl` says of
 * the field or of its type, or else what is configured for rows of that type.
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

/** Looks at each operation of each document once. */
export function createOperationProfiles(schema: GraphQLSchema, ttls: Readonly<Record<string, number>>) {
  const known = new WeakMap<DocumentNode, Map<string | undefined, OperationProfile>>();
  const privateCoordinates = new Set<string>();
  for (const [coordinates, type, field] of fieldsOf(schema)) {
    if (((field && cacheControlOf(field).scope) ?? cacheControlOf(type).scope) !== "PRIVATE") continue;
    for (const name of coordinates) privateCoordinates.add(name);
  }

  /** Looks at the whole document: a fragment of another operation counts too, which only keeps less. */
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
 * Every field of every object type, `__typename` (undefined) included, each with the coordinates under
 * which a document may ask for it: the type's own, and those of the interfaces and unions that it is part of.
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
  // Safe: what does not look like it is ignored where it is read.
  const directives = extensions.directives as { readonly cacheControl?: CacheControl } | undefined;
  return directives?.cacheControl ?? {};
}

/** By the name of the type: pages and figures are read with the rows that they are of. */
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
