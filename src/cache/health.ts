import type { RedisConnection } from "./connection.ts";
import { RedisUnavailableError } from "./errors.ts";
import type { Keyspace } from "./keyspace.ts";

export type CacheHealth =
  | { readonly isHealthy: false; readonly reason: string }
  | {
      readonly isHealthy: true;
      /** Time until all masters have answered a PING. */
      readonly latencyMs: number;
      /** The sum over all masters, including the data of other applications. */
      readonly usedMemoryBytes: number;
      readonly maxmemoryPolicy: string;
      /** Keys of the namespace that were seen. SCAN may show a key twice while Redis resizes its hash table. */
      readonly keyCount: number;
      /** False when there are more keys than were scanned. */
      readonly isKeyCountComplete: boolean;
    };

/**
 * Asks every master. Never throws.
 *
 * @param maxScannedKeys how many keys, those of other applications included, are scanned to count ours
 */
export async function checkHealth(
  connection: RedisConnection,
  keyspace: Keyspace,
  maxScannedKeys: number,
): Promise<CacheHealth> {
  const idempotent = { isIdempotent: true };
  try {
    const masters = connection.masters();
    if (masters.length === 0) throw new RedisUnavailableError("not-connected", "Redis is not connected.");
    const start = performance.now();
    await Promise.all(masters.map((node) => connection.runOn(node, (redis) => redis.ping(), idempotent)));
    const latencyMs = performance.now() - start;
    const memory = await Promise.all(
      masters.map((node) => connection.runOn(node, (redis) => redis.info("memory"), idempotent)),
    );
    return {
      isHealthy: true,
      latencyMs,
      usedMemoryBytes: memory.reduce((sum, info) => sum + Number(/^used_memory:(\d+)/m.exec(info)?.[1]), 0),
      maxmemoryPolicy: connection.state.identity?.maxmemoryPolicy ?? "unknown",
      ...(await keyspace.count(maxScannedKeys)),
    };
  } catch (error) {
    return { isHealthy: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
