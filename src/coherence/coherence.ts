import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "pino";
import type { RedisConnection } from "../cache/connection.ts";
import { createEpochs } from "./epochs.ts";
import { INSTANCES } from "./instances.ts";
import { createInvalidate } from "./invalidate.ts";
import { createMemoryVersionTable } from "./memoryVersionTable.ts";
import { askPrimary } from "./positions.ts";
import { createRedisVersionTable, createScriptRunner } from "./redisVersionTable.ts";
import { createRelay } from "./relay.ts";
import type { Replica } from "./replicaReads.ts";
import { createSettler } from "./settle.ts";
import { createStatus } from "./status.ts";
import { createCoherentStore } from "./store.ts";
import type { Epoch, VersionTable } from "./versionTable.ts";
import { createCoherentWrite, type Transaction } from "./write.ts";

export interface CoherenceOptions<Tx extends Transaction> {
  /**
   * The primary. The protocol opens up to two connections of its own there. Writers hold connections of the
   * service's pool while they wait for the protocol, so sharing that pool could deadlock.
   */
  readonly connectionString: string;
  /** Undefined: the version table is in this process's memory, which is correct for a single instance only. */
  readonly redis: RedisConnection | undefined;
  /** Separates this service's keys in Redis from those of other programs. */
  readonly namespace: string;
  /** Runs `work` in one READ COMMITTED transaction, and commits when it resolves. */
  readonly transaction: <Result>(work: (tx: Tx) => Promise<Result>) => Promise<Result>;
  /** False: this instance caches nothing. It still tells the other instances of its writes. */
  readonly isEnabled: boolean;
  /** Whether cached values are frozen; default true (see store.ts). */
  readonly isFreezing?: boolean | undefined;
  /** The size limit of L1, the answers kept in this process, in bytes. */
  readonly maxBytes: number;
  /** Replicas that may be read from besides the primary. */
  readonly replicas?: readonly Replica[] | undefined;
  readonly log: Logger;
}

/** Listens on a channel until the signal aborts, and reconnects when its connection breaks. Never rejects. */
export type Listen = (
  options: {
    readonly channel: string;
    readonly onNotification: () => void;
    /** Called with the listening connection each time one has been established. */
    readonly onConnected: (client: pg.Client) => Promise<unknown>;
    readonly onError: (error: unknown) => void;
  },
  signal: AbortSignal,
) => Promise<void>;

export type Coherence<Tx extends Transaction> = ReturnType<typeof createCoherence<Tx>>;

/** The outbox's trigger notifies this channel of out-of-band writes. */
const CHANNEL = "cache_invalidations";
const SETTLE_EVERY_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
/**
 * A connection may cease to work without a word, as when a firewall forgets it. Then the next statement takes
 * another one.
 */
const QUERY_TIMEOUT_MS = 5_000;
const WARN_EVERY_MS = 60_000;

/**
 * One process's part in keeping the cache coherent: the version table, its epoch, the relay of out-of-band
 * writes, and the settler, which releases the transactions of dead writers.
 *
 * The cache serves nothing before `start` and nothing after `close`. Writes are correct at all times.
 */
