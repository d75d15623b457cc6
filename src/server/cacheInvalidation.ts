import type { CacheManager } from "../cache/manager.ts";
import type { CacheAdministration } from "../schema/cacheMutations.ts";

export interface CacheInvalidationOptions {
  /** Invalidates coherent answers, by their tags. */
  readonly invalidate: (tags: readonly string[]) => Promise<void>;
  /**
   * Deletes keys of the cache manager, which are not kept coherent. Undefined without Redis: there are none then.
   */
  readonly manager: Pick<CacheManager, "deletePattern"> | undefined;
}

/** Bumps the tags for all instances, and deletes the keys that match the pattern. */
export function createCacheInvalidation({
  invalidate,
  manager,
}: CacheInvalidationOptions): CacheAdministration["invalidate"] {
  return async ({ tags, pattern }) => {
    await invalidate(tags);
    if (pattern === undefined || manager === undefined)
      return { tags: tags.length, keys: 0, isComplete: true };
    const { deleted, isComplete } = await manager.deletePattern(pattern);
    return { tags: tags.length, keys: deleted, isComplete };
  };
}
