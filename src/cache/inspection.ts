import type { RedisConnection } from "./connection.ts";

/** What the `doctor` command examines of one master. */
export interface RedisFacts {
  readonly node: string;
  readonly version: string;
  readonly clockDifferenceMs: number;
  readonly clockUncertaintyMs: number;
  readonly maxmemoryPolicy: string;
  /** 0: no limit. */
  readonly maxmemoryBytes: number;
  readonly usedBytes: number;
  /** Whether the last RDB save or AOF write failed. False if INFO does not say. */
  readonly isSaveFailing: boolean;
  readonly evictedKeys: number;
}

/** Asks every master. Rejects when one of them does not answer. */
export async function inspectRedis(connection: RedisConnection): Promise<RedisFacts[]> {
  return Promise.all(
    connection.masters().map(async (node) => {
      const askedAt = Date.now();
      const [seconds, microseconds] = await connection.runOn(node, (redis) => redis.time(), {
        isIdempotent: true,
      });
      const answeredAt = Date.now();
      const info = await connection.runOn(node, (redis) => redis.info(), { isIdempotent: true });
      const text = (name: string) => new RegExp(`^${name}:([^\\r\\n]*)`, "m").exec(info)?.[1] ?? "";
      return {
        node: node.name,
        version: text("redis_version"),
        clockDifferenceMs:
          Number(seconds) * 1_000 + Number(microseconds) / 1_000 - (askedAt + answeredAt) / 2,
        clockUncertaintyMs: (answeredAt - askedAt) / 2 + 1,
        maxmemoryPolicy: text("maxmemory_policy"),
        maxmemoryBytes: Number(text("maxmemory")),
        usedBytes: Number(text("used_memory")),
        isSaveFailing: text("rdb_last_bgsave_status") === "err" || text("aof_last_write_status") === "err",
        evictedKeys: Number(text("evicted_keys")),
      };
    }),
  );
}
