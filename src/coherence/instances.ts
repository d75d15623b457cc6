/**
 * Every instance holds this advisory lock: shared with Redis, exclusively without. Instances that
 * cannot share a version table would stay right (a write that cannot mark ends the epoch for all),
 * but each of their writes would wait out a lease and empty the cache.
 */
export const INSTANCES = 7_270_736_902;
