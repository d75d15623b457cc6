import type { CoherentStore } from "./store.ts";

/** Reads everything from the database and keeps nothing, for callers that need the database's own answer. */
export const uncached: Pick<CoherentStore, "getMany" | "areKept" | "hasReplicas"> = {
  async getMany(keys, { loadMany }) {
    const loaded = await loadMany(keys);
    return keys.map((_, index) => {
      return loaded[index] ?? new Error(`Expected ${keys.length} results, got ${loaded.length}.`);
    });
  },
  areKept: () => false,
  hasReplicas: false,
};
