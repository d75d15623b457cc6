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
import "./apiKey.ts";
import "./auditEntry.ts";
import { lexicographicSortSchema, printSchema, specifiedDirectives } from "graphql";
import { withAudit } from "./audit.ts";
import { builder } from "./builder.ts";
import { cacheControlDirective } from "./cacheControl.ts";
import { withIdempotencyKeys } from "./idempotency.ts";
import { liveDirective } from "./live.ts";

export const schema = withIdempotencyKeys(
  withAudit(builder.toSchema({ directives: [...specifiedDirectives, cacheControlDirective, liveDirective] })),
);

/** The schema as schema.graphql holds it: sorted, so that a difference is a change. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}
