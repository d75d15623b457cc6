import { decode, encode } from "../coherence/codec.ts";
import type { DataAccess, WriteOptions } from "../database/database.ts";
import { AppError } from "../errors.ts";
import { createCallScope } from "./callScope.ts";

/** A mutation that the client may repeat, because it did not see the answer. */
export interface RepeatableCall {
  /** Whose key it is: a viewer's id. */
  readonly scope: string;
  /** 1 to 300 characters. */
  readonly key: string;
  /** A hash of everything that the client asked for. Using the same key with another hash is an error. */
  readonly inputHash: string;
  /** Called when a write returns its earlier result. */
  readonly onRepeated?: () => void;
}

/** The part of a transaction that is used here. */
interface KeyedTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<unknown>;
  behindLast?(send: undefined): void;
}

export type Idempotency = ReturnType<typeof createIdempotency>;

const KEPT_HOURS = 24;
const KEYS_PER_STATEMENT = 1_000;

// Waits for a transaction that has inserted the same key. If that one is rolled back, this one inserts the
// key.
const TAKE = `
  INSERT INTO "idempotency_keys" AS taken ("scope", "key", "ordinal", "input_hash") VALUES ($1, $2, $3::int, $4)
  ON CONFLICT ("scope", "key", "ordinal") DO UPDATE
     SET "input_hash" = EXCLUDED."input_hash", "answer" = NULL, "created_at" = now()
   WHERE taken."created_at" < now() - interval '${KEPT_HOURS} hours'
  RETURNING 1`;
const READ = `SELECT "input_hash" AS "inputHash", "answer" FROM "idempotency_keys" WHERE "scope" = $1 AND "key" = $2 AND "ordinal" = $3::int`;
const ANSWER = `UPDATE "idempotency_keys" SET "answer" = $4 WHERE "scope" = $1 AND "key" = $2 AND "ordinal" = $3::int`;
const DROP = `DELETE FROM "idempotency_keys" WHERE "scope" = $1 AND "key" = $2 AND "ordinal" = $3::int`;

/**
 * Makes writes repeatable. The result of a write inside of `run` is stored under the call's key, in the
 * transaction of the write itself: either both are committed or neither is. When the call comes again, each
 * of its writes returns its stored result and does nothing else. A write that fails stores nothing, so it is
 * tried again.
 *
 * A call's writes are told apart by their order: a repeated call that had broken off between two of them
 * continues there. The running call is known from the asynchronous context, so that no write can forget to
 * ask for it.
 */
export function createIdempotency() {
  const running = createCallScope<RepeatableCall & { nextOrdinal: number }>();

  return {
    /** Runs the work as part of this call. */
    run: <Result>(call: RepeatableCall, work: () => Promise<Result>): Promise<Result> =>
      running.run({ ...call, nextOrdinal: 0 }, work),

    /** Runs the work outside of the running call: the results of its writes are not stored. */
    outside: running.outside,

    /** Whether a call is running whose writes are stored. */
    isRepeatable: () => running.current() !== undefined,

    /** Wraps the write, so that it is repeatable. */
    keyed<Tx extends KeyedTransaction>(
      write: <Result>(work: (tx: Tx) => Promise<Result>, options?: WriteOptions<Result>) => Promise<Result>,
    ): typeof write {
      return async (work, options) => {
        const call = running.current();
        const keeps = options?.keeps ?? (() => true);
        if (call === undefined || keeps === "never") return write(work, options);
        // Counted outside of the work, which may run more than once.
        const ordinal = call.nextOrdinal++;
        const id = [call.scope, call.key, ordinal] as const;
        return write(async (tx) => {
          tx.behindLast?.(undefined);
          const earlier = await takeOrRead(tx, call, id);
          // Safe: it is what this write returned when its result was stored.
          if (earlier !== undefined) {
            call.onRepeated?.();
            return decode(earlier) as Awaited<ReturnType<typeof work>>;
          }
          const result = await work(tx);
          if (keeps(result)) {
            await tx.$queryRawUnsafe(ANSWER, ...id, encode(result));
          } else {
            await tx.$queryRawUnsafe(DROP, ...id);
            call.nextOrdinal = ordinal;
          }
          return result;
        }, options);
      };
    },
  };
}

/** @returns the result that is stored under the key already; undefined: the key belongs to this call now */
async function takeOrRead(
  tx: KeyedTransaction,
  { key, inputHash }: RepeatableCall,
  id: readonly [scope: string, key: string, ordinal: number],
): Promise<string | undefined> {
  for (;;) {
    // Safe: the statements' own rows.
    const taken = (await tx.$queryRawUnsafe(TAKE, ...id, inputHash)) as readonly unknown[];
    if (taken.length > 0) return undefined;
    const [found] = (await tx.$queryRawUnsafe(READ, ...id)) as readonly {
      inputHash: string;
      answer: string | null;
    }[];
    // The key was pruned since.
    if (found === undefined) continue;
    if (found.inputHash !== inputHash) {
      throw new AppError(
        "IDEMPOTENCY_CONFLICT",
        "The idempotency key was used before, with another input. Use a new key for every change.",
        { details: { idempotencyKey: key } },
      );
    }
    // A key without a stored result is never committed. So the key was taken in this very transaction, by
    // another write that is committed with it (database/groupCommit.ts). By itself, this one waits for that one.
    if (found.answer === null) throw new Error("Another write in this transaction has the idempotency key.");
    return found.answer;
  }
}

const EXPIRED = `"created_at" < now() - interval '${KEPT_HOURS} hours'`;

export function createIdempotencyKeyRepository({
  query,
  writeStatements,
}: Pick<DataAccess, "query" | "writeStatements">) {
  return {
    /** How many `prune` would delete. */
    async countExpired(): Promise<number> {
      const [row] = await query<{ count: number }>(
        `SELECT count(*)::float8 AS "count" FROM "idempotency_keys" WHERE ${EXPIRED}`,
      );
      return row?.count ?? 0;
    },

    /** Deletes keys that are older than a day, in batches, until the signal aborts. @returns how many */
    async prune(signal?: AbortSignal): Promise<number> {
      let deleted = 0;
      for (;;) {
        const rows = await writeStatements((tx) =>
          tx.queryLast(
            `DELETE FROM "idempotency_keys" WHERE ("scope", "key", "ordinal") IN (
               SELECT "scope", "key", "ordinal" FROM "idempotency_keys"
                WHERE ${EXPIRED}
                ORDER BY "created_at" LIMIT ${KEYS_PER_STATEMENT} FOR UPDATE SKIP LOCKED)
             RETURNING 1`,
          ),
        );
        deleted += rows.length;
        if (rows.length < KEYS_PER_STATEMENT || signal?.aborted) return deleted;
      }
    },
  };
}
