/** A model: small integer vectors, and what may happen next in each. */
export interface Model {
  readonly initial: readonly number[];
  /** Calls `emit` for every step that is possible. The state that it passes on must be a new array. */
  steps(state: readonly number[], emit: (label: string, next: number[]) => void): void;
  /** Equal states that differ in names alone become one. Works in place. */
  canonical(state: number[]): number[];
}

export interface Exploration {
  readonly states: number;
  /** The shortest way to a violation, or undefined when no reachable state has one. */
  readonly counterExample: readonly string[] | undefined;
}

/** What a step's label begins with when the step breaks the promise. */
export const VIOLATION = "VIOLATION: ";

/** Visits every reachable state, nearest first, so the counter-example it finds is a shortest one. */
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
 * The labels of a path's steps, ending with the violation that its last state allows. Canonical
 * states exchange the names of what is alike, so the path is walked again with the names kept.
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

// Every component is below 2^16, so a state is a string of as many characters: the cheapest thing
// that a Set compares by value.
function keyOf(model: Model, state: readonly number[]): string {
  return String.fromCharCode(...model.canonical([...state]));
}

function stateOf(key: string): number[] {
  return Array.from(key, (character) => character.charCodeAt(0));
}
