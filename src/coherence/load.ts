import type { ReplicaReads } from "./replicaReads.ts";
import type { Loaded, ReadManyOptions } from "./store.ts";
import { withTypeTags } from "./tags.ts";
import type { Instant, Validator } from "./validator.ts";

export interface LoadOptions {
  readonly validator: Pick<Validator, "isCurrent">;
  /** An instant between the call and its return. */
  readonly validated: () => Promise<Instant | undefined>;
  /** Undefined: everything is read from the primary. */
  readonly replicas: Pick<ReplicaReads, "run"> | undefined;
}

export interface LoadResult<Value> {
  readonly result: Loaded<Value> | Error;
  /** The answer holds what was committed then, and may hold more. Undefined: nothing can be said. */
  readonly since: Instant | undefined;
}

/**
 * Loads what is not kept: from a replica what one has, and everything else from the primary.
 *
 * An answer of a replica is used if nothing that it depends on has changed since the instant up to which the replica
 * had every change, and nothing of it is pending; what only the rows have revealed included. That is asked
 * *after* the read: a replica may show a commit before the primary does, which is no harm once the primary shows it as
 * well, and until then the commit's tags are pending. So the answer is what the primary would have said at that later instant.
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
        // At once, and here: what `load` sends goes to the replica.
        others ??= fromPrimary(keys.filter((key) => !chosen.includes(key)));
        // It is awaited below.
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
