import type { Redis } from "ioredis";
import type { Logger } from "pino";
import { type Codec, jsonCodec } from "./codec.ts";
import type { RedisConnection } from "./connection.ts";
import { CacheError, RedisUnavailableError } from "./errors.ts";
import { type CacheHealth, checkHealth } from "./health.ts";
import { createKeyspace, resultsOf } from "./keyspace.ts";
import type { RedisNode } from "./redisNode.ts";
import { createCacheStatistics } from "./statistics.ts";
import { type WarmOptions, type WarmResult, warm } from "./warm.ts";

export interface CacheManagerOptions {
  readonly connection: RedisConnection;
  /** Keys become `namespace:key`. No other application or manager may use the same namespace. Contains no ":". */
  readonly namespace: string;
  readonly log: Pick<Logger, "debug" | "warn">;
  readonly codec?: Codec;
  /** The time to live of writes that give none: 1 to 31,622,400 (366 days). Default 300. */
  readonly defaultTtlSeconds?: number;
  /** The maximum size of an encoded value, in bytes. Default 1 MiB. */
  readonly maxValueBytes?: number;
}

export interface CacheEntry {
  readonly key: string;
  readonly value: unknown;
  readonly ttlSeconds?: number;
}

export type CacheManager = ReturnType<typeof createCacheManager>;

const MAX_TTL_SECONDS = 31_622_400;
const MAX_BATCH = 10_000;

/**
 * A cache in Redis for data that is not kept coherent with the database, and may be stale until its time to
 * live is over.
 *
 * Fails open. While Redis is unavailable, reads miss and writes return false, at no cost beyond the first few
 * calls; an outage never throws. Only a CacheError is thrown, for calls that could never work: a key, value
 * or time to live that breaks the rules, or `increment` of a value that is not a number.
 */
