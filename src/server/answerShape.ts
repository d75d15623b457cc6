import { type GraphQLLeafType, type GraphQLResolveInfo, getNamedType, isEnumType, isLeafType } from "graphql";
import {
  type ComposedRequest,
  type ComposedType,
  EACH_PARENT,
  type Member,
  type ObjectShape,
  type PagePart,
  type ValueForm,
} from "../repositories/composedAnswer.ts";
import type { ListRequest } from "../repositories/page.ts";
import { Connection } from "../schema/connection.ts";
import type { Rule } from "../schema/rules.ts";
import { isAllowed } from "../schema/rules.ts";
import { type FieldPlan, type RunContext, type SelectionPlan, UNUSUAL, type Variables } from "./queryPlan.ts";

/** An answer that PostgreSQL can compose as a whole. */
export interface AnswerShape {
  /**
   * @returns undefined: whoever asks may not see all of it, or sees another list of it than others do
   */
  request(context: RunContext, variables: Variables): Pick<ComposedRequest, "shape" | "pages"> | undefined;
}

const COMPOSED_TYPES: ReadonlySet<string> = new Set<ComposedType>(["User", "Project", "ConversionJob"]);
const isComposed = (typeName: string): typeName is ComposedType => COMPOSED_TYPES.has(typeName);

/** What a resolver of a connection is given in the place of its row: that it looks at the key alone is said in its field's extensions. */
const ANY_ROW = Object.freeze({ id: EACH_PARENT });

/** @returns undefined: something is asked for that PostgreSQL cannot write, or no list at all */
export function createAnswerShape(plan: SelectionPlan): AnswerShape | undefined {
  const rules = new Set<Rule>();
  const pages: { readonly field: FieldPlan; readonly isRoot: boolean }[] = [];

  function objectOf({ typeName, fields }: SelectionPlan, isRoot: boolean): ObjectShape {
    return fields.map((field): Member => {
      const { key, value, property, rule } = field;
      if (value.kind === "typename") return { key, kind: "constant", json: JSON.stringify(typeName) };
      if (rule !== undefined) rules.add(rule);
      // Safe: what `reads` and the like put there.
      const { columns, nodeIdOf, rowOf } = field.info.parentType.getFields()[field.info.fieldName]!
        .extensions as { columns?: readonly string[]; nodeIdOf?: string; rowOf?: ComposedType };
      const [column] = columns ?? [];
      if (value.kind === "leaf") {
        if (nodeIdOf !== undefined)
          return { key, kind: "value", column: "id", form: "word", isNullable: false, prefix: `${nodeIdOf}:` };
        if (property === undefined || isRoot) throw UNUSUAL;
        return {
          key,
          kind: "value",
          column: property,
          form: formOf(field),
          isNullable: value.isNullable,
        };
      }
      if (value.kind !== "object") throw UNUSUAL;
      if (rowOf !== undefined) {
        return { key, kind: "row", column: column!, type: rowOf, shape: objectOf(value.selection, false) };
      }
      const isList = value.selection.typeName.endsWith("Connection");
      if (!isList || value.isNullable || !(isRoot || (column === "id" && columns?.length === 1))) throw UNUSUAL;
      const index = pages.push({ field, isRoot }) - 1;
      return { key, kind: "page", index, ...pageOf(value.selection) };
    });
  }

  function pageOf({ typeName, fields }: SelectionPlan) {
    let type: ComposedType | undefined;
    const parts = fields.map(({ key, value, info }): PagePart => {
      if (value.kind === "typename") return { key, kind: "constant", json: JSON.stringify(typeName) };
      if (info.fieldName !== "nodes" || value.kind !== "list" || value.item.kind !== "object") throw UNUSUAL;
      const { selection } = value.item;
      if (!isComposed(selection.typeName)) throw UNUSUAL;
      type = selection.typeName;
      return { key, kind: "nodes", shape: objectOf(selection, false) };
    });
    if (type === undefined) throw UNUSUAL;
    return { type, parts };
  }

  let shape: ObjectShape;
  try {
    shape = objectOf(plan, true);
  } catch (error) {
    if (error !== UNUSUAL) throw error;
    return undefined;
  }
  if (pages.length === 0) return undefined;

  return {
    request(context, variables) {
      for (const rule of rules) if (!isAllowed(rule, context.viewer ?? null)) return undefined;
      const requests: (ListRequest & { want: "page" })[] = [];
      for (const {
        field: { resolve, argsOf, info },
        isRoot,
      } of pages) {
        // Safe: no resolver of a query asks where it is.
        const fullInfo = { ...info, variableValues: variables } as GraphQLResolveInfo;
        const connection = resolve!(isRoot ? undefined : ANY_ROW, argsOf(variables), context, fullInfo);
        if (!(connection instanceof Connection)) return undefined;
        const request = connection.request();
        if (!isRoot && request.list.parent?.id !== EACH_PARENT) return undefined;
        requests.push(request);
      }
      return { shape, pages: requests };
    },
  };
}

function formOf({ info: { returnType } }: FieldPlan): ValueForm {
  const type = getNamedType(returnType) as GraphQLLeafType;
  if (!isLeafType(type)) throw UNUSUAL;
  if (isEnumType(type)) {
    if (type.getValues().some(({ name, value }) => name !== value)) throw UNUSUAL;
    return "word";
  }
  switch (type.name) {
    case "String":
      return "text";
    case "Int":
    case "SafeInt":
    case "Boolean":
      return "bare";
    case "DateTime":
      return "time";
    default:
      throw UNUSUAL;
  }
}
