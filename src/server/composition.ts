import { getNullableType, isEnumType } from "graphql";
import {
  COMPOSED_TYPES,
  type ComposedRequest,
  type ComposedType,
  type ConstantMember,
  type DocumentPart,
  EACH_PARENT,
  type EdgePart,
  type ObjectMember,
  type ObjectShape,
  PAGE_INFO_FIELDS,
  type PageInfoPart,
  type PageMember,
  type PagePart,
  type ValueMember,
} from "../repositories/answerShape.ts";
import { Connection } from "../schema/connection.ts";
import type { Context } from "../schema/context.ts";
import { parseIdOf } from "../schema/nodeId.ts";
import type { RowFieldExtensions } from "../schema/pageColumns.ts";
import { isAllowed, type Rule } from "../schema/rules.ts";
import {
  type FieldPlan,
  infoFor,
  type RunContext,
  type SelectionPlan,
  UNUSUAL,
  type ValuePlan,
  type Variables,
} from "./queryPlan.ts";

/** A query that PostgreSQL can answer as a whole (src/repositories/composedAnswer.ts). */
export interface Composition {
  /** Whether it has lists. Without any, its rows may as well be read and kept as rows. */
  readonly hasLists: boolean;
  /** @returns undefined: the viewer may not see all of it, or would get other lists than the shape assumes */
  requestOf(context: RunContext, variables: Variables): Omit<ComposedRequest, "access"> | undefined;
}

/** The most pages: each is a subquery that PostgreSQL has to plan. */
const MAX_PAGES = 16;
/** The most members: each makes the statement about forty characters longer. */
const MAX_MEMBERS = 500;

/**
 * What a connection's resolver is given instead of its row. By its field's extensions, it looks at the key alone.
 */
const EACH_ROW = Object.freeze({ id: EACH_PARENT });

/**
 * @returns undefined: something is selected that PostgreSQL cannot be told how to write, or neither a list
 *   nor a row by id is
 */
export function createComposition(plan: SelectionPlan): Composition | undefined {
  const rules = new Set<Rule>();
  const pages: { readonly field: FieldPlan; readonly type: ComposedType; readonly isTop: boolean }[] = [];
  const named: { readonly field: FieldPlan; readonly type: ComposedType }[] = [];
  let members = 0;

  function objectOf(selection: SelectionPlan, isTop: boolean): ObjectShape {
    members += selection.fields.length;
    if (members > MAX_MEMBERS) throw UNUSUAL;
    return partsOf(selection, (field): ObjectMember => {
      const { key, value, rule } = field;
      if (rule !== undefined) rules.add(rule);
      const { rowOf, columns = [], isDocument, byId } = extensionsOf(field);
      if (isTop && byId !== undefined && value.kind === "object") {
        const index = named.push({ field, type: byId }) - 1;
        return { key, kind: "namedRow", type: byId, index, shape: objectOf(value.selection, false) };
      }
      if (!isTop && (value.kind === "leaf" || value.kind === "list")) return valueMember(field, value);
      if (value.kind !== "object") throw UNUSUAL;
      const { isNullable, selection } = value;
      if (isDocument)
        return { key, kind: "document", column: columns[0]!, isNullable, parts: documentOf(selection) };
      if (isNullable) throw UNUSUAL;
      if (rowOf !== undefined)
        return { key, kind: "row", column: columns[0]!, type: rowOf, shape: objectOf(selection, false) };
      if (!isTop && columns.join() !== "id") throw UNUSUAL;
      return pageOf(field, selection, isTop);
    });
  }

  function pageOf(field: FieldPlan, selection: SelectionPlan, isTop: boolean): PageMember {
    const type = COMPOSED_TYPES.find((type) => selection.typeName === `${type}Connection`);
    if (type === undefined || pages.length === MAX_PAGES) throw UNUSUAL;
    const index = pages.push({ field, type, isTop }) - 1;
    const parts = partsOf(selection, ({ key, value, info }): PagePart => {
      switch (info.fieldName) {
        case "nodes":
          return { key, kind: "nodes", shape: objectOf(itemOf(value), false) };
        case "edges":
          return { key, kind: "edges", parts: edgeOf(itemOf(value)) };
        case "pageInfo":
          return { key, kind: "pageInfo", parts: pageInfoOf(selectionOf(value)) };
        case "totalCount":
          return { key, kind: "totalCount" };
        default:
          throw UNUSUAL;
      }
    });
    return { key: field.key, kind: "page", type, index, parts };
  }

  function edgeOf(selection: SelectionPlan): EdgePart[] {
    return partsOf(selection, ({ key, value, info }): EdgePart => {
      if (info.fieldName === "cursor") return { key, kind: "cursor" };
      return { key, kind: "node", shape: objectOf(selectionOf(value), false) };
    });
  }

  let shape: ObjectShape;
  try {
    shape = objectOf(plan, true);
  } catch (error) {
    if (error !== UNUSUAL) throw error;
    return undefined;
  }
  if (pages.length === 0 && named.length === 0) return undefined;

  return {
    hasLists: pages.length > 0,
    requestOf(context, variables) {
      for (const rule of rules) if (!isAllowed(rule, context.viewer ?? null)) return undefined;
      // A job's own row does not say who owns it.
      if (named.some(({ type }) => type === "ConversionJob") && !seesEverything(context)) return undefined;
      const rows = named.map(({ field, type }) => ({
        type,
        id: parseIdOf(type, (field.argsOf(variables) as { id: string }).id, ["id"]),
      }));
      const lists: ComposedRequest["lists"][number][] = [];
      for (const { field, type, isTop } of pages) {
        const { resolve, argsOf, info } = field;
        const source = isTop ? undefined : EACH_ROW;
        const connection = resolve?.(source, argsOf(variables), context, infoFor(info, variables));
        if (!(connection instanceof Connection)) return undefined;
        const request = connection.request();
        // For a viewer who may see only their own rows, the resolver gives another list than that of each row.
        if (!isTop && request.list.parent?.id !== EACH_PARENT) return undefined;
        lists.push({ type, request });
      }
      return { shape, lists, named: rows };
    },
  };
}