export function createCacheManager(options: CacheManagerOptions) {
  const { connection, log, codec = jsonCodec, defaultTtlSeconds = 300, maxValueBytes = 1_048_576 } = options;
  const keyspace = createKeyspace(connection, options.namespace);
  const statistics = createCacheStatistics();
  checkTtl(defaultTtlSeconds);

  const incrementScript = connection.defineScript(`${options.namespace}:increment`, {
    keys: ["counter"],
    lua: INCREMENT,
    isIdempotent: false,
    // The script replies with text, because a Lua number is a double and a counter may hold 64 bits.
    parse: (reply) => Number(reply),
  });

  /** Runs one call, times it, and turns an outage into `fallback`. */
  async function attempt<T>(keys: readonly string[], fallback: T, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      const result = await work();
      statistics.time(keys, performance.now() - start);
      return result;
    } catch (error) {
      if (!(error instanceof RedisUnavailableError)) throw error;
      for (const key of keys) statistics.count(key, "errors");
      return fallback;
    }
  }

  const run = <T>(key: string, operation: (redis: Redis) => Promise<T>) =>
    connection.run(keyspace.fullKey(key), operation, { isIdempotent: true });

  function encode(key: string, value: unknown): string {
    const text = codec.encode(value);
    const bytes = Buffer.byteLength(text);
    if (bytes > maxValueBytes) {
      throw new CacheError(
        "CACHE_VALUE_TOO_LARGE",
        `A value has at most ${maxValueBytes} bytes; the one for "${key}" has ${bytes}.`,
      );
    }
    return text;
  }

  /** Counts a reply and decodes it. Text that this codec cannot have written reads as a miss. */
  function receive(key: string, text: string | null): unknown {
    if (text === null) {
      statistics.countRead(key, undefined);
      return undefined;
    }
    try {
      const value = codec.decode(text);
      statistics.countRead(key, Buffer.byteLength(text));
      return value;
    } catch {
      statistics.count(key, "errors");
      // The error is not logged, because JSON.parse quotes the value in its message.
      log.warn({ key }, "A cached value cannot be decoded");
      return undefined;
    }
  }

  /**
   * Makes one call to each server that holds some of the items, all at the same time: a single round trip. If
   * some servers fail, the replies of the others are still accepted.
   */
  async function onEachServer<Item extends { readonly key: string }, Reply>(
    items: readonly Item[],
    work: (redis: Redis, items: readonly Item[]) => Promise<Reply>,
    accept: (items: readonly Item[], reply: Reply) => void,
  ): Promise<boolean> {
    const groups = new Map<RedisNode | undefined, Item[]>();
    for (const item of items) {
      const node = connection.nodeFor(keyspace.fullKey(item.key));
      const group = groups.get(node);
      if (group) group.push(item);
      else groups.set(node, [item]);
    }
    const outcomes = await Promise.all(
      [...groups].map(([node, group]) => {
        const keys = group.map(({ key }) => key);
        return attempt(keys, false, async () => {
          if (node === undefined) throw new RedisUnavailableError("not-connected", "Redis is not connected.");
          accept(group, await connection.runOn(node, (redis) => work(redis, group), { isIdempotent: true }));
          return true;
        });
      }),
    );
    return outcomes.every((isDone) => isDone);
  }

  type Encoded = { readonly key: string; readonly text: string; readonly ttlSeconds: number };

  function encodeEntry(entry: CacheEntry, ttlSeconds = defaultTtlSeconds): Encoded {
    const { key } = entry;
    keyspace.fullKey(key);
    const ttl = checkTtl(entry.ttlSeconds ?? ttlSeconds);
    return { key, text: encode(key, entry.value), ttlSeconds: ttl };
  }

  function store(entries: readonly Encoded[]): Promise<boolean> {
    return onEachServer(
      entries,
      (redis, group) => {
        const pipeline = redis.pipeline();
        for (const { key, text, ttlSeconds } of group) {
          pipeline.set(keyspace.fullKey(key), text, "EX", ttlSeconds);
        }
        return resultsOf(pipeline);
      },
      (group) => {
        for (const { key, text } of group) statistics.countWrite(key, Buffer.byteLength(text));
      },
    );
  }

  return {
    /** Returns the value, or undefined when there is none. The caller asserts the type of what it stored. */
    async get<T = unknown>(key: string): Promise<T | undefined> {
      const text = await attempt<string | null | undefined>([key], undefined, () =>
        run(key, (redis) => redis.get(keyspace.fullKey(key))),
      );
      // `as`: only the caller knows the type of what it stored under a key.
      return text === undefined ? undefined : (receive(key, text) as T | undefined);
    },

    /** @returns whether the value was stored */
    async set(key: string, value: unknown, ttlSeconds?: number): Promise<boolean> {
      const entry = encodeEntry({ key, value }, ttlSeconds);
      return attempt([key], false, async () => {
        await run(key, (redis) => redis.set(keyspace.fullKey(key), entry.text, "EX", entry.ttlSeconds));
        statistics.countWrite(key, Buffer.byteLength(entry.text));
        return true;
      });
    },

    /** @returns whether it is certain that the key does not exist now, even if there was none before */
    async delete(key: string): Promise<boolean> {
      return attempt([key], false, async () => {
        await run(key, (redis) => redis.unlink(keyspace.fullKey(key)));
        statistics.count(key, "writes");
        return true;
      });
    },

    /**
     * Deletes every key of this namespace that matches a Redis glob: `*` `?` `[a-c]`, and `\` before a
     * character that stands for itself. Runs in steps; keys written meanwhile may stay.
     */
    deletePattern(pattern: string): Promise<{ deleted: number; isComplete: boolean }> {
      return keyspace.deleteMatching(pattern);
    },

    /** Deletes every key of this namespace and no others. */
    flush(): Promise<{ deleted: number; isComplete: boolean }> {
      return keyspace.deleteMatching("*");
    },

    /** Also false while Redis is unavailable. */
    async exists(key: string): Promise<boolean> {
      return attempt([key], false, () =>
        run(key, async (redis) => (await redis.exists(keyspace.fullKey(key))) === 1),
      );
    },

    /** Sets a new time to live, in seconds. @returns whether the key exists and now has it */
    async expire(key: string, ttlSeconds: number): Promise<boolean> {
      checkTtl(ttlSeconds);
      return attempt([key], false, async () => {
        const isSet = await run(
          key,
          async (redis) => (await redis.expire(keyspace.fullKey(key), ttlSeconds)) === 1,
        );
        if (isSet) statistics.count(key, "writes");
        return isSet;
      });
    },

    /**
     * Returns the seconds left, rounded up; Infinity for a key without a time to live; undefined when there
     * is no such key or Redis is unavailable.
     */
    async getTTL(key: string): Promise<number | undefined> {
      const leftMs = await attempt([key], -2, () => run(key, (redis) => redis.pttl(keyspace.fullKey(key))));
      if (leftMs === -2) return undefined;
      return leftMs === -1 ? Number.POSITIVE_INFINITY : Math.ceil(leftMs / 1_000);
    },

    /**
     * Adds to a counter, which begins at 0. Its time to live is set once, when the counter is created. The
     * command is never sent again once it may have run, so that it never counts twice.
     *
     * @param options.by a safe integer, default 1
     * @returns the sum, or undefined when Redis is unavailable (it may have counted all the same)
     * @throws CacheError CACHE_NOT_A_COUNTER
     */
    async increment(
      key: string,
      options: { by?: number; ttlSeconds?: number } = {},
    ): Promise<number | undefined> {
      const { by = 1, ttlSeconds = defaultTtlSeconds } = options;
      checkTtl(ttlSeconds);
      if (!Number.isSafeInteger(by)) {
        throw new CacheError("CACHE_NOT_A_COUNTER", `A counter counts by safe integers, got ${by}.`);
      }
      const fullKey = keyspace.fullKey(key);
      const sum = await attempt<number | undefined>([key], undefined, async () => {
        try {
          return await incrementScript([fullKey], by, ttlSeconds);
        } catch (error) {
          // The server's messages for this case. Its error contains the command, so it is not passed on.
          if (!(error instanceof Error) || !/not an integer|overflow|WRONGTYPE/.test(error.message))
            throw error;
          throw new CacheError("CACHE_NOT_A_COUNTER", `"${key}" cannot be counted up: ${error.message}`);
        }
      });
      if (sum === undefined) return undefined;
      statistics.count(key, "writes");
      if (!Number.isSafeInteger(sum)) {
        throw new CacheError("CACHE_NOT_A_COUNTER", `"${key}" left the safe integers: ${sum}.`);
      }
      return sum;
    },

    /**
     * Looks up at most 10,000 keys in one round trip.
     *
     * @returns the values that were found, by key
     */
    async getMultiple<T = unknown>(keys: readonly string[]): Promise<Map<string, T>> {
      checkBatch(keys.length);
      const found = new Map<string, T>();
      const items = [...new Set(keys)].map((key) => ({ key }));
      await onEachServer(
        items,
        (redis, group) =>
          readAll(
            redis,
            group.map(({ key }) => keyspace.fullKey(key)),
            connection.isCluster,
          ),
        (group, texts) => {
          for (const [index, { key }] of group.entries()) {
            const value = receive(key, texts[index] ?? null);
            // `as`: only the caller knows the type of what it stored under a key.
            if (value !== undefined) found.set(key, value as T);
          }
        },
      );
      return found;
    },

    /**
     * Stores up to 10,000 entries in one round trip. Not a transaction: after an outage in the middle, some
     * of the entries may have been stored.
     *
     * @returns whether all were stored
     */
    async setMultiple(entries: readonly CacheEntry[], ttlSeconds?: number): Promise<boolean> {
      checkBatch(entries.length);
      return store(entries.map((entry) => encodeEntry(entry, ttlSeconds)));
    },

    /**
     * Stores entries in batches, one after the other, and pulls no entry before the previous batch has been
     * stored. Entries that break a rule are skipped. Ends early when Redis is unavailable or the signal
     * aborts.
     */
    async warmCache(
      entries: Iterable<CacheEntry> | AsyncIterable<CacheEntry>,
      options: WarmOptions = {},
    ): Promise<WarmResult> {
      const { batchSize = 500, ttlSeconds = defaultTtlSeconds, signal, onProgress } = options;
      checkBatch(batchSize, 1);
      checkTtl(ttlSeconds);
      const encode = (entry: CacheEntry) => encodeEntry(entry, ttlSeconds);
      return warm(entries, { batchSize, signal, log, onProgress, encode, store });
    },

    getStatistics: statistics.read,
    resetStatistics: statistics.reset,

    /**
     * Never throws.
     *
     * @param options.maxScannedKeys how many keys, those of other applications included, are scanned to count
     *   ours; default 20,000
     */
    healthCheck(options: { maxScannedKeys?: number } = {}): Promise<CacheHealth> {
      return checkHealth(connection, keyspace, options.maxScannedKeys ?? 20_000);
    },
  };
}

