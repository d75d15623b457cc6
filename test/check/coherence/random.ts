export interface Random {
  /** 0 or more, less than 1. */
  next(): number;
  /** From `low` to `high`, both included. */
  integer(low: number, high: number): number;
  /** One of the items. */
  pick<Item>(items: readonly Item[]): Item;
  chance(probability: number): boolean;
}

/** Yields the same numbers for the same seed (xorshift32: G. Marsaglia, Xorshift RNGs, 2003). */
export function createRandom(seed: number): Random {
  // Zero is the one state that xorshift never leaves.
  let state = seed | 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  // The first numbers of neighbouring seeds are alike, so they are skipped.
  for (let round = 0; round < 16; round++) next();
  const integer = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    integer,
    pick: (items) => items[integer(0, items.length - 1)]!,
    chance: (probability) => next() < probability,
  };
}
