import type { Redis } from "ioredis";
import type { RedisConnection } from "./connection.ts";
import { CacheError, RedisUnavailableError } from "./errors.ts";
import type { RedisNode } from "./redisNode.ts";

/** The maximum length of a key including its namespace, in bytes. */
export const MAX_KEY_BYTES = 512;
const MAX_NAMESPACE_BYTES = 64;
/** How many keys one SCAN step looks at: about 0.2 ms of Redis' time, during which it serves no other client. */
const SCAN_COUNT = 1_000;

export type Keyspace = ReturnType<typeof createKeyspace>;

/**
 * The keys that begin with `namespace:`.
 *
 * A namespace contains no ":" itself: with "a" and "a:b" side by side, emptying the first would delete the
 * keys of the second.
 *
 * @throws CacheError CACHE_NAMESPACE_INVALID
 */
export function createKeyspace(connection: RedisConnection, namespace: string) {
  if (namespace === "" || namespace.includes(":") || !isEncodable(namespace)) {
    throw new CacheError(
      "CACHE_NAMESPACE_INVALID",
      `A namespace is text without ":", got ${JSON.stringify(namespace)}.`,
    );
  }
  const prefix = `${namespace}:`;
  const prefixBytes = Buffer.byteLength(prefix);
  if (prefixBytes > MAX_NAMESPACE_BYTES) {
    throw new CacheError(
      "CACHE_NAMESPACE_INVALID",
      `A namespace has fewer than ${MAX_NAMESPACE_BYTES} bytes, this one has ${prefixBytes - 1}.`,
    );
  }

  /** Yields the matching keys of one server, one SCAN step at a time. A key may be yielded twice. */
  async function* scan(node: RedisNode, glob: string): AsyncGenerator<readonly string[]> {
    const { runId } = node.identity ?? {};
    let cursor = "0";
    do {
      const [next, keys] = await connection.runOn(
        node,
        (redis) => redis.scan(cursor, "MATCH", glob, "COUNT", SCAN_COUNT),
        { isIdempotent: true },
      );
      if (node.identity?.runId !== runId) {
        // The cursor means nothing to another server, which would skip keys unnoticed.
        throw new RedisUnavailableError("connection-lost", `Redis ${node.name} was replaced during a SCAN.`);
      }
      cursor = next;
      // The escaped pattern already ensures this. Checked again, lest other applications' keys be deleted.
      yield keys.filter((key) => key.startsWith(prefix));
    } while (cursor !== "0");
  }

  return {
    prefix,

    /** @throws CacheError CACHE_KEY_INVALID, CACHE_KEY_TOO_LONG */
    fullKey(key: string): string {
      if (key === "" || !isEncodable(key)) {
        throw new CacheError("CACHE_KEY_INVALID", `A key is well-formed text, got ${JSON.stringify(key)}.`);
      }
      const full = prefix + key;
      // A UTF-16 code unit takes at most three bytes in UTF-8, so most keys need not be measured.
      if (full.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(full) > MAX_KEY_BYTES) {
        throw new CacheError(
          "CACHE_KEY_TOO_LONG",
          `A key has at most ${MAX_KEY_BYTES} bytes, its namespace included; "${key.slice(0, 64)}…" has ${Buffer.byteLength(full)}.`,
        );
      }
      return full;
    },

    /**
     * Deletes the matching keys on every master, one SCAN step at a time. It uses neither KEYS, which blocks
     * Redis while it looks at the keys of all applications, nor FLUSHDB, which deletes the keys of all
     * applications.
     *
     * Keys that are written meanwhile may stay. `isComplete` is false when an outage ended the deletion early.
     */
    async deleteMatching(pattern: string): Promise<{ deleted: number; isComplete: boolean }> {
      let deleted = 0;
      let isComplete = connection.state.phase === "ready";
      for (const node of connection.masters()) {
        try {
          for await (const keys of scan(node, escapeGlob(prefix) + pattern)) {
            if (keys.length === 0) continue;
            deleted += await connection.runOn(node, (redis) => unlink(redis, keys, connection.isCluster), {
              isIdempotent: true,
            });
          }
        } catch (error) {
          if (!(error instanceof RedisUnavailableError)) throw error;
          isComplete = false;
        }
      }
      return { deleted, isComplete };
    },

    /**
     * Counts the keys of this namespace. Stops once about `maxScanned` keys, those of other applications
     * included, have been scanned.
     *
     * @throws RedisUnavailableError
     */
    async count(maxScanned: number): Promise<{ keyCount: number; isKeyCountComplete: boolean }> {
      let keyCount = 0;
      let scanned = 0;
      const masters = connection.masters();
      for (const node of masters) {
        for await (const keys of scan(node, `${escapeGlob(prefix)}*`)) {
          keyCount += keys.length;
          scanned += SCAN_COUNT;
          if (scanned > maxScanned) return { keyCount, isKeyCountComplete: false };
        }
      }
      return { keyCount, isKeyCountComplete: masters.length > 0 };
    },
  };
}

/** Escapes a text so that every character stands for itself in a Redis glob. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, "\\$&");
}

/** The results of a pipeline. @throws the first error among them */
export async function resultsOf(pipeline: ReturnType<Redis["pipeline"]>): Promise<unknown[]> {
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}

/**
 * Deletes keys with UNLINK, which frees memory in the background. In a cluster the keys of one command must
 * share a slot, so each key gets a command of its own.
 */
async function unlink(redis: Redis, keys: readonly string[], isCluster: boolean): Promise<number> {
  if (!isCluster) return redis.unlink(...keys);
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.unlink(key);
  return (await resultsOf(pipeline)).reduce<number>((sum, each) => sum + Number(each), 0);
}

/** A lone surrogate becomes U+FFFD in UTF-8, so two different keys could become one. */
function isEncodable(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