// Safe: its lists and rows are this service's own, which run with this service's context.
const seesEverything = (context: RunContext) => (context as Context).access.to === "everything";

// Safe: src/schema/pageColumns.ts has made them.
const extensionsOf = ({ info: { parentType, fieldName } }: FieldPlan) =>
  (parentType.getFields()[fieldName]?.extensions ?? {}) as RowFieldExtensions;

/** What is selected on an object, in its order. `__typename` is a constant, because the type is known here. */
const partsOf = <Part>({ typeName, fields }: SelectionPlan, partOf: (field: FieldPlan) => Part) =>
  fields.map((field): Part | ConstantMember => {
    if (field.value.kind !== "typename") return partOf(field);
    return { key: field.key, kind: "constant", json: JSON.stringify(typeName) };
  });

function valueMember(field: FieldPlan, value: ValuePlan): ValueMember {
  const { key, property } = field;
  const { isNullable } = value;
  const { nodeIdOf } = extensionsOf(field);
  if (nodeIdOf !== undefined)
    return { key, kind: "value", column: "id", form: "word", isNullable: false, prefix: `${nodeIdOf}:` };
  if (property === undefined) throw UNUSUAL;
  return { key, kind: "value", column: property, form: formOf(field), isNullable };
}

function formOf({ info: { returnType } }: FieldPlan): ValueMember["form"] {
  const type = getNullableType(returnType);
  if (isEnumType(type)) {
    // Only enums whose values have the same names in PostgreSQL.
    if (type.getValues().every(({ name, value }) => name === value)) return "word";
    throw UNUSUAL;
  }
  switch (String(type)) {
    case "String":
    case "[String!]":
      return "text";
    case "DateTime":
      return "time";
    case "Int":
    case "SafeInt":
      return "bare";
    default:
      throw UNUSUAL;
  }
}

function documentOf(selection: SelectionPlan): DocumentPart[] {
  return partsOf(selection, (field): DocumentPart => {
    const { key, property } = field;
    const { textsIn } = extensionsOf(field);
    if (textsIn !== undefined) return { key, kind: "texts", property: textsIn };
    // Only texts that may be null: no constraint says what a document has.
    if (property === undefined || String(field.info.returnType) !== "String") throw UNUSUAL;
    return { key, kind: "text", property };
  });
}

function selectionOf(value: ValuePlan): SelectionPlan {
  if (value.kind !== "object") throw UNUSUAL;
  return value.selection;
}

function itemOf(value: ValuePlan): SelectionPlan {
  if (value.kind !== "list") throw UNUSUAL;
  return selectionOf(value.item);
}

function pageInfoOf(selection: SelectionPlan): PageInfoPart[] {
  return partsOf(selection, ({ key, info }): PageInfoPart => {
    const kind = PAGE_INFO_FIELDS.find((name) => name === info.fieldName);
    if (kind === undefined) throw UNUSUAL;
    return { key, kind };
  });
}
