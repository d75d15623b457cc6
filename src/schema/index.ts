import "./scalars.ts";
import "./node.ts";
import "./user.ts";
import "./project.ts";
import "./projectMutations.ts";
import "./conversionJob.ts";
import "./conversionJobEvent.ts";
import "./conversionJobMutations.ts";
import "./workerMutations.ts";
import "./subscriptions.ts";
import "./projectActivity.ts";
import "./system.ts";
import "./cacheStatistics.ts";
import "./cacheMutations.ts";
import "./maintenance.ts";
import "./apiKey.ts";
import "./auditEntry.ts";
import {
  type GraphQLField,
  type GraphQLSchema,
  lexicographicSortSchema,
  printSchema,
  specifiedDirectives,
} from "graphql";
import { withAudit } from "./audit.ts";
import { builder } from "./builder.ts";
import { cacheControlDirective } from "./cacheControl.ts";
import { withIdempotencyKeys } from "./idempotency.ts";
import { liveDirective } from "./live.ts";
import { RULE_NAMES, type Rule } from "./rules.ts";

export const schema = withIdempotencyKeys(
  withAudit(
    withRules(
      builder.toSchema({ directives: [...specifiedDirectives, cacheControlDirective, liveDirective] }),
    ),
  ),
);

/** @throws Error when a field of a root type names no rule, because then nobody has decided who may use it */
function withRules(unchecked: GraphQLSchema): GraphQLSchema {
  for (const type of [
    unchecked.getQueryType(),
    unchecked.getMutationType(),
    unchecked.getSubscriptionType(),
  ]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      if (ruleOf(field) === undefined)
        throw new Error(`Expected a rule of src/schema/rules.ts on ${type?.name}.${field.name}, got none.`);
    }
  }
  return unchecked;
}

/** The rule that a field names. Undefined if its `authScopes` name none, or are anything but one name. */
export function ruleOf({ extensions }: GraphQLField<unknown, unknown>): Rule | undefined {
  // Safe: Pothos keeps the options that a field was made with there.
  const options = extensions.pothosOptions as { authScopes?: Partial<Record<Rule, true>> } | undefined;
  const [scope, ...others] = Object.entries(options?.authScopes ?? {});
  if (scope?.[1] !== true || others.length > 0) return undefined;
  return RULE_NAMES.find((rule) => rule === scope[0]);
}

/** The schema as in schema.graphql: sorted, so that the text differs only when the schema has changed. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}
