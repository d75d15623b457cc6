/** How large a request's variables are. */
export interface InputSize {
  /** Values in all variables together, at every level. */
  readonly values: number;
  /** Items of the longest list. */
  readonly listSize: number;
  /** Levels of nesting of lists and objects. */
  readonly depth: number;
}

/** No input type nests deeper than a handful of levels, and recursive readers of values cope with thousands. */
export const MAX_INPUT_DEPTH = 50;

/**
 * Counts without recursion, because nothing has bounded the depth yet, and stops once a limit is known to be
 * exceeded.
 */
export function inputSize(variables: unknown, maxValues: number): InputSize {
  let values = 0;
  let listSize = 0;
  let depth = 0;
  let level: unknown[] = [variables];
  while (level.length > 0 && values <= maxValues && depth <= MAX_INPUT_DEPTH) {
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== "object" || value === null) continue;
      const isList = Array.isArray(value);
      const parts = isList ? value : Object.values(value);
      if (isList) listSize = Math.max(listSize, parts.length);
      values += parts.length;
      if (values > maxValues) break;
      for (const part of parts) next.push(part);
    }
    level = next;
    if (next.length > 0) depth++;
  }
  return { values, listSize, depth };
}
