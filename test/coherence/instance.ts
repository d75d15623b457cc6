import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import pg from "pg";
import { createEpochs } from "../../src/coherence/epochs.ts";
import { createRedisVersionTable, createScriptRunner } from "../../src/coherence/redisVersionTable.ts";
import { createRelay } from "../../src/coherence/relay.ts";
import { createSettler } from "../../src/coherence/settle.ts";
import { createCoherentStore } from "../../src/coherence/store.ts";
import type { VersionTable } from "../../src/coherence/versionTable.ts";
import { createCoherentWrite, type Transaction } from "../../src/coherence/write.ts";
import { redisUrl } from "../support/redis.ts";

export interface Instance extends Awaited<ReturnType<typeof createInstance>> {}

/**
 * The coherent cache of one process of the service, on a real PostgreSQL and a real Redis. Nothing runs by
 * itself: tests call each step.
 */
export async function createInstance(options: {
  readonly databaseUrl: string;
  readonly namespace?: string;
  readonly leaseMs?: number;
  /** Wraps the real table, for example in faults. */
  readonly wrap?: (table: VersionTable) => VersionTable;
}) {
  const { databaseUrl, namespace = randomUUID(), leaseMs = 1_000, wrap = (table) => table } = options;
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  const control = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  const redis = new Redis(redisUrl());
  const shared = createRedisVersionTable({ redis: createScriptRunner(redis), namespace, maxLagMs: 60_000 });
  const table = wrap(shared);
  const query = (sql: string, parameters: readonly string[]) => control.query(sql, [...parameters]);
  const epochs = createEpochs({ query, table, leaseMs, minCycleMs: 0 });
  const store = createCoherentStore({
    table,
    maxBytes: 1_000_000,
    heldEpoch: epochs.held,
    timeoutMs: 5_000,
    onRefusal: (epoch, refusal) => {
      if (refusal === "lost") epochs.reportLost(epoch);
    },
  });
  const relay = createRelay({ connect: () => pool.connect(), table, epoch: () => epochs.latest()?.name });
  const settle = createSettler({ query, table, afterMs: 0 });

  const transaction = async <Result>(work: (tx: PgTransaction) => Promise<Result>): Promise<Result> => {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const result = await work({ $queryRawUnsafe: async (sql) => (await client.query(sql)).rows });
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  };
  const write = createCoherentWrite<PgTransaction>({ transaction, table, epochs });

  return {
    pool,
    redis,
    shared,
    table,
    epochs,
    store,
    relay,
    settle,
    transaction,
    write,
    namespace,

    /** Steps until an epoch is live, then runs one pass of the relay, which reports. */
    async live(): Promise<void> {
      for (let attempt = 0; epochs.held() === undefined; attempt++) {
        if (attempt === 1_000)
          throw new Error(`No epoch went live, the row is ${JSON.stringify(epochs.latest())}.`);
        const pause = await epochs.step();
        if (epochs.held() === undefined)
          await new Promise((resolve) => setTimeout(resolve, Math.min(pause, 20)));
      }
      await relay.pass();
    },

    /** Reads the user's name through the store. */
    async username(id: string): Promise<string> {
      const { value } = await store.read(`User:${id}`, {
        kind: "row",
        ttlMs: 60_000,
        load: async () => {
          const { rows } = await pool.query("SELECT username FROM users WHERE id = $1", [id]);
          return { value: String(rows[0]?.username), tags: [`User:${id}`] };
        },
      });
      return value;
    },

    rename: (id: string, username: string) => (tx: PgTransaction) =>
      tx.$queryRawUnsafe(`UPDATE users SET username = '${username}' WHERE id = '${id}'`),

    async close(): Promise<void> {
      redis.disconnect();
      await Promise.all([pool.end(), control.end()]);
    },
  };
}

export type PgTransaction = Transaction;
