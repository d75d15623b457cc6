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
  /** The primary. Two connections of the protocol's own go there: writers hold theirs while they wait for it. */
  readonly connectionString: string;
  /** Undefined: the version table is in this process's memory, which is right for one instance alone. */
  readonly redis: RedisConnection | undefined;
  /** Sets this service's keys in Redis apart from those of others. */
  readonly namespace: string;
  /** Runs the work in one READ COMMITTED transaction, and commits when it resolves. */
  readonly transaction: <Result>(work: (tx: Tx) => Promise<Result>) => Promise<Result>;
  /** False: nothing is kept here. Writes are told to the instances that do. */
  readonly isEnabled: boolean;
  /** Kept values are frozen; yes unless told (store.ts). */
  readonly isFreezing?: boolean | undefined;
  /** The limit of the answers that are kept in this process. */
  readonly maxBytes: number;
  /** Who may be read from beside the primary. */
  readonly replicas?: readonly Replica[] | undefined;
  readonly log: Logger;
}

/** Listens on a channel until the signal aborts, whatever becomes of its connections. Never rejects. */
export type Listen = (
  options: {
    readonly channel: string;
    readonly onNotification: () => void;
    /** Work on the listening connection, whenever there is one. */
    readonly onConnected: (client: pg.Client) => Promise<unknown>;
    readonly onError: (error: unknown) => void;
  },
  signal: AbortSignal,
) => Promise<void>;

export type Coherence<Tx extends Transaction> = ReturnType<typeof createCoherence<Tx>>;

/** The channel on which the outbox's trigger says that somebody else has written. */
const CHANNEL = "cache_invalidations";
const SETTLE_EVERY_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
const WARN_EVERY_MS = 60_000;

/**
 * One process's part in keeping the cache right: the version table, the epoch that it counts in,
 * the relay of what others wrote, and whoever settles what dead writers left behind.
 *
 * Nothing is served from the cache before `start`, and nothing after `close`; writes are right at
 * all times.
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
    application_name: "stack-converter coherence",
  });
  control.on("error", onError);
  // While a client is in use the pool does not listen for it, and an error that nobody hears ends the process.
  control.on("connect", (client) => client.on("error", onError));
  const query = (sql: string, parameters: readonly string[]) => control.query(sql, [...parameters]);
  const presentEpoch = () => countedEpoch(epochs.latest());

  const asked = redis
    ? createRedisVersionTable({ redis: scriptRunner(redis, namespace), namespace })
    : createMemoryVersionTable();
  /** What this process itself tells the table, its own watchers hear at once. */
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
    // Its heartbeat is the first to see that the table lost its contents, also when nobody asks anything.
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

  /** Says so, again and again, while instances with other version tables are at work on this database. */
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
    /** The same on transactions of another kind. */
    writeThrough,
    invalidate,
    /** Whether answers are served from the cache at this moment, and what keeps them from it. Never rejects. */
    status: status.read,
    untilServing: status.untilServing,

    /** How often another epoch began, and how the changes of others were told. */
    statistics: () => ({
      epochChanges: epochs.changes(),
      relayedChanges: relay.relayed(),
      relay: { lag: relay.lag(), reportAgeMs: relay.reportAgeMs() },
    }),

    /** Counts from 0 again, save for the epochs. */
    resetStatistics(): void {
      store.resetStatistics();
      relay.resetStatistics();
    },

    /** @param listen hears what PostgreSQL's NOTIFY says; undefined for the embedded database, which tells nobody */
    start({ listen }: { listen: Listen | undefined }): void {
      running = [
        epochs.run(signal),
        relay.run(signal),
        settleFromTimeToTime(),
        ...(listen === undefined
          ? []
          : // A hint that saves the relay half a poll: nothing depends on it.
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
      // Nobody else has this process's memory: the next one need not find out, and can begin at once.
      const epoch = redis ? undefined : countedEpoch(epochs.latest());
      if (epoch !== undefined) await epochs.retire(epoch).catch(onError);
      await control.end();
    },
  };
}

/** The epoch in which changes are told: the one that serves, or is about to. */
function countedEpoch(row: { name: Epoch; state: string } | undefined): Epoch | undefined {
  return row && (row.state === "live" || row.state === "quiescing") ? row.name : undefined;
}

/** Through the connection's gate: while Redis is away a call fails at once, and is not tried again. */
function scriptRunner(redis: RedisConnection, namespace: string) {
  // Every key of the version table is in the slot of this hash tag.
  const slot = `{${namespace}}`;
  return createScriptRunner({
    evalsha: (...call) => redis.run(slot, (client) => client.evalsha(...call), { isIdempotent: true }),
    eval: (...call) => redis.run(slot, (client) => client.eval(...call), { isIdempotent: true }),
  });
}
