import * as z from "zod";
import type { EpochRow, Epochs } from "./epochs.ts";
import type { Epoch, VersionTable } from "./versionTable.ts";

/** The part of Prisma's interactive transaction that is needed here: any that can run a statement will do. */
export interface Transaction {
  $queryRawUnsafe(sql: string): Promise<unknown>;
  /**
   * Present if the work can say which of its statements is the last one: then `send` is called behind that
   * statement, without waiting for its result.
   */
  behindLast?(send: () => void): void;
}

export interface CoherentWriteOptions<Tx extends Transaction> {
  /** Runs `work` in one READ COMMITTED transaction, and commits when it resolves. */
  readonly transaction: <Result>(work: (tx: Tx) => Promise<Result>) => Promise<Result>;
  readonly table: Pick<VersionTable, "mark" | "release">;
  readonly epochs: Pick<Epochs, "retire" | "untilRetired">;
  /** Told of the version table's errors. The write goes on without the table. */
  readonly onError?: (error: unknown) => void;
}

/** Returns tags as lines: `pg` parses an array character by character, which took longer than using them. */
export const DRAIN = `SELECT "xid", array_to_string("tags", E'\\n') AS "tags", "epoch", "epochState" FROM drain_cache_invalidations()`;

const drainedRow = z.object({
  xid: z.string().nullable(),
  tags: z.string().nullable(),
  epoch: z.string().nullable(),
  epochState: z.string().nullable(),
});

type NamedEpoch = Pick<EpochRow, "name" | "state">;

/** After this many attempts, a write whose tags cannot be marked is given up. */
const MAX_ATTEMPTS = 10;

/**
 * `write(work)` runs the statements of `work` in one transaction, and keeps every cache coherent with it: the
 * tags of its changes are pending before the COMMIT is sent, and get their new version after it was
 * acknowledged.
 *
 * If this process dies in between, or the outcome of the COMMIT remains unknown, the tags stay pending until
 * an instance has asked PostgreSQL about the transaction (settle.ts). So a release is only ever sent for a
 * transaction that has ended.
 *
 * When the tags cannot be marked, the transaction is rolled back, the epoch is retired, and `work` runs
 * again. The second run commits without a mark if the epoch is still retired by then. So `work` must have no
 * effects other than its statements.
 *
 * The alternative is to wait inside the transaction until no instance may serve from the epoch any more. That
 * would hold the transaction's locks and its connection meanwhile. On the embedded database, which runs one
 * transaction at a time, it would wait for itself.
 */
export function createCoherentWrite<Tx extends Transaction>(options: CoherentWriteOptions<Tx>) {
  const { transaction, table, epochs, onError = () => {} } = options;

  const drain = async (tx: Tx) => {
    const rows = z.array(drainedRow).parse(await tx.$queryRawUnsafe(DRAIN));
    const { xid, tags, epoch, epochState } = rows[0]!;
    if (xid === null || tags === null) return undefined;
    // Safe: the table that they come from has check constraints for both.
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

  /** Retires the epoch, and waits until the next attempt can mark in another one or commit without a mark. */
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
            // If the statement before the drain fails, the drain fails too. That statement's error tells why.
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
        // Not awaited: until the release arrives, the tags are pending and readers go to the database.
        if (marked !== undefined) table.release(marked.epoch, marked.xid).catch(onError);
        return result;
      } catch (error) {
        if (obstacle === undefined || attempt === MAX_ATTEMPTS) throw error;
        await giveUp(obstacle);
      }
    }
  };
}
