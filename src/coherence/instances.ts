/**
 * Every instance holds this advisory lock: shared if it uses Redis, exclusively if not. It detects instances
 * that do not share a version table. Such instances would stay correct, because a write that cannot mark ends
 * the epoch for all of them. But each of their writes would wait out a lease and empty the cache.
 */
export const INSTANCES = 7_270_736_902;
