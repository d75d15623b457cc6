/** A model: its states are vectors of small integers, and `steps` says what may happen next in each state. */
export interface Model {
  readonly initial: readonly number[];
  /** Calls `emit` for every step that is possible. Each state that it emits must be a new array. */
  steps(state: readonly number[], emit: (label: string, next: number[]) => void): void;
  /** Maps states that differ only in names to one of them. Works in place. */
  canonical(state: number[]): number[];
}

export interface Exploration {
  readonly states: number;
  /** The labels of a shortest path to a violation; undefined if no reachable state allows one. */
  readonly counterExample: readonly string[] | undefined;
}

/** The beginning of a step's label if the step breaks the promise. */
export const VIOLATION = "VIOLATION: ";

/** Visits every reachable state, nearest first, so the first counter-example it finds is a shortest one. */
export function explore(model: Model): Exploration {
  const first = keyOf(model, model.initial);
  const seen = new Set([first]);
  const queue = [first];
  const parents = [-1];
  let isViolated = false;

  for (let index = 0; index < queue.length; index++) {
    model.steps(stateOf(queue[index]!), (label, next) => {
      isViolated ||= label.startsWith(VIOLATION);
      const key = keyOf(model, next);
      if (seen.has(key)) return;
      seen.add(key);
      queue.push(key);
      parents.push(index);
    });
    if (!isViolated) continue;
    const path: string[] = [];
    for (let step = index; step > 0; step = parents[step]!) path.unshift(queue[step]!);
    return { states: seen.size, counterExample: narrate(model, path) };
  }
  return { states: seen.size, counterExample: undefined };
}

/**
 * The labels of a path's steps, ending with the violation that its last state allows. Canonical states swap
 * the names of processes that are alike, so the path is walked again with the original names.
 */
function narrate(model: Model, path: readonly string[]): string[] {
  const labels: string[] = [];
  let state = model.initial;
  const take = (isWanted: (label: string, next: number[]) => boolean) => {
    let taken: { label: string; next: number[] } | undefined;
    model.steps(state, (label, next) => {
      if (taken === undefined && isWanted(label, next)) taken = { label, next };
    });
    if (taken === undefined)
      throw new Error("The model is not deterministic: a path cannot be walked twice.");
    labels.push(taken.label);
    state = taken.next;
  };
  for (const key of path) take((_, next) => keyOf(model, next) === key);
  take((label) => label.startsWith(VIOLATION));
  return labels;
}

// Every component is below 2^16, so a state fits in a string of one character per component. Of the values
// that a Set compares by content, that is the cheapest.
function keyOf(model: Model, state: readonly number[]): string {
  return String.fromCharCode(...model.canonical([...state]));
}

function stateOf(key: string): number[] {
  return Array.from(key, (character) => character.charCodeAt(0));
}
