import type { DataAccess, WriteOptions } from "../database/database.ts";
import type { AuditEntry } from "../database/generated/client.ts";
import { createCallScope } from "./callScope.ts";
import type { List, PageArguments } from "./page.ts";
import { createReader, selectList } from "./reader.ts";

export type AuditEntryRow = AuditEntry;

/** Who does something, and in which request. */
export interface AuditOrigin {
  readonly actorId: string | null;
  readonly credential: string | null;
  readonly requestId: string | null;
  readonly address: string | null;
}

export interface AuditRecord extends AuditOrigin {
  readonly action: string;
  readonly target: string | null;
  readonly details: Readonly<Record<string, unknown>> | null;
  readonly count?: number;
}

/** Describes an action that is about to write. Its target may be known only from the result of the write. */
export type AuditedAction = (written: unknown) => AuditRecord;

/** The part of a transaction that is used here. */
export interface AuditedTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<unknown>;
  behindLast?(send: undefined): void;
}

export type Audit = ReturnType<typeof createAudit>;

const ADD = `INSERT INTO "audit_entries" ("action", "actor_id", "credential", "target", "details", "request_id", "address", "count")
  VALUES ($1, $2::uuid, $3, $4, $5::jsonb, $6, $7, $8::int) RETURNING 1`;
const ENTRIES_PER_STATEMENT = 1_000;

const valuesOf = (record: AuditRecord) =>
  [
    record.action,
    record.actorId,
    record.credential,
    record.target,
    record.details && JSON.stringify(record.details),
    record.requestId,
    record.address,
    record.count ?? 1,
  ] as const;

/**
 * Writes actions into the audit log, in the transaction that carries them out: either both are committed or
 * neither is. The running action is known from the asynchronous context, as in idempotency.ts. An action that
 * changes no row writes no entry this way, and neither does a repeated one.
 */
export function createAudit() {
  const running = createCallScope<{ readonly action: AuditedAction; isWritten: boolean }>();

  return {
    /** Runs the work as this action. Its first write adds the entry. */
    run: <Result>(action: AuditedAction, work: () => Promise<Result>): Promise<Result> =>
      running.run({ action, isWritten: false }, work),

    /** Wraps the write, so that it adds the running action's entry. */
    audited<Tx extends AuditedTransaction>(
      write: <Result>(work: (tx: Tx) => Promise<Result>, options?: WriteOptions<Result>) => Promise<Result>,
    ): typeof write {
      return async (work, options) => {
        const call = running.current();
        if (call === undefined || call.isWritten || options?.keeps === "never") return write(work, options);
        const result = await write(async (tx) => {
          tx.behindLast?.(undefined);
          const written = await work(tx);
          await tx.$queryRawUnsafe(ADD, ...valuesOf(call.action(written)));
          return written;
        }, options);
        call.isWritten = true;
        return result;
      };
    },
  };
}

export function createAuditEntryRepository(access: DataAccess) {
  const { query, writeStatements } = access;
  const reader = createReader<AuditEntryRow>(access, {
    table: "audit_entries",
    columns: selectList(
      {
        id: "id",
        action: "action",
        actorId: "actor_id",
        credential: "credential",
        target: "target",
        details: "details",
        requestId: "request_id",
        address: "address",
        count: "count",
        createdAt: "created_at",
      },
      { times: ["createdAt"] },
    ),
    key: { column: "id", type: "uuid" },
  });

  /** All entries, newest first. They are read anew for each request. */
  const list = (): List => ({
    where: [],
    order: { column: "created_at", type: "timestamptz", direction: "DESC" },
    tags: [],
  });

  return {
    list,
    loadLists: reader.loadLists,
    cursorOf: reader.cursorOf,
    findMany: (page?: PageArguments) => reader.findPage(list(), page),

    /** Writes an entry about an action that changed no row. */
    async record(record: AuditRecord): Promise<void> {
      await writeStatements((tx) => tx.queryLast(ADD, valuesOf(record)), { keeps: "never" });
    },

    /** Whether there is an entry of the last day about this action whose details have this value. */
    async hasRecent(action: string, detail: string, value: string): Promise<boolean> {
      const rows = await query(
        `SELECT 1 FROM "audit_entries" WHERE "created_at" > now() - interval '1 day' AND "action" = $1
            AND "details" ->> $2 = $3 LIMIT 1`,
        [action, detail, value],
      );
      return rows.length > 0;
    },

    /** How many `prune` would delete. */
    async countOlderThan(days: number): Promise<number> {
      const [row] = await query<{ count: number }>(
        `SELECT count(*)::float8 AS "count" FROM "audit_entries" WHERE "created_at" < now() - $1::int * interval '1 day'`,
        [days],
      );
      return row?.count ?? 0;
    },

    /** Deletes entries older than this many days, in batches, until the signal aborts. @returns how many */
    async prune(days: number, signal?: AbortSignal): Promise<number> {
      let deleted = 0;
      for (;;) {
        const rows = await writeStatements(
          (tx) =>
            tx.queryLast(
              `DELETE FROM "audit_entries" WHERE "id" IN (
                 SELECT "id" FROM "audit_entries" WHERE "created_at" < now() - $1::int * interval '1 day'
                  ORDER BY "created_at" LIMIT ${ENTRIES_PER_STATEMENT} FOR UPDATE SKIP LOCKED)
               RETURNING 1`,
              [days],
            ),
          { keeps: "never" },
        );
        deleted += rows.length;
        if (rows.length < ENTRIES_PER_STATEMENT || signal?.aborted) return deleted;
      }
    },
  };
}
