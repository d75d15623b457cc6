import { hash } from "node:crypto";
import { normalizeStatement } from "./statementText.ts";

export interface SlowQuery {
  /** Names it for `plan`. */
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
  /** As it was sent last, without its parameters: what can be explained. Never shown. */
  source: string;
  count: number;
  totalMs: number;
  maxMs: number;
  lastAt: number;
}

/** What a statement's text may take here; longer ones are counted and cannot be explained. */
const MAX_SOURCE_LENGTH = 65_536;

/**
 * Statements that took longer than the threshold, by their text without values. In bounded memory: the one
 * that was slow longest ago makes room.
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
      // The map's order is that of the last slow time.
      rows.delete(id);
      rows.set(id, row);
      if (rows.size > maxTexts) rows.delete(rows.keys().next().value!); // Never undefined: it is not empty.
    },

    /** How many there were since the start, those that are forgotten included. */
    total: () => total,

    /** Those that cost most come first. */
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

    /** The text to explain. Undefined: there is none of this id, or it is too long. */
    source: (id: string): string | undefined => rows.get(id)?.source || undefined,
  };
}