export function createCoherence<Tx extends Transaction>(options: CoherenceOptions<Tx>) {
  const {
    connectionString,
    redis,
    namespace,
    transaction,
    isEnabled,
    maxBytes,
    replicas = [],
    log,
  } = options;
  const onError = (error: unknown) =>
    log.debug({ err: error }, "the cache goes on without its version table");

  const control = new pg.Pool({
    connectionString,
    max: 2,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    application_name: "stack-converter coherence",
  });
  control.on("error", onError);
  // The pool listens for errors of idle clients only, and an "error" event without a listener ends the process.
  control.on("connect", (client) => client.on("error", onError));
  const query = (sql: string, parameters: readonly string[]) => control.query(sql, [...parameters]);
  const presentEpoch = () => countedEpoch(epochs.latest());

  const asked = redis
    ? createRedisVersionTable({ redis: scriptRunner(redis, namespace), namespace })
    : createMemoryVersionTable();
  /** Wakes this process's watchers at once after its own releases and bumps. */
  const table: VersionTable = {
    ...asked,
    release: (epoch, xid) => asked.release(epoch, xid).finally(wake),
    bump: (epoch, tags) => asked.bump(epoch, tags).finally(wake),
  };
  const epochs = createEpochs({ query, table, onError });
  const store = createCoherentStore({
    table,
    replicas: replicas.length === 0 ? undefined : { replicas, ask: () => askPrimary(query) },
    isFreezing: options.isFreezing,
    maxBytes,
    heldEpoch: epochs.held,
    onRefusal: (epoch, refusal) => {
      if (refusal === "lost") epochs.reportLost(epoch);
    },
    onError,
  });
  function wake(): void {
    store.wake();
  }
  const relay = createRelay({
    connect: () => control.connect(),
    // The heartbeat notices that the table has lost its contents even while no request asks for anything.
    table: {
      bump: table.bump,
      beat: async (epoch, instant) => {
        const time = await table.beat(epoch, instant);
        if (time === "lost") epochs.reportLost(epoch);
        return time;
      },
    },
    epoch: presentEpoch,
    onError,
  });
  const settle = createSettler({ query, table });
  const writeThrough = <T extends Transaction>(
    transaction: <Result>(work: (tx: T) => Promise<Result>) => Promise<Result>,
  ) => createCoherentWrite<T>({ transaction, table, epochs, onError });
  const invalidate = createInvalidate({ table, epochs, onError });
  const status = createStatus({ isEnabled, table, epochs });

  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<unknown>[] = [];

  async function settleFromTimeToTime(): Promise<void> {
    while (!signal.aborted) {
      const epoch = presentEpoch();
      if (epoch !== undefined) await settle(epoch).catch(onError);
      await sleep(SETTLE_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Logs an error once a minute while instances with another version table use this database. */
  async function warnOfStrangers(client: pg.Client): Promise<void> {
    const lock = redis ? "pg_try_advisory_lock_shared" : "pg_try_advisory_lock";
    while (!signal.aborted) {
      const { rows } = await client.query<{ isFree: boolean }>(`SELECT ${lock}($1) AS "isFree"`, [INSTANCES]);
      if (rows[0]?.isFree) return;
      log.error(
        redis
          ? "Another instance uses this database without Redis: writes will be slow. Give all instances the same REDIS_URL."
          : "Another instance uses this database: writes will be slow. Give all instances the same REDIS_URL.",
      );
      await sleep(WARN_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  return {
    store,
    write: writeThrough<Tx>(transaction),
    /** Like `write`, for transactions of another kind. */
    writeThrough,
    invalidate,
    /** Whether the cache serves at this moment, and if not, why. Never rejects. */
    status: status.read,
    untilServing: status.untilServing,

    /** How often a new epoch went live, and how many out-of-band changes were relayed, and how late. */
    statistics: () => ({
      epochChanges: epochs.changes(),
      relayedChanges: relay.relayed(),
      relay: { lag: relay.lag(), reportAgeMs: relay.reportAgeMs() },
    }),

    /** Resets all counters to 0, except that of the epochs. */
    resetStatistics(): void {
      store.resetStatistics();
      relay.resetStatistics();
    },

    /** @param listen passes on PostgreSQL's notifications; undefined: the embedded database sends none */
    start({ listen }: { listen: Listen | undefined }): void {
      running = [
        epochs.run(signal),
        relay.run(signal),
        settleFromTimeToTime(),
        ...(listen === undefined
          ? []
          : // A hint that saves the relay half a poll interval on average. Nothing depends on it.
            [
              listen(
                {
                  channel: CHANNEL,
                  onNotification: relay.wake,
                  onConnected: warnOfStrangers,
                  onError,
                },
                signal,
              ),
            ]),
      ];
    },

    async close(): Promise<void> {
      stopping.abort();
      store.close();
      await Promise.all(running);
      // The in-memory table ends with this process. Retiring its epoch spares the next process from finding
      // that out, so it can begin at once.
      const epoch = redis ? undefined : countedEpoch(epochs.latest());
      if (epoch !== undefined) await epochs.retire(epoch).catch(onError);
      await control.end();
    },
  };
}

/** The epoch in which changes are recorded: the one that is live, or about to be. */
function countedEpoch(row: { name: Epoch; state: string } | undefined): Epoch | undefined {
  return row && (row.state === "live" || row.state === "quiescing") ? row.name : undefined;
}

/** Uses the connection's gate: while Redis is unavailable, a call fails at once and is not retried. */
function scriptRunner(redis: RedisConnection, namespace: string) {
  // All keys of the version table have this hash tag, so they share one slot.
  const slot = `{${namespace}}`;
  return createScriptRunner({
    evalsha: (...call) => redis.run(slot, (client) => client.evalsha(...call), { isIdempotent: true }),
    eval: (...call) => redis.run(slot, (client) => client.eval(...call), { isIdempotent: true }),
  });
}
