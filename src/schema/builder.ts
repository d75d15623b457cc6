import SchemaBuilder from "@pothos/core";
import PrismaPlugin from "@pothos/plugin-prisma";
import ScopeAuthPlugin from "@pothos/plugin-scope-auth";
import type { ConversionJobRow } from "../repositories/conversionJob.ts";
import type { Context } from "./context.ts";
import type PrismaTypes from "./generated/pothos.ts";
import { getDatamodel } from "./generated/pothos.ts";
import { isAllowed, RULE_NAMES, type Rule, refusal } from "./rules.ts";

/**
 * The rows as the loaders return them. A job's row comes without its documents (plan and results), which are
 * loaded only when a field asks for them.
 */
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
  // The plugin for the rules comes first, so that no part of a refused field runs.
  plugins: [ScopeAuthPlugin, PrismaPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    // Safe: the names are those of the rules.
    authScopes: ({ viewer }) =>
      Object.fromEntries(RULE_NAMES.map((rule) => [rule, isAllowed(rule, viewer)])) as Record<Rule, boolean>,
    unauthorizedError: (_, { viewer }) => refusal(viewer),
  },
  prisma: {
    // The object types come from the data model; their rows come from the loaders. A field that makes the
    // plugin run a query of its own is a mistake, so the plugin gets no client to run it with.
    client: () => {
      throw new Error("Fields are resolved through the loaders, not through Prisma's relations.");
    },
    dmmf: getDatamodel(),
    exposeDescriptions: false,
    filterConnectionTotalCount: false,
  },
});

builder.queryType({ description: "The root of all queries: everything that can be read." });
builder.mutationType({
  description:
    "The root of all mutations: everything that can be changed. Each mutation takes one `input`, and answers once its change is committed.",
});
