import type { CoherentStore } from "./store.ts";

/** Reads everything from the database and keeps nothing: for whoever wants to know what the database says. */
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
