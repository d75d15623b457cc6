import { rowTag } from "../coherence/tags.ts";
import type { DataAccess } from "../database/database.ts";
import { type AnswerPart, partsOf } from "./answerParts.ts";
import {
  type AnswerInput,
  type ComposedRequest,
  type ComposedSources,
  type ConstantMember,
  EACH_PARENT,
  type ObjectShape,
} from "./answerShape.ts";
import { createComposedRows } from "./composedRows.ts";
import { type ComposedStatement, composedStatement, partStatement } from "./composedStatement.ts";
import { MISSING_MARK, PART_MARK, TAG_MARK, textsByMark } from "./composedText.ts";
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

/** An answer's text without the parts that are kept on their own. */
export interface AnswerFrame {
  /** What is before, between and after them. */
  readonly texts: readonly string[];
  /** Which parts are between them, of which rows. */
  readonly places: readonly { readonly part: number; readonly id: string }[];
  readonly tags: readonly string[];
}

/** Filters, orders and cursors that may be there or not make so many statements of one operation; others are written each time. */
const MAX_VARIANTS = 20;

export function createComposedAnswers(
  access: Pick<DataAccess, "query" | "sharing">,
  sources: ComposedSources,
) {
  const { query } = access;
  const rowText = createComposedRows(access, sources);

  /** By what is asked for, and by what else the statement's text follows from. */
  const createStatements = () => {
    const statements = new WeakMap<ObjectShape, Map<string, ComposedStatement>>();
    return (shape: ObjectShape, variant: string, write: () => ComposedStatement): ComposedStatement => {
      let variants = statements.get(shape);
      if (variants === undefined) {
        variants = new Map();
        statements.set(shape, variants);
      }
      let statement = variants.get(variant);
      if (statement === undefined) {
        statement = write();
        if (variants.size < MAX_VARIANTS) variants.set(variant, statement);
      }
      return statement;
    };
  };
  const wholeStatements = createStatements();
  const frameStatements = createStatements();
  const partStatements = createStatements();

  /** @throws AppError `VALIDATION_FAILED` for a page's arguments */
  const inputOf = (
    { lists, named, access }: ComposedRequest,
    { hasTags = true, ids = [] }: Partial<Pick<AnswerInput, "hasTags" | "ids">> = {},
  ): AnswerInput => ({
    pages: lists.map(({ type, request }) => ({
      list: request.list,
      plan: pagePlan(sources[type], request),
    })),
    named,
    access,
    hasTags,
    ids,
  });

  async function textOf(statement: ComposedStatement, input: AnswerInput): Promise<string | null> {
    const [row] = await query<{ answer: string | null }>(statement.text, statement.valuesFor(input));
    return row!.answer;
  }

  /** What is asked for of one row alone, without a list. */
  async function loadRow(request: ComposedRequest, id: string): Promise<ComposedAnswer | undefined> {
    const { shape, access } = request;
    const members = await Promise.all(
      shape.map(async (member) => {
        const text =
          member.kind === "namedRow"
            ? await rowText(member.type, member.shape, { id, access })
            : (member as ConstantMember).json; // Safe: at the top there is nothing else but lists.
        return `"${member.key}":${text ?? "null"}`;
      }),
    );
    return answerIn(`{${members.join()}}`, tagsBefore(request));
  }

  return {
    /**
     * @param hasTags false: what the answer depends on need not be told
     * @returns undefined: not all of it can be answered, because a row is not there
     * @throws AppError `VALIDATION_FAILED` for a page's arguments
     */
    async load(request: ComposedRequest, hasTags = true): Promise<ComposedAnswer | undefined> {
      const { shape, lists, named } = request;
      if (lists.length === 0 && named.length === 1) return loadRow(request, named[0]!.id);
      const input = inputOf(request, { hasTags });
      const write = () => composedStatement(sources, shape, input);
      const text = await textOf(wholeStatements(shape, variantOf(input), write), input);
      return answerIn(text!, tagsBefore(request));
    },

    /** What `load` does, for all but the parts. */
    async loadFrame(request: ComposedRequest): Promise<AnswerFrame | undefined> {
      const { shape } = request;
      const input = inputOf(request);
      const write = () => composedStatement(sources, shape, input, partsOf(shape).parts);
      const text = await textOf(frameStatements(shape, variantOf(input), write), input);
      const answer = answerIn(text!, tagsBefore(request, partsOf(shape).frame.lists));
      if (answer === undefined) return undefined;
      const pieces = answer.text.split(PART_MARK);
      const places = pieces.filter(isBetween).map((place) => {
        const end = place.indexOf(":");
        return { part: Number(place.slice(0, end)), id: place.slice(end + 1) };
      });
      return { texts: pieces.filter((_, index) => !isBetween(_, index)), places, tags: answer.tags };
    },

    /** A part for each of these rows, in their order; undefined for what cannot be answered, because a row is not there. */
    async loadParts(
      request: ComposedRequest,
      part: AnswerPart,
      ids: readonly string[],
    ): Promise<(ComposedAnswer | undefined)[]> {
      const input = inputOf(request, { ids });
      const write = () => partStatement(sources, part, input);
      const variant = variantOf(input, part.lists);
      const text = await textOf(partStatements(part.shape, variant, write), input);
      const known = tagsBefore({ lists: request.lists, named: [] }, part.lists);
      const texts = textsByMark(text);
      return ids.map((id) => {
        const found = texts.get(id);
        return found === undefined ? undefined : answerIn(found, known);
      });
    },
  };
}

/** Of pieces, those between two marks. */
const isBetween = (_: string, index: number) => index % 2 === 1;

/**
 * What an answer depends on for sure, before it is read.
 *
 * @param indexes of the lists that are in it; all, unless told
 */
export const tagsBefore = (
  { lists, named }: Pick<ComposedRequest, "lists" | "named">,
  indexes?: readonly number[],
): string[] => [
  ...at(lists, indexes).flatMap(({ request }) => request.list.tags.filter(isOfTop)),
  ...named.map(({ type, id }) => rowTag(type, id)),
];

const at = <Item>(items: readonly Item[], indexes: readonly number[] | undefined): readonly Item[] =>
  indexes?.map((index) => items[index]!) ?? items;

/** The others are in the text, with each parent's id. */
const isOfTop = (tag: string) => !tag.endsWith(EACH_PARENT);

/**
 * All of a request that the text of its statement follows from, beside its shape.
 *
 * @param indexes of the pages that are in it; all, unless told
 */
function variantOf({ pages, access, hasTags }: AnswerInput, indexes?: readonly number[]): string {
  let variant = `${access.to} ${hasTags}`;
  for (const { list, plan } of at(pages, indexes)) {
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
