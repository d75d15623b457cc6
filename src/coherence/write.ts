import * as z from "zod";
import type { EpochRow, Epochs } from "./epochs.ts";
import type { Epoch, VersionTable } from "./versionTable.ts";

/** What is needed of Prisma's interactive transaction: any that can run a statement. */
export interface Transaction {
  $queryRawUnsafe(sql: string): Promise<unknown>;
}

export interface CoherentWriteOptions<Tx extends Transaction> {
  /** Runs the work in one READ COMMITTED transaction, and commits when it resolves. */
  readonly transaction: <Result>(work: (tx: Tx) => Promise<Result>) => Promise<Result>;
  readonly table: Pick<VersionTable, "mark" | "release">;
  readonly epochs: Pick<Epochs, "retire" | "untilRetired">;
  /** Of the version table. The write goes on without it. */
  readonly onError?: (error: unknown) => void;
}

const drainedRow = z.object({
  xid: z.string().nullable(),
  tags: z.array(z.string()).nullable(),
  epoch: z.string().nullable(),
  epochState: z.string().nullable(),
});

/**
 * `write(work)` runs the statements of `work` in a transaction whose changes no cache hides: their
 * tags are pending before the COMMIT is sent, and get their new version after it was acknowledged.
 *
 * Should this process die on the way, or the outcome of the COMMIT remain unknown, the tags stay
 * pending until somebody has asked PostgreSQL about the transaction (settle.ts). So a release is
 * only ever sent for a transaction that has ended.
 */
export function createCoherentWrite<Tx extends Transaction>(options: CoherentWriteOptions<Tx>) {
  const { transaction, table, epochs, onError = () => {} } = options;

  /** Returns the epoch in which the tags are pending, or undefined when nobody serves from any. */
  const mark = async (xid: string, tags: readonly string[], named: Pick<EpochRow, "name" | "state">) => {
    let { name, state } = named;
    for (;;) {
      if (state === "retired") return undefined;
      if (state === "retiring") {
        ({ name, state } = await epochs.untilRetired(name));
        continue;
      }
      try {
        if ((await table.mark(name, xid, tags)) === "marked") return name;
      } catch (error) {
        onError(error);
      }
      ({ name, state } = await epochs.retire(name));
    }
  };

  return async <Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> => {
    let marked: { epoch: Epoch; xid: string } | undefined;
    const result = await transaction(async (tx) => {
      marked = undefined;
      const result = await work(tx);
      const rows = z
        .array(drainedRow)
        .parse(await tx.$queryRawUnsafe("SELECT * FROM drain_cache_invalidations()"));
      const { xid, tags, epoch, epochState } = rows[0]!;
      if (xid === null || tags === null) return result;
      // Safe: the check constraints of the table that they come from.
      const named = { name: epoch as Epoch, state: epochState as EpochRow["state"] };
      const markedIn = await mark(xid, tags, named);
      if (markedIn !== undefined) marked = { epoch: markedIn, xid };
      return result;
    });
    // Not awaited: until it arrives, readers go to the database.
    if (marked !== undefined) table.release(marked.epoch, marked.xid).catch(onError);
    return result;
  };
}
