import { randomUUID } from "node:crypto";
import pg from "pg";

/** Statements that have a plan. */
const EXPLAINABLE = /^[\s(]*(SELECT|WITH|INSERT|UPDATE|DELETE|VALUES|MERGE)\b/i;

/**
 * The generic plan of a statement whose parameter values are not known, made without running the statement.
 * `EXPLAIN (GENERIC_PLAN)` does that from PostgreSQL 16 on; this works on every version. A prepared statement
 * with a forced generic plan takes nulls for its parameters, and its plan does not depend on them.
 *
 * @param client in a transaction of its own that changes nothing
 * @returns the plan's lines; undefined when the statement has no plan, or none without the values because
 *   nothing else tells a parameter's type
 */
export async function explainGeneric(client: pg.ClientBase, text: string): Promise<string[] | undefined> {
  if (!EXPLAINABLE.test(text)) return undefined;
  const name = `explained_${randomUUID().replaceAll("-", "")}`;
  await client.query("SET LOCAL plan_cache_mode = force_generic_plan");
  await client.query("SAVEPOINT unprepared");
  try {
    await client.query(`PREPARE ${name} AS ${text}`);
  } catch (error) {
    // Class 42: PostgreSQL does not accept the text as it stands.
    if (!(error instanceof pg.DatabaseError && error.code?.startsWith("42"))) throw error;
    await client.query("ROLLBACK TO SAVEPOINT unprepared");
    return undefined;
  }
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
    // A prepared statement belongs to the connection, not to the transaction. DEALLOCATE fails if the
    // transaction has failed.
    await client.query(`DEALLOCATE ${name}`).catch(() => {});
  }
}