/** A key without a time to live is new, because every key that this namespace stores has one. */
const INCREMENT = `
redis.call("INCRBY", KEYS[1], ARGV[1])
if redis.call("TTL", KEYS[1]) == -1 then
  redis.call("EXPIRE", KEYS[1], ARGV[2])
end
return redis.call("GET", KEYS[1])
`;

/** Reads with MGET, which is one command and one reply. In a cluster its keys would have to share a slot. */
async function readAll(
  redis: Redis,
  fullKeys: readonly string[],
  isCluster: boolean,
): Promise<(string | null)[]> {
  if (!isCluster) return redis.mget(...fullKeys);
  const pipeline = redis.pipeline();
  for (const key of fullKeys) pipeline.get(key);
  return (await resultsOf(pipeline)).map((text) => (typeof text === "string" ? text : null));
}

function checkTtl(ttlSeconds: number): number {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > MAX_TTL_SECONDS) {
    throw new CacheError(
      "CACHE_TTL_INVALID",
      `A time to live is 1 to ${MAX_TTL_SECONDS} whole seconds, got ${ttlSeconds}.`,
    );
  }
  return ttlSeconds;
}

function checkBatch(size: number, min = 0): void {
  if (!Number.isInteger(size) || size < min || size > MAX_BATCH) {
    throw new CacheError("CACHE_BATCH_INVALID", `A call takes ${min} to ${MAX_BATCH} entries, got ${size}.`);
  }
}
