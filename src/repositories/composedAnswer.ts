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
 * A whole answer from one statement: PostgreSQL writes the JSON that is sent, with rows within rows.
 *
 * For lists within lists, Node would otherwise make a thousand objects from texts, and then one text from the
 * objects. That is three quarters of such a request's time. And the levels of an operation need not wait for
 * each other.
 */

export interface ComposedAnswer {
  /** JSON. */
  readonly text: string;
  /** The tags that it depends on; a tag may occur more than once. */
  readonly tags: readonly string[];
}

export type ComposedAnswers = ReturnType<typeof createComposedAnswers>;

/** An answer's text without the parts that are kept on their own. */
export interface AnswerFrame {
  /** The texts before, between and after the parts. */
  readonly texts: readonly string[];
  /** Which parts go between the texts, and of which rows. */
  readonly places: readonly { readonly part: number; readonly id: string }[];
  readonly tags: readonly string[];
}

/**
 * How many variants of one operation's statement are kept: filters, orders and cursors may be given or not.
 * Further variants are written anew each time.
 */
const MAX_VARIANTS = 20;

export function createComposedAnswers(
  access: Pick<DataAccess, "query" | "sharing">,
  sources: ComposedSources,
) {
  const { query } = access;
  const rowText = createComposedRows(access, sources);

  /** Keeps statements by shape, and by whatever else a statement's text follows from. */
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

  /** Loads an answer about a single row, without lists. */
  async function loadRow(request: ComposedRequest, id: string): Promise<ComposedAnswer | undefined> {
    const { shape, access } = request;
    const members = await Promise.all(
      shape.map(async (member) => {
        const text =
          member.kind === "namedRow"
            ? await rowText(member.type, member.shape, { id, access })
            : (member as ConstantMember).json; // Safe: at the top, anything else would be a list.
        return `"${member.key}":${text ?? "null"}`;
      }),
    );
    return answerIn(`{${members.join()}}`, tagsBefore(request));
  }

  return {
    /**
     * @param hasTags false: the caller does not need the tags that the answer depends on
     * @returns undefined: a row that the answer needs does not exist
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

    /** Like `load`, but for everything except the parts. */
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

    /**
     * Loads a part for each of these rows, in their order; undefined where a row that it needs does not
     * exist.
     */
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

/** The pieces between two marks. */
const isBetween = (_: string, index: number) => index % 2 === 1;

/**
 * The tags that an answer depends on in any case, known before it is read.
 *
 * @param indexes of the lists that are in the answer; by default all
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

/** Tags of the other lists are in the text, with each parent's id. */
const isOfTop = (tag: string) => !tag.endsWith(EACH_PARENT);

/**
 * Everything in a request, besides its shape, that the text of its statement follows from.
 *
 * @param indexes of the pages that are in the statement; by default all
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

/** Separates the answer's text from the tags in it. */
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
