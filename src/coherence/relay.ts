import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { createLagRecord, type RelayLag } from "./relayLag.ts";
import type { Epoch, VersionTable } from "./versionTable.ts";

export interface RelayClient {
  query(sql: string, parameters?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** @param destroy true: the connection is broken and must not be used again */
  release(destroy?: boolean): void;
}

export interface RelayOptions {
  readonly connect: () => Promise<RelayClient>;
  readonly table: Pick<VersionTable, "bump" | "beat">;
  /** The epoch in which changes are to be bumped: the one that is live or quiescing. */
  readonly epoch: () => Epoch | undefined;
  /** The pause between two passes when nothing wakes the relay, in ms. */
  readonly pollMs?: number;
  /** The most rows in one pass. */
  readonly batchSize?: number;
  readonly onError?: (error: unknown) => void;
}

const outboxRow = z.object({ id: z.string(), tags: z.array(z.string()), ageMs: z.number() });

// PostgreSQL computes the age, because its clock wrote `created_at`.
const ROWS = `SELECT id::text, tags, (1000 * extract(epoch FROM clock_timestamp() - created_at))::float8 AS "ageMs"
  FROM cache_invalidations ORDER BY id LIMIT $1`;
const LOCK = `${ROWS} FOR UPDATE SKIP LOCKED`;
const ANY = "SELECT FROM cache_invalidations LIMIT 1";

/**
 * Bumps the tags of out-of-band writes in the version table. All rows in the outbox are theirs, because the
 * service's own transactions leave none there when they commit. Every instance runs a relay; each skips rows
 * that another has locked.
 *
 * After each pass the relay reports the instant up to which everything is bumped. Without a fresh report the
 * version table serves nothing.
 *
 * A row that another relay has locked may stay unrelayed, because that process may have been stopped.
 * Therefore a row that is still there in the next pass is bumped without its lock; bumping twice does no
 * harm. Until then the report covers only the time before the last pass in which the row was not there yet.
 *
 * PostgreSQL assigns ids before the rows are committed, so rows do not become visible in the order of their
 * ids. A pass takes all rows that it sees, and remembers no position.
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
  /** The time on the table's clock before this pass, and before the previous pass. */
  let instant: number | undefined;
  let previousInstant: number | undefined;
  /** The ids of rows that the previous pass left in the outbox, and of those among them whose tags are bumped. */
  let seen = new Set<string>();
  let told = new Set<string>();
  const record = createLagRecord();
  /** When this process asked for `instant`, and for the last instant that a report covered, on its own clock. */
  let instantAt = 0;
  let coveredAt: number | undefined;
  let wakeUp = () => {};

  /** @param readAt a time before the rows were read, on this process's clock */
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
    // The bump comes first: if a later step fails, the rows are bumped again.
    await tell(locked, readAt);
    if (locked.length > 0) {
      await client.query("DELETE FROM cache_invalidations WHERE id = ANY($1::bigint[])", [
        locked.map(({ id }) => id),
      ]);
    }
    await client.query("COMMIT");
    return locked.length === batchSize;
  };

  /** Handles the rows that another relay has locked. Returns the instant up to which everything is bumped now. */
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
    /** How many rows were relayed. */
    relayed: (): number => record.read().count,

    /** The lag with which out-of-band writes were relayed. */
    lag: (): RelayLag => record.read(),

    /** The age of the instant up to which this process has last reported everything as bumped, in ms. */
    reportAgeMs: (): number | undefined =>
      coveredAt === undefined ? undefined : performance.now() - coveredAt,

    resetStatistics: (): void => record.reset(),

    /**
     * Runs one pass. Rejects when PostgreSQL or the table cannot be reached; nothing is lost then.
     *
     * @returns whether there are more rows to relay at once
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
        // The outbox is usually empty. Then a pass, ten times a second, costs one statement and no transaction.
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
        // Closing a broken connection rolls back its transaction.
        client.release(isBroken);
      }
    },

    /** Starts the next pass at once (LISTEN cache_invalidations). Only a hint: polling finds the rows too. */
    wake: (): void => wakeUp(),

    /** Runs passes until the signal aborts. Never rejects. */
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

  /** Reports `covered`, and learns the instant of the next pass. */
  async function beat(covered: number | undefined): Promise<void> {
    // Taken before the call, so that a report's age is never understated.
    const askedAt = performance.now();
    const time = await table.beat(epoch!, covered);
    if (time === "lost") throw new Error(`The epoch ${epoch} was lost.`);
    instant = time;
    instantAt = askedAt;
  }
}
