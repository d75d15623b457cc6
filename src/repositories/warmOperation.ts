import { createHash } from "node:crypto";
import type { DataAccess } from "../database/database.ts";
import type { UserRole } from "../database/generated/client.ts";

/** A query that clients asked for. */
export interface WarmOperation {
  readonly query: string;
  /** JSON. */
  readonly variables: string | null;
  readonly operationName: string | null;
  /** The user who asked; null: nobody in particular. */
  readonly userId: string | null;
  readonly role: UserRole | null;
}

export interface CountedOperation extends WarmOperation {
  readonly requests: number;
}

export type WarmOperationRepository = ReturnType<typeof createWarmOperationRepository>;

/** A request's weight halves every day, so recently requested queries come first. */
const HALF_LIFE_SECONDS = 86_400;
const WEIGHT = `"requests" * power(0.5, extract(epoch FROM now() - "seen_at") / ${HALF_LIFE_SECONDS})`;

// In the order of the keys, so that two instances that save at the same time lock rows in the same order.
const ADD = `INSERT INTO "warm_operations" ("digest", "query", "variables", "operation_name", "user_id", "role", "requests")
  SELECT "digest", "query", "variables", "operationName", "userId", "role", "requests"
  FROM jsonb_to_recordset($1::jsonb) AS added("digest" text, "query" text, "variables" text, "operationName" text,
    "userId" uuid, "role" "user_role", "requests" float8)
  ORDER BY "digest"
  ON CONFLICT ("digest") DO UPDATE SET "seen_at" = now(), "requests" = EXCLUDED."requests"
    + "warm_operations".${WEIGHT.replace('"seen_at"', '"warm_operations"."seen_at"')}`;

/** Queries of existing users, or of nobody in particular. Those of a deleted user will not be asked again. */
const OF_SOMEBODY = `("user_id" IS NULL OR EXISTS (SELECT FROM "users" WHERE "id" = "user_id"))`;
const MOST_REQUESTED = `SELECT "query", "variables", "operation_name" AS "operationName", "user_id" AS "userId", "role"
  FROM "warm_operations" WHERE ${OF_SOMEBODY} ORDER BY ${WEIGHT} DESC, "digest" LIMIT $1`;
const FORGETTABLE = `FROM "warm_operations" WHERE "digest" NOT IN (
  SELECT "digest" FROM "warm_operations" WHERE ${OF_SOMEBODY} ORDER BY ${WEIGHT} DESC, "digest" LIMIT $1)`;
const FORGET = `DELETE ${FORGETTABLE}`;

/** Stores the most requested queries for the next start. */
export function createWarmOperationRepository({ query, write }: DataAccess) {
  return {
    /** The most requested queries come first. */
    mostRequested: (limit: number): Promise<WarmOperation[]> => query<WarmOperation>(MOST_REQUESTED, [limit]),

    /** Adds requests to those that were counted before, and keeps the `limit` most requested queries. */
    async add(operations: readonly CountedOperation[], limit: number): Promise<void> {
      const rows = operations.map((operation) => ({ ...operation, digest: digestOf(operation) }));
      await write(async (tx) => {
        await tx.$executeRawUnsafe(ADD, JSON.stringify(rows));
        await tx.$executeRawUnsafe(FORGET, limit);
      });
    },

    /** Keeps the `limit` most requested queries. @returns how many were deleted */
    prune: (limit: number): Promise<number> => write((tx) => tx.$executeRawUnsafe(FORGET, limit)),

    /** How many `prune` would delete. */
    async countPrunable(limit: number): Promise<number> {
      const [row] = await query<{ count: number }>(`SELECT count(*)::float8 AS "count" ${FORGETTABLE}`, [
        limit,
      ]);
      return row?.count ?? 0;
    },
  };
}

function digestOf({ query, variables, operationName, userId, role }: WarmOperation): string {
  return createHash("sha256")
    .update(JSON.stringify([query, variables, operationName, userId, role]))
    .digest("base64url");
}
