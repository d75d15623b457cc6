import { hash } from "node:crypto";
import { normalizeStatement } from "./statementText.ts";

export interface SlowQuery {
  /** Identifies it for `plan`. */
  readonly id: string;
  /** Without values (statementText.ts). */
  readonly text: string;
  /** How often it was slow. */
  readonly count: number;
  readonly meanMs: number;
  readonly maxMs: number;
  readonly lastAt: Date;
}

interface Row {
  readonly id: string;
  readonly text: string;
  /** The text that was sent last, without its parameters. It can be explained; it is never shown. */
  source: string;
  count: number;
  totalMs: number;
  maxMs: number;
  lastAt: number;
}

/** The longest text kept, in characters. Longer statements are counted but cannot be explained. */
const MAX_SOURCE_LENGTH = 65_536;

/**
 * Statements that took longer than the threshold, grouped by their text without values. Memory is bounded:
 * the one whose last slow run is oldest is evicted.
 */
export function createSlowQueries({ maxTexts = 100 } = {}) {
  const rows = new Map<string, Row>();
  let total = 0;

  return {
    add(source: string, durationMs: number): void {
      total++;
      const text = normalizeStatement(source);
      const id = hash("sha256", text, "hex").slice(0, 16);
      const row = rows.get(id) ?? { id, text, source, count: 0, totalMs: 0, maxMs: 0, lastAt: 0 };
      row.source = source.length > MAX_SOURCE_LENGTH ? "" : source;
      row.count++;
      row.totalMs += durationMs;
      row.maxMs = Math.max(row.maxMs, durationMs);
      row.lastAt = Date.now();
      // The map is ordered by the time of the last slow run.
      rows.delete(id);
      rows.set(id, row);
      if (rows.size > maxTexts) rows.delete(rows.keys().next().value!); // Never undefined: the map is not empty.
    },

    /** How many slow statements there were since the start, evicted ones included. */
    total: () => total,

    /** The ones with the highest total time come first. */
    read: (): SlowQuery[] =>
      [...rows.values()]
        .toSorted((one, other) => other.totalMs - one.totalMs)
        .map(({ id, text, count, totalMs, maxMs, lastAt }) => ({
          id,
          text,
          count,
          meanMs: totalMs / count,
          maxMs,
          lastAt: new Date(lastAt),
        })),

    /** The text to explain. Undefined: no statement has this id, or its text is too long. */
    source: (id: string): string | undefined => rows.get(id)?.source || undefined,
  };
}
