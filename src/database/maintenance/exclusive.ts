import type pg from "pg";
import { AppError } from "../../errors.ts";

/** The session that maintains the database holds this advisory lock for as long as its connection lives. */
const MAINTENANCE = 7_270_736_903;

const HOLDER = `
  SELECT application_name AS "name", host(client_addr) AS "address", backend_start AS "since"
    FROM pg_locks JOIN pg_stat_activity USING (pid)
   WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND (classid::int8 << 32 | objid::int8) = $1::int8
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/**
 * Takes the maintenance lock on this connection.
 *
 * @throws AppError `CONFLICT` that says who holds it, and since when
 */
export async function claimMaintenance(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ isOurs: boolean }>('SELECT pg_try_advisory_lock($1) AS "isOurs"', [
    MAINTENANCE,
  ]);
  if (rows[0]?.isOurs) return;
  const [holder] = (
    await client.query<{ name: string; address: string | null; since: Date }>(HOLDER, [MAINTENANCE])
  ).rows;
  throw alreadyRunning(
    holder === undefined ? "somebody" : [holder.name, holder.address].filter((part) => part).join(" at "),
    holder?.since,
  );
}

export function alreadyRunning(holder: string, since: Date | undefined): AppError {
  const start = since?.toISOString() ?? null;
  return new AppError(
    "CONFLICT",
    `The database is being maintained already: by ${holder}${start === null ? "" : `, since ${start}`}.`,
    { details: { holder, since: start } },
  );
}
