import type { CacheManager } from "../cache/manager.ts";
import type { CacheAdministration } from "../schema/cacheMutations.ts";

export interface CacheInvalidationOptions {
  /** Of answers that are kept coherent. */
  readonly invalidate: (tags: readonly string[]) => Promise<void>;
  /** Of keys that are not. Undefined without Redis: then there are none. */
  readonly manager: Pick<CacheManager, "deletePattern"> | undefined;
}

/** Tags are bumped for all instances, keys are deleted. */
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
