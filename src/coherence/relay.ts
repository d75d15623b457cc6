import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { createLagRecord, type RelayLag } from "./relayLag.ts";
import type { Epoch, VersionTable } from "./versionTable.ts";

export interface RelayClient {
  query(sql: string, parameters?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** True: the connection is broken and must not be used again. */
  release(destroy?: boolean): void;
}

export interface RelayOptions {
  readonly connect: () => Promise<RelayClient>;
  readonly table: Pick<VersionTable, "bump" | "beat">;
  /** The epoch in which changes are to be told: the one that is live or quiescing. */
  readonly epoch: () => Epoch | undefined;
  /** Between two passes when nobody wakes the relay, in ms. */
  readonly pollMs?: number;
  /** Rows in one pass. */
  readonly batchSize?: number;
  readonly onError?: (error: unknown) => void;
}

const outboxRow = z.object({ id: z.string(), tags: z.array(z.string()), ageMs: z.number() });

// The age is told by the one clock that wrote the time: PostgreSQL's.
const ROWS = `SELECT id::text, tags, (1000 * extract(epoch FROM clock_timestamp() - created_at))::float8 AS "ageMs"
  FROM cache_invalidations ORDER BY id LIMIT $1`;
const LOCK = `${ROWS} FOR UPDATE SKIP LOCKED`;
const ANY = "SELECT FROM cache_invalidations LIMIT 1";

/**
 * Tells the version table what others than the service have changed: the rows that are left in
 * the outbox. Every instance runs one; rows that another has locked are skipped.
 *
 * After each pass it reports up to which instant everything is told; without a fresh report the
 * version table serves nothing. A row that another relay has locked may stay untold, for that relay may
 * have been stopped. Hence: a row which is still there in the next pass is told without
 * its lock (telling twice does no harm), and until then the report covers only the pass in which it
 * was not there yet. Ids are given out before rows are committed, so a pass takes whatever it
 * sees; no position is remembered.
 */
export function createRelay(options: RelayOptions) {
  const {
    connect,
    table,
    epoch: currentEpoch,
    pollMs = 100,
    batchSize = 1_000,
    onError = () => {},
  } = options;

  let epoch: Epoch | undefined;
  /** The table's clock before this pass, and before the one that went before it. */
  let instant: number | undefined;
  let previousInstant: number | undefined;
  let seen = new Set<string>();
  let told = new Set<string>();
  const record = createLagRecord();
  /** When this pass's `instant`, and the last one that a report covered, were learned on this process's clock. */
  let instantAt = 0;
  let coveredAt: number | undefined;
  let wakeUp = () => {};

  /** @param readAt before the rows were asked for, on this process's clock */
  const tell = async (rows: readonly z.infer<typeof outboxRow>[], readAt: number): Promise<void> => {
    if (rows.length === 0) return;
    const tags = new Set(rows.flatMap((row) => row.tags));
    if ((await table.bump(epoch!, [...tags])) === "lost") throw new Error(`The epoch ${epoch} was lost.`);
    const sinceRead = performance.now() - readAt;
    for (const { ageMs } of rows) record.add(ageMs + sinceRead);
  };

  const relayUnlocked = async (client: RelayClient): Promise<boolean> => {
    await client.query("BEGIN");
    const readAt = performance.now();
    const locked = z.array(outboxRow).parse((await client.query(LOCK, [batchSize])).rows);
    // The bump first: should the rest fail, they are told again.
    await tell(locked, readAt);
    if (locked.length > 0) {
      await client.query("DELETE FROM cache_invalidations WHERE id = ANY($1::bigint[])", [
        locked.map(({ id }) => id),
      ]);
    }
    await client.query("COMMIT");
    return locked.length === batchSize;
  };

  /** Rows that another relay holds. Returns the instant up to which everything is told now. */
  const relayLocked = async (client: RelayClient): Promise<number | undefined> => {
    const readAt = performance.now();
    const left = z.array(outboxRow).parse((await client.query(ROWS, [batchSize])).rows);
    const overdue = left.filter(({ id }) => seen.has(id) && !told.has(id));
    await tell(overdue, readAt);
    told = new Set(left.filter(({ id }) => told.has(id) || seen.has(id)).map(({ id }) => id));
    seen = new Set(left.map(({ id }) => id));
    if (left.length === batchSize) return undefined;
    return left.every(({ id }) => told.has(id)) ? instant : previousInstant;
  };

  const nothingLeft = (): number | undefined => {
    [seen, told] = [new Set(), new Set()];
    return instant;
  };

  return {
    /** How many rows were told. */
    relayed: (): number => record.read().count,

    /** How late the changes of others were told. */
    lag: (): RelayLag => record.read(),

    /** How long ago the instant is up to which this process has last reported everything as told, in ms. */
    reportAgeMs: (): number | undefined =>
      coveredAt === undefined ? undefined : performance.now() - coveredAt,

    resetStatistics: (): void => record.reset(),

    /**
     * One pass. Rejects when PostgreSQL or the table cannot be reached; nothing is lost then.
     *
     * @returns whether there is more to do at once
     */
    async pass(): Promise<boolean> {
      const present = currentEpoch();
      if (present === undefined) return false;
      if (present !== epoch) {
        epoch = present;
        instant = previousInstant = undefined;
        coveredAt = undefined;
        [seen, told] = [new Set(), new Set()];
      }
      if (instant === undefined) await beat(undefined);
      const client = await connect();
      let isBroken = true;
      try {
        // Mostly there is nothing: one statement, and no transaction, ten times a second.
        const isEmpty = (await client.query(ANY)).rows.length === 0;
        const hasMore = !isEmpty && (await relayUnlocked(client));
        const covered = isEmpty ? nothingLeft() : hasMore ? undefined : await relayLocked(client);
        isBroken = false;
        if (hasMore) return true;
        const coveredSince = covered === instant ? instantAt : coveredAt;
        previousInstant = instant;
        await beat(covered);
        coveredAt = coveredSince;
        return false;
      } finally {
        // Closing the connection rolls back what was begun.
        client.release(isBroken);
      }
    },

    /** There may be something to relay (LISTEN cache_invalidations). Only a hint: polling finds it too. */
    wake: (): void => wakeUp(),

    /** Passes until the signal aborts. Never rejects. */
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        const woken = new AbortController();
        wakeUp = () => woken.abort();
        const hasMore = await this.pass().catch((error: unknown) => {
          onError(error);
          return false;
        });
        if (hasMore) continue;
        await sleep(pollMs, undefined, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {});
      }
    },
  };

  /** Reports, and learns the instant of the next pass. */
  async function beat(covered: number | undefined): Promise<void> {
    // Before the call: a report's age is never told as less than it is.
    const askedAt = performance.now();
    const time = await table.beat(epoch!, covered);
    if (time === "lost") throw new Error(`The epoch ${epoch} was lost.`);
    instant = time;
    instantAt = askedAt;
  }
}
