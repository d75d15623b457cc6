import { rowTag } from "../coherence/tags.ts";
import type { Query } from "../database/database.ts";
import {
  type AnswerInput,
  type ComposedRequest,
  type ComposedSources,
  EACH_PARENT,
  type ObjectShape,
} from "./answerShape.ts";
import { type ComposedStatement, composedStatement } from "./composedStatement.ts";
import { MISSING_MARK, TAG_MARK } from "./composedText.ts";
import { pagePlan } from "./page.ts";

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

/** Filters, orders and cursors that may be there or not make so many statements of one operation; others are written each time. */
const MAX_VARIANTS = 20;

export function createComposedAnswers(query: Query, sources: ComposedSources) {
  /** By what is asked for, and by what else the statement's text follows from. */
  const statements = new WeakMap<ObjectShape, Map<string, ComposedStatement>>();

  function statementFor(shape: ObjectShape, input: AnswerInput): ComposedStatement {
    let variants = statements.get(shape);
    if (variants === undefined) {
      variants = new Map();
      statements.set(shape, variants);
    }
    const variant = variantOf(input);
    let statement = variants.get(variant);
    if (statement === undefined) {
      statement = composedStatement(sources, shape, input);
      if (variants.size < MAX_VARIANTS) variants.set(variant, statement);
    }
    return statement;
  }

  return {
    /**
     * @returns undefined: not all of it can be answered, because a row is not there
     * @throws AppError `VALIDATION_FAILED` for a page's arguments
     */
    async load({ shape, lists, named, access }: ComposedRequest): Promise<ComposedAnswer | undefined> {
      const pages = lists.map(({ type, request }) => ({
        list: request.list,
        plan: pagePlan(sources[type], request),
      }));
      const input = { pages, named, access };
      const statement = statementFor(shape, input);
      const [row] = await query<{ answer: string }>(statement.text, statement.valuesFor(input));
      return row && answerIn(row.answer, tagsBefore({ lists, named }));
    },
  };
}

/** What an answer depends on for sure, before it is read. */
export const tagsBefore = ({ lists, named }: Pick<ComposedRequest, "lists" | "named">): string[] => [
  ...lists.flatMap(({ request }) => request.list.tags.filter(isOfTop)),
  ...named.map(({ type, id }) => rowTag(type, id)),
];

/** The others are in the text, with each parent's id. */
const isOfTop = (tag: string) => !tag.endsWith(EACH_PARENT);

/** All of a request that the text of its statement follows from, beside its shape. */
function variantOf({ pages, access }: AnswerInput): string {
  let variant: string = access.to;
  for (const { list, plan } of pages) {
    const { order, beyond } = plan.rows;
    variant += `\n${list.parent?.column} ${order.column} ${order.direction} ${plan.page.isBackward} ${beyond !== undefined}`;
    for (const tag of list.tags) if (!isOfTop(tag)) variant += ` ${tag}`;
    for (const { sql } of plan.where) variant += `\n${sql}`;
  }
  return variant;
}

/** Takes what the answer depends on out of its text. */
function answerIn(composed: string, known: readonly string[]): ComposedAnswer | undefined {
  if (composed.includes(MISSING_MARK)) return undefined;
  const pieces = composed.split(TAG_MARK);
  const tags = [...known];
  const texts: string[] = [];
  for (let index = 0; index < pieces.length; index += 2) {
    texts.push(pieces[index]!);
    if (index + 1 < pieces.length) tags.push(pieces[index + 1]!);
  }
  return { text: texts.join(""), tags };
}
