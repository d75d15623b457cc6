import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { type Epoch, epochNumber, type VersionTable } from "./versionTable.ts";

/**
 * Decides which epoch of the version table is in force, and who may serve from it.
 *
 *       (claim, open)            (every transaction that had an id has ended)
 *   retired ───────▶ quiescing ───────▶ live
 *      ▲                 │                │   lost, unreachable, or another database server
 *      │                 ▼                ▼
 *      └───────────── retired ◀─────── retiring
 *                                (all read leases have expired)
 *
 * The state is one row in PostgreSQL. Every transition is a compare-and-set that any instance may perform.
 *
 * - To serve, an instance needs a *read lease*: it has read the row as `live` less than `leaseMs` ago on its
 *   own monotonic clock. An epoch stays `retiring` for `leaseMs`, so once it is `retired` no instance serves
 *   from it.
 * - A writer marks in the epoch that the row names after the writer's transaction has got its id. In `live`
 *   and `quiescing` it must mark. In `retiring` it must wait and begin again. In `retired` no instance
 *   serves, so the writer may commit unmarked.
 * - An epoch goes live (it has *quiesced*) when every transaction has ended that had an id at some moment
 *   after the row became `quiescing`. Those include all transactions that read an earlier epoch from the row,
 *   or `retired`.
 */
export interface EpochOptions {
  /** Runs one statement, committed by itself, on the primary. */
  readonly query: (
    sql: string,
    parameters: readonly string[],
  ) => Promise<{ readonly rows: readonly unknown[] }>;
  readonly table: Pick<VersionTable, "open" | "activate">;
  /**
   * The read lease, in ms: how long an instance serves without hearing from PostgreSQL, and how long the
   * first write of an outage waits.
   */
  readonly leaseMs?: number;
  /**
   * The minimum time from one epoch's going live until the next epoch begins, in ms. Every end of an epoch
   * makes writers wait for a read lease. So an instance that cannot reach Redis while others can delays
   * writes by at most `leaseMs` per `minCycleMs`: by default a tenth of the time.
   */
  readonly minCycleMs?: number;
  readonly onError?: (error: unknown) => void;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
}

const epochRow = z.object({
  name: z.string().transform((name) => name as Epoch), // Safe: the table's check constraint.
  state: z.enum(["live", "retiring", "retired", "quiescing"]),
  isSameServer: z.boolean(),
  /** How long the epoch has been in this state, on PostgreSQL's clock. */
  ageMs: z.number(),
});
export type EpochRow = z.infer<typeof epochRow>;

/**
 * SQL that identifies the server by its start time and its timeline. A server that has been restarted or
 * replaced may have lost writes that it had acknowledged.
 */
export const SERVER = `extract(epoch FROM pg_postmaster_start_time())::text || '/' || (SELECT timeline_id FROM pg_control_checkpoint())`;
const READ = `SELECT name, state, server = ${SERVER} AS "isSameServer",
  greatest(0, extract(epoch FROM clock_timestamp() - changed_at) * 1000)::float8 AS "ageMs" FROM cache_epoch`;
const RETIRE = `UPDATE cache_epoch SET state = CASE state WHEN 'live' THEN 'retiring' ELSE 'retired' END, changed_at = now()
  WHERE name = $1 AND state IN ('live', 'quiescing')`;
const CLAIM = `UPDATE cache_epoch SET name = $2, server = ${SERVER}, changed_at = now() WHERE name = $1 AND state = 'retired'`;
const ADVANCE = `UPDATE cache_epoch SET state = $3, changed_at = now() WHERE name = $1 AND state = $2 RETURNING name`;

const LOCK = `SELECT name FROM cache_epoch FOR UPDATE`;
const REPLACE = `UPDATE cache_epoch SET name = $1, state = 'retired', server = '', changed_at = now()`;
const LEASE_MS = 1_000;

