import * as z from "zod";
import type { Epoch, VersionTable } from "./versionTable.ts";

export interface SettlerOptions {
  readonly query: (
    sql: string,
    parameters: readonly string[],
  ) => Promise<{ readonly rows: readonly unknown[] }>;
  readonly table: Pick<VersionTable, "transactions" | "release">;
  /** How long a transaction may be pending before its writer counts as dead, in ms. */
  readonly afterMs?: number;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
}

/**
 * Releases the transactions whose writers died between mark and release. `afterMs` only saves questions;
 * PostgreSQL's answer decides. A transaction that is in progress is left alone however long it takes: its
 * writer may have been stopped just before COMMIT, and may yet continue.
 */
export function createSettler({
  query,
  table,
  afterMs = 2_000,
  now = () => performance.now(),
}: SettlerOptions) {
  const firstSeen = new Map<string, number>();

  /** Returns how many transactions were released. */
  return async (epoch: Epoch): Promise<number> => {
    const pending = await table.transactions(epoch);
    if (pending === "lost") {
      firstSeen.clear();
      return 0;
    }
    const isPending = new Set(pending);
    for (const xid of firstSeen.keys()) if (!isPending.has(xid)) firstSeen.delete(xid);

    let released = 0;
    for (const xid of pending) {
      const since = firstSeen.get(xid) ?? now();
      firstSeen.set(xid, since);
      if (now() - since < afterMs) continue;
      // Null: the transaction has ended, but so long ago that PostgreSQL no longer knows how.
      const { rows } = await query("SELECT pg_xact_status($1::xid8) AS status", [xid]);
      const { status } = z.object({ status: z.string().nullable() }).parse(rows[0]);
      if (status === "in progress") continue;
      await table.release(epoch, xid);
      released++;
    }
    return released;
  };
}
