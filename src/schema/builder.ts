import SchemaBuilder from "@pothos/core";
import PrismaPlugin from "@pothos/plugin-prisma";
import ScopeAuthPlugin from "@pothos/plugin-scope-auth";
import type { ConversionJobRow } from "../repositories/conversionJob.ts";
import type { Context } from "./context.ts";
import type PrismaTypes from "./generated/pothos.ts";
import { getDatamodel } from "./generated/pothos.ts";
import { isAllowed, RULE_NAMES, type Rule, refusal } from "./rules.ts";

/** The rows that the loaders give: a job's come without its documents, which are loaded when they are asked for. */
type RowTypes = Omit<PrismaTypes, "ConversionJob"> & {
  ConversionJob: Omit<PrismaTypes["ConversionJob"], "Shape"> & { Shape: ConversionJobRow };
};

export type SchemaTypes = PothosSchemaTypes.ExtendDefaultTypes<{
  Context: Context;
  PrismaTypes: RowTypes;
  DefaultFieldNullability: false;
  AuthScopes: Record<Rule, boolean>;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    SafeInt: { Input: number; Output: number };
  };
}>;

export const builder = new SchemaBuilder<SchemaTypes>({
  // The rules come first: nothing of a refused field is run.
  plugins: [ScopeAuthPlugin, PrismaPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    // Safe: the same names.
    authScopes: ({ viewer }) =>
      Object.fromEntries(RULE_NAMES.map((rule) => [rule, isAllowed(rule, viewer)])) as Record<Rule, boolean>,
    unauthorizedError: (_, { viewer }) => refusal(viewer),
  },
  prisma: {
    // The object types come from the data model; their rows come from the loaders. A field that
    // would make the plugin query by itself is a mistake, so it gets no client to do it with.
    client: () => {
      throw new Error("Fields are resolved through the loaders, not through Prisma's relations.");
    },
    dmmf: getDatamodel(),
    exposeDescriptions: false,
    filterConnectionTotalCount: false,
  },
});

builder.queryType({ description: "Everything that can be read." });
builder.mutationType({
  description:
    "Everything that can be changed. Each mutation takes one `input`, and answers when the change is committed.",
});
