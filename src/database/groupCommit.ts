import type { StatementTransaction, WriteOptions } from "./database.ts";
import { isLockTimeout, OutcomeUnknown } from "./errors.ts";
import { createGroups } from "./groups.ts";

type Work<Result> = (tx: StatementTransaction) => Promise<Result>;

interface Call {
  readonly work: Work<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What waits longer for a row, in ms, gets out of the others' way: no later than PostgreSQL begins to look for a deadlock. */
const LOCK_TIMEOUT_MS = 50;
const LIMIT_WAITING = `SET LOCAL lock_timeout = '${LOCK_TIMEOUT_MS}ms'`;

/** A transaction's rows are locked until its last statement has been answered. */
const MAX_GROUP = 100;

/**
 * Commits short writes that come at the same moment together, and others by themselves.
 *
 * Most of what a short transaction costs is around its statement: BEGIN, taking out and marking its tags, COMMIT and the disk. So one
 * group is written after the other, and what has gathered meanwhile is the next. Everybody's statements are sent
 * at once on one connection, and each is answered when all of them are committed.
 *
 * Nobody fails or waits for another's reasons. When one of them fails, or has to wait for a row, all is rolled back and
 * each runs by itself, beside the next group. When the commit fails, nobody may know whether it happened, so nothing is run again.
 *
 * @param write runs the work in a transaction, and commits when it resolves
 */
export function createGroupCommit(write: <Result>(work: Work<Result>) => Promise<Result>) {
  async function runGroup(group: readonly Call[]): Promise<void> {
    /** Until then the database may be away, and each would wait for it once more. */
    let hasBegun = false;
    try {
      const results = await write((tx) => {
        hasBegun = true;
        // Sent along with the first statement, and it fails with its connection alone.
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
      // Safe: it is resolved with what its own work gives.
      add({ work, resolve: resolve as Call["resolve"], reject });
    });
  };
}

/** All of their results, once none of them has a statement left to send: those would not belong to the transaction any more. */
async function together(group: readonly Call[], tx: StatementTransaction): Promise<unknown[]> {
  if (group.length === 1) return [await group[0]!.work(tx)];
  const settled = await Promise.allSettled(group.map(({ work }) => work(oneOfMany(tx))));
  return settled.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}

/** What is the last statement of one of them is not the transaction's last. */
const oneOfMany = ({ query, $queryRawUnsafe }: StatementTransaction): StatementTransaction => ({
  query,
  queryLast: query,
  behindLast: () => {},
  $queryRawUnsafe,
});
