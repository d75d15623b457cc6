import { randomUUID } from "node:crypto";
import pg from "pg";

/** What has a plan. */
const EXPLAINABLE = /^[\s(]*(SELECT|WITH|INSERT|UPDATE|DELETE|VALUES|MERGE)\b/i;

/**
 * The plan of a statement whose parameters are not known, as PostgreSQL would make it for all of them, and without running it.
 * `EXPLAIN (GENERIC_PLAN)` does that from PostgreSQL 16 on; this does it on every version: a prepared statement
 * with a forced generic plan takes nulls for its parameters, and its plan does not depend on them.
 *
 * @param client in a transaction of its own that changes nothing
 * @returns a line each; undefined for what has no plan
 * @throws DatabaseError for what has none without the values (`isNotAccepted`); the transaction is undone then
 */
export async function explainGeneric(client: pg.ClientBase, text: string): Promise<string[] | undefined> {
  if (!EXPLAINABLE.test(text)) return undefined;
  const name = `explained_${randomUUID().replaceAll("-", "")}`;
  await client.query("SET LOCAL plan_cache_mode = force_generic_plan");
  await client.query(`PREPARE ${name} AS ${text}`);
  try {
    const { rows: parameters } = await client.query<{ count: number }>(
      `SELECT cardinality("parameter_types") AS "count" FROM pg_prepared_statements WHERE "name" = $1`,
      [name],
    );
    const count = parameters[0]?.count ?? 0;
    const values = count === 0 ? "" : `(${Array<string>(count).fill("NULL").join(", ")})`;
    const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN EXECUTE ${name}${values}`);
    return rows.map((row) => row["QUERY PLAN"]);
  } finally {
    // It belongs to the connection, not to the transaction. Fails where the transaction has.
    await client.query(`DEALLOCATE ${name}`).catch(() => {});
  }
}

/** Whether PostgreSQL does not accept a statement as it stands: for one, where nothing but its value tells a parameter's type. */
export const isNotAccepted = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code?.startsWith("42") === true;
