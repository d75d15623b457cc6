import type { StatementTransaction, WriteOptions } from "./database.ts";
import { isLockTimeout, OutcomeUnknown } from "./errors.ts";
import { createGroups } from "./groups.ts";

type Work<Result> = (tx: StatementTransaction) => Promise<Result>;

interface Call {
  readonly work: Work<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * When a write waits longer than this for a row, in ms, its group is rolled back, so that it gets out of the
 * others' way. That is no later than PostgreSQL begins to look for a deadlock.
 */
const LOCK_TIMEOUT_MS = 50;
const LIMIT_WAITING = `SET LOCAL lock_timeout = '${LOCK_TIMEOUT_MS}ms'`;

/** Bounds a group, as its rows stay locked until the transaction's last statement has been answered. */
const MAX_GROUP = 100;

/**
 * Group commit: commits short writes that arrive at the same moment together, and all other writes by
 * themselves.
 *
 * Most of what a short transaction costs is around its statement: BEGIN, draining and marking its tags,
 * COMMIT and the disk. So one group is written after the other, and the writes that arrive meanwhile form the
 * next group. A group's statements are sent at once on one connection, and each write is answered when all of
 * them are committed.
 *
 * No write fails or waits because of another. When one of a group fails, or has to wait for a row, the group
 * is rolled back and each write runs by itself, beside the next group. When the commit fails, its outcome may
 * be unknown, so nothing is run again.
 *
 * @param write runs the work in a transaction, and commits when it resolves
 */
export function createGroupCommit(write: <Result>(work: Work<Result>) => Promise<Result>) {
  async function runGroup(group: readonly Call[]): Promise<void> {
    /**
     * Before the transaction has begun, the database may be down. Running each write by itself would then
     * wait once more for each.
     */
    let hasBegun = false;
    try {
      const results = await write((tx) => {
        hasBegun = true;
        // Pipelined with the first statement. It fails only when the connection does.
        tx.query(LIMIT_WAITING).catch(() => {});
        return together(group, tx);
      });
      for (const [index, { resolve }] of group.entries()) resolve(results[index]);
    } catch (error) {
      const isWorthAnother = hasBegun && (group.length > 1 || isLockTimeout(error));
      if (isWorthAnother && !(error instanceof OutcomeUnknown))
        for (const { work, resolve, reject } of group) write(work).then(resolve, reject);
      else for (const { reject } of group) reject(error);
    }
  }
  const add = createGroups<Call>((waiting) => waiting.splice(0, MAX_GROUP), runGroup);

  return <Result>(work: Work<Result>, { isShort = false }: WriteOptions<Result> = {}): Promise<Result> => {
    if (!isShort) return write(work);
    return new Promise<Result>((resolve, reject) => {
      // Safe: it is resolved with its own work's result.
      add({ work, resolve: resolve as Call["resolve"], reject });
    });
  };
}

/**
 * All results, once no work has a statement left to send: a late statement would fall outside of the
 * transaction.
 */
async function together(group: readonly Call[], tx: StatementTransaction): Promise<unknown[]> {
  if (group.length === 1) return [await group[0]!.work(tx)];
  const settled = await Promise.allSettled(group.map(({ work }) => work(oneOfMany(tx))));
  return settled.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}

/** The last statement of one work in a group is not the transaction's last. */
const oneOfMany = ({ query, $queryRawUnsafe }: StatementTransaction): StatementTransaction => ({
  query,
  queryLast: query,
  behindLast: () => {},
  $queryRawUnsafe,
});
