import * as z from "zod";
import type { EpochRow, Epochs } from "./epochs.ts";
import type { Epoch, VersionTable } from "./versionTable.ts";

/** What is needed of Prisma's interactive transaction: any that can run a statement. */
export interface Transaction {
  $queryRawUnsafe(sql: string): Promise<unknown>;
  /** Where the work can say which statement is its last: what is sent behind that, without waiting for its answer. */
  behindLast?(send: () => void): void;
}

export interface CoherentWriteOptions<Tx extends Transaction> {
  /** Runs the work in one READ COMMITTED transaction, and commits when it resolves. */
  readonly transaction: <Result>(work: (tx: Tx) => Promise<Result>) => Promise<Result>;
  readonly table: Pick<VersionTable, "mark" | "release">;
  readonly epochs: Pick<Epochs, "retire" | "untilRetired">;
  /** Of the version table. The write goes on without it. */
  readonly onError?: (error: unknown) => void;
}

/** The tags as lines: `pg` reads an array letter by letter, which took longer than what is done with them. */
export const DRAIN = `SELECT "xid", array_to_string("tags", E'\\n') AS "tags", "epoch", "epochState" FROM drain_cache_invalidations()`;

const drainedRow = z.object({
  xid: z.string().nullable(),
  tags: z.string().nullable(),
  epoch: z.string().nullable(),
  epochState: z.string().nullable(),
});

type NamedEpoch = Pick<EpochRow, "name" | "state">;

/** So often may an epoch end under a write before the write is given up. */
const MAX_ATTEMPTS = 10;

/**
 * `write(work)` runs the statements of `work` in a transaction whose changes no cache hides: their
 * tags are pending before the COMMIT is sent, and get their new version after it was acknowledged.
 *
 * Should this process die on the way, or the outcome of the COMMIT remain unknown, the tags stay
 * pending until somebody has asked PostgreSQL about the transaction (settle.ts). So a release is
 * only ever sent for a transaction that has ended.
 *
 * When the tags cannot be marked, the transaction is rolled back, the epoch is given up, and `work`
 * runs again, to be committed unmarked: so `work` must do nothing but statements. Waiting inside
 * the transaction would hold its locks and its connection for as long as others may serve from
 * the epoch, and would wait for itself on the embedded database, which runs one transaction at a time.
 */
export function createCoherentWrite<Tx extends Transaction>(options: CoherentWriteOptions<Tx>) {
  const { transaction, table, epochs, onError = () => {} } = options;

  const drain = async (tx: Tx) => {
    const rows = z.array(drainedRow).parse(await tx.$queryRawUnsafe(DRAIN));
    const { xid, tags, epoch, epochState } = rows[0]!;
    if (xid === null || tags === null) return undefined;
    // Safe: the check constraints of the table that they come from.
    const named = { name: epoch as Epoch, state: epochState as EpochRow["state"] };
    return { xid, tags: tags.split("\n"), named };
  };

  const mark = async (epoch: Epoch, xid: string, tags: readonly string[]): Promise<boolean> => {
    try {
      return (await table.mark(epoch, xid, tags)) === "marked";
    } catch (error) {
      onError(error);
      return false;
    }
  };

  /** Until the next attempt can either mark or do without. */
  const giveUp = async ({ name, state }: NamedEpoch): Promise<void> => {
    const row = state === "retiring" ? { name, state } : await epochs.retire(name);
    if (row.state === "retiring") await epochs.untilRetired(row.name);
  };

  return async <Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> => {
    for (let attempt = 1; ; attempt++) {
      let marked: { epoch: Epoch; xid: string } | undefined;
      let obstacle: NamedEpoch | undefined;
      try {
        const result = await transaction(async (tx) => {
          let draining: ReturnType<typeof drain> | undefined;
          tx.behindLast?.(() => {
            draining = drain(tx);
            // It fails with the statement in front of it, which tells why.
            draining.catch(() => {});
          });
          const result = await work(tx);
          const drained = await (draining ?? drain(tx));
          if (drained === undefined || drained.named.state === "retired") return result;
          const { xid, tags, named } = drained;
          if (named.state === "retiring" || !(await mark(named.name, xid, tags))) {
            obstacle = named;
            throw new Error(
              `The changes cannot be marked in the epoch ${named.name}, which is ${named.state}.`,
            );
          }
          marked = { epoch: named.name, xid };
          return result;
        });
        // Not awaited: until it arrives, readers go to the database.
        if (marked !== undefined) table.release(marked.epoch, marked.xid).catch(onError);
        return result;
      } catch (error) {
        if (obstacle === undefined || attempt === MAX_ATTEMPTS) throw error;
        await giveUp(obstacle);
      }
    }
  };
}
