import type { Query } from "../database/database.ts";
import type { ComposedRequest, ComposedSources } from "./answerShape.ts";
import { composedStatement, MISSING_MARK, TAG_MARK } from "./composedStatement.ts";

/**
 * A whole answer from one statement: PostgreSQL writes the JSON that is sent, rows within rows.
 *
 * Of lists in lists, Node would otherwise make a thousand objects from texts, and one text from the objects again; that is three
 * quarters of such a request. And the levels of an operation need not wait for each other.
 */

export interface ComposedAnswer {
  /** JSON. */
  readonly text: string;
  /** What it depends on; some of it may be named more than once. */
  readonly tags: readonly string[];
}

export type ComposedAnswers = ReturnType<typeof createComposedAnswers>;

export function createComposedAnswers(query: Query, sources: ComposedSources) {
  return {
    /**
     * @returns undefined: not all of it can be answered, because a row is not there
     * @throws AppError `VALIDATION_FAILED` for a page's arguments
     */
    async load(request: ComposedRequest): Promise<ComposedAnswer | undefined> {
      const { text, values, tags } = composedStatement(sources, request);
      const [row] = await query<{ answer: string }>(text, values);
      return row && answerIn(row.answer, tags);
    },
  };
}

/** Takes what the answer depends on out of its text. */
function answerIn(composed: string, known: readonly string[]): ComposedAnswer | undefined {
  if (composed.includes(MISSING_MARK)) return undefined;
  const pieces = composed.split(TAG_MARK);
  const tags = [...known];
  let text = "";
  for (let index = 0; index < pieces.length; index += 2) {
    text += pieces[index]!;
    if (index + 1 < pieces.length) tags.push(pieces[index + 1]!);
  }
  return { text, tags };
}
