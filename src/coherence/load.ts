import type { ReplicaReads } from "./replicaReads.ts";
import type { Loaded, ReadManyOptions } from "./store.ts";
import { withTypeTags } from "./tags.ts";
import type { Instant, Validator } from "./validator.ts";

export interface LoadOptions {
  readonly validator: Pick<Validator, "isCurrent">;
  /** Resolves to an instant between the call and its return. */
  readonly validated: () => Promise<Instant | undefined>;
  /** Undefined: everything is read from the primary. */
  readonly replicas: Pick<ReplicaReads, "run"> | undefined;
}

export interface LoadResult<Value> {
  readonly result: Loaded<Value> | Error;
  /** The answer shows everything committed by then, and perhaps later changes. Undefined: unknown. */
  readonly since: Instant | undefined;
}

/**
 * Loads the answers that are not in the cache: those that a replica can give from the replica, all others
 * from the primary.
 *
 * A replica's answer is used if none of its tags is pending, and none has changed since the instant up to
 * which the replica had every change. That includes the tags known only from the rows. The check comes
 * *after* the read, because a replica may show a commit before the primary does. That does no harm once the
 * primary shows the commit too, and until then the commit's tags are pending. So the answer is the one that
 * the primary would have given at the later instant of the check.
 */
export function createLoad({ validator, validated, replicas }: LoadOptions) {
  const isCurrent = (since: Instant, tags: readonly string[] | undefined) =>
    tags !== undefined && validator.isCurrent(since, withTypeTags(tags));

  return async <Value>(
    keys: readonly string[],
    begun: Instant | undefined,
    { loadMany, tagsOf }: Pick<ReadManyOptions<Value>, "loadMany" | "tagsOf">,
  ): Promise<Map<string, LoadResult<Value>>> => {
    const results = new Map<string, LoadResult<Value>>();
    if (keys.length === 0) return results;
    const fromPrimary = async (asked: readonly string[]) => {
      if (asked.length === 0) return;
      const loaded = await loadMany(asked);
      for (const [index, key] of asked.entries()) {
        const result = loaded[index] ?? new Error(`Expected ${asked.length} results, got ${loaded.length}.`);
        results.set(key, { result, since: begun });
      }
    };
    if (replicas === undefined || tagsOf === undefined || begun === undefined) {
      await fromPrimary(keys);
      return results;
    }
    let others: Promise<void> | undefined;
    const choose = (since: Instant) => {
      const chosen = keys.filter((key) => isCurrent(since, tagsOf(key)));
      if (chosen.length > 0 && chosen.length < keys.length) {
        // Started here, in parallel, because statements sent within the replica's load would go to the replica.
        others ??= fromPrimary(keys.filter((key) => !chosen.includes(key)));
        // Awaited, and its error thrown, below.
        others.catch(() => {});
      }
      return chosen;
    };
    const found = await replicas.run(keys.length, choose, loadMany);
    if (found !== undefined) {
      const { chosen, result, since, count } = found;
      const instant = await validated();
      let accepted = 0;
      for (const [index, key] of chosen.entries()) {
        const loaded = result[index];
        if (instant === undefined || loaded === undefined || loaded instanceof Error) continue;
        if (!isCurrent(since, loaded.tags ?? loaded.dependsOn)) continue;
        accepted++;
        results.set(key, { result: loaded, since: instant });
      }
      count(accepted);
    }
    await others;
    await fromPrimary(keys.filter((key) => !results.has(key)));
    return results;
  };
}
