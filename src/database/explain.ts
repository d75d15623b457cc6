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
 * @returns a line each; undefined for what has no plan, or none without the values: where nothing else tells a parameter's type
 */
export async function explainGeneric(client: pg.ClientBase, text: string): Promise<string[] | undefined> {
  if (!EXPLAINABLE.test(text)) return undefined;
  const name = `explained_${randomUUID().replaceAll("-", "")}`;
  await client.query("SET LOCAL plan_cache_mode = force_generic_plan");
  await client.query("SAVEPOINT unprepared");
  try {
    await client.query(`PREPARE ${name} AS ${text}`);
  } catch (error) {
    // 42: it is not accepted as it stands.
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
    // It belongs to the connection, not to the transaction. Fails where the transaction has.
    await client.query(`DEALLOCATE ${name}`).catch(() => {});
  }
}