/** The minimum pause after an epoch's end: its cause rarely goes away sooner. */
const MIN_PAUSE_MS = 250;

export type Epochs = ReturnType<typeof createEpochs>;

export function createEpochs(options: EpochOptions) {
  const { query, table, onError = () => {} } = options;
  const { leaseMs = LEASE_MS, minCycleMs = 10_000, now = () => performance.now() } = options;

  let lease: { readonly epoch: Epoch; readonly until: number } | undefined;
  let latest: EpochRow | undefined;
  /** When this process first saw the epoch in its present state. */
  let seen: { readonly name: Epoch; readonly state: EpochRow["state"]; readonly at: number } | undefined;
  /** Transactions with ids below `xmax` may not know of this epoch. */
  let barrier: { readonly name: Epoch; readonly xmax: string } | undefined;
  let reported: Epoch | undefined;
  /**
   * When the last epoch that this process has seen live went live, on this process's clock. That is before
   * this process's start if it found the epoch live already.
   */
  let liveSince: number | undefined;
  let changes = 0;

  const read = async (): Promise<EpochRow> => {
    // Taken before the statement is sent: the lease counts from the earliest moment that the row may describe.
    const askedAt = now();
    const row = epochRow.parse((await query(READ, [])).rows[0]);
    latest = row;
    if (seen?.name !== row.name || seen.state !== row.state) {
      if (row.state === "live") {
        changes++;
        liveSince = askedAt - row.ageMs;
      }
      seen = { name: row.name, state: row.state, at: now() };
    }
    const mayServe = row.state === "live" && row.isSameServer;
    lease = mayServe ? { epoch: row.name, until: askedAt + leaseMs } : undefined;
    return row;
  };

  const advance = async (name: Epoch, from: EpochRow["state"], to: EpochRow["state"]) =>
    (await query(ADVANCE, [name, from, to])).rows.length === 1;

  const retire = async (name: Epoch): Promise<EpochRow> => {
    if (lease?.epoch === name) lease = undefined;
    await query(RETIRE, [name]);
    return read();
  };

  /** Counts `leaseMs` from the moment this process first saw the state, so that no two clocks are compared. */
  const finishRetiring = async (row: EpochRow): Promise<void> => {
    if (seen?.state === "retiring" && now() - seen.at >= leaseMs)
      await advance(row.name, "retiring", "retired");
  };

  const begin = async (row: EpochRow): Promise<void> => {
    // The present time as a lower bound: the database may have been restored from a backup, while the table
    // still holds an epoch that began after that backup.
    const number = Math.max(epochNumber(row.name) + 1, Date.now());
    const name: Epoch = `${number}.${randomBytes(8).toString("hex")}`;
    // The claim decides between competing instances before any of them touches the table.
    await query(CLAIM, [row.name, name]);
    if ((await read()).name !== name) return;
    if (await table.open(name)) await advance(name, "retired", "quiescing");
  };

  const finishQuiescing = async ({ name }: EpochRow): Promise<void> => {
    if (barrier?.name !== name) {
      const { rows } = await query("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax", []);
      barrier = { name, xmax: z.object({ xmax: z.string() }).parse(rows[0]).xmax };
    }
    const { rows } = await query('SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 AS "isOver"', [
      barrier.xmax,
    ]);
    if (!z.object({ isOver: z.boolean() }).parse(rows[0]).isOver) return;
    if (await table.activate(name)) await advance(name, "quiescing", "live");
    else await retire(name);
  };

  return {
    /** The epoch for which this process holds a read lease at this moment. */
    held: (): Epoch | undefined => (lease !== undefined && now() < lease.until ? lease.epoch : undefined),

    /** Reads the row, and thereby renews the lease. Rejects when PostgreSQL cannot be reached. */
    read,

    /** The row as it was last read. */
    latest: (): EpochRow | undefined => latest,

    /** For how long this process has seen the row's epoch in its state, in ms. */
    stateAgeMs: (): number => (seen === undefined ? 0 : now() - seen.at),

    /** How often this process has seen another epoch go live. */
    changes: (): number => changes,

    /**
     * Renews the lease, and takes the next step towards a live epoch if it can be taken now. Rejects when
     * PostgreSQL or the table cannot be reached.
     *
     * @returns how long to wait before the next call, in ms
     */
    async step(): Promise<number> {
      let row = await read();
      if ((row.state === "live" || row.state === "quiescing") && !row.isSameServer)
        row = await retire(row.name);
      switch (row.state) {
        case "live":
          return leaseMs / 3;
        case "retiring":
          await finishRetiring(row);
          return leaseMs / 10;
        case "retired": {
          const earliest =
            liveSince === undefined ? 0 : Math.max(liveSince + minCycleMs, seen!.at + MIN_PAUSE_MS);
          // Random, so that instances that woke together do not claim together.
          const pause = earliest + MIN_PAUSE_MS * Math.random() - now();
          if (pause > 0) return Math.min(pause, leaseMs / 3);
          await begin(row);
          return 10;
        }
        case "quiescing":
          await finishQuiescing(row);
          return 10;
      }
    },

    /** Retires an epoch that the table has refused as `lost`. Called for every refusal; the first suffices. */
    reportLost(name: Epoch): void {
      if (latest?.name !== name || latest.state !== "live" || reported === name) return;
      reported = name;
      retire(name).catch((error: unknown) => {
        reported = undefined;
        onError(error);
      });
    },

    /**
     * Retires an epoch that the table does not hold, or in which a writer cannot mark because the table
     * cannot be reached. Returns the row as it is afterwards.
     */
    retire,

    /** Waits until no instance can be serving from a `retiring` epoch, which takes about `leaseMs` at most. */
    async untilRetired(name: Epoch): Promise<EpochRow> {
      for (;;) {
        const row = await read();
        if (row.name !== name || row.state !== "retiring") return row;
        await finishRetiring(row);
        await sleep(Math.min(20, leaseMs / 10));
      }
    },

    /** Calls `step` until the signal aborts. Never rejects. */
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        const pause = await this.step().catch((error: unknown) => {
          onError(error);
          return leaseMs / 3;
        });
        await sleep(pause, undefined, { signal }).catch(() => {});
      }
    },
  };
}

