import { LRUCache } from "lru-cache";
import * as z from "zod";
import type { RedisConnection } from "../cache/connection.ts";

export interface BucketRequest {
  readonly key: string;
  /** Units that a full bucket holds. */
  readonly capacity: number;
  /** How long an empty bucket takes to fill, in ms. */
  readonly windowMs: number;
  /** Grant at least this many, or none. */
  readonly needed: number;
  /** Grant at most this many. */
  readonly wanted: number;
}

export interface BucketGrant {
  readonly granted: number;
  readonly left: number;
}

/** Takes units out of a bucket that refills continuously. */
export type TakeFromBucket = (request: BucketRequest) => Promise<BucketGrant>;

/**
 * KEYS: the bucket. ARGV: capacity, units per ms, needed, wanted. Uses Redis' clock: those of the instances
 * may differ.
 */
const TAKE = `
local capacity, rate, needed, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket = redis.call('HMGET', KEYS[1], 'units', 'at')
local units = capacity
if bucket[1] then
  units = math.min(capacity, tonumber(bucket[1]) + math.max(0, now - tonumber(bucket[2])) * rate)
end
local granted = 0
if units >= needed then
  granted = math.floor(math.min(units, wanted))
  units = units - granted
end
redis.call('HSET', KEYS[1], 'units', string.format('%.6f', units), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - units) / rate) + 1000)
return {granted, string.format('%.6f', units)}
`;

const reply = z.tuple([z.number(), z.coerce.number()]);

/** Buckets that all instances share. Rejects when Redis does not answer. */
export function createRedisBucket(redis: RedisConnection, namespace: string): TakeFromBucket {
  const take = redis.defineScript("rate-limit", {
    keys: ["bucket"],
    lua: TAKE,
    parse: (answer) => reply.parse(answer),
    // Strictly it is not, but running it twice takes twice as much, which is on the safe side.
    isIdempotent: true,
  });
  return async ({ key, capacity, windowMs, needed, wanted }) => {
    const [granted, left] = await take(
      [`${namespace}:rate:${key}`],
      capacity,
      capacity / windowMs,
      needed,
      wanted,
    );
    return { granted, left };
  };
}

/** Buckets of this process. The least recently used ones are evicted, and are full when they are used again. */
export function createMemoryBucket({
  maxBuckets,
  now,
}: {
  maxBuckets: number;
  now: () => number;
}): TakeFromBucket {
  const buckets = new LRUCache<string, { units: number; at: number }>({ max: maxBuckets });
  return async ({ key, capacity, windowMs, needed, wanted }) => {
    const at = now();
    const bucket = buckets.get(key);
    const units =
      bucket === undefined
        ? capacity
        : Math.min(capacity, bucket.units + ((at - bucket.at) * capacity) / windowMs);
    const granted = units >= needed ? Math.floor(Math.min(units, wanted)) : 0;
    buckets.set(key, { units: units - granted, at });
    return { granted, left: units - granted };
  };
}