/** Runs statements on one connection to the primary, which is in no transaction at first. */
export type Statements = (
  sql: string,
  parameters?: string[],
) => Promise<{ readonly rows: readonly unknown[] }>;

/**
 * Ends the epoch of a database that is about to be replaced, and keeps its row locked so that no other epoch
 * follows. When it resolves, no instance serves from its cache, and nothing is marked any more. The
 * connection is left in a transaction. Closing it without replacing the database lets the next epoch begin.
 *
 * @returns the number of the epoch that it ended
 */
export async function endLastEpoch(statement: Statements): Promise<number> {
  const named = z.object({ name: epochRow.shape.name });
  const { name } = named.parse((await statement("SELECT name FROM cache_epoch")).rows[0]);
  await statement(RETIRE, [name]);
  await statement("BEGIN");
  const locked = named.parse((await statement(LOCK)).rows[0]);
  // Another epoch has begun in between, which must be ended as well.
  if (locked.name !== name) {
    await statement("ROLLBACK");
    return endLastEpoch(statement);
  }
  await sleep(LEASE_MS * 1.1);
  return epochNumber(name);
}

/**
 * Renews the epoch of a restored database. No instance serves from the epoch in the restored row any more,
 * and the new number is above every number that the instances and their tables know of.
 *
 * @param last the number of the last epoch in the database that this one replaces; 0: there was none
 */
export async function renewEpoch(statement: Statements, last: number): Promise<void> {
  await statement(REPLACE, [`${Math.max(Date.now(), last + 1)}.restored`]);
}
