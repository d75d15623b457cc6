import { hash } from "node:crypto";
import { type ComposedType, type ObjectShape, shapesIn } from "./answerShape.ts";

/**
 * What an answer is put together of, where its rows are kept on their own: after a change of one of them, that one is
 * written anew, and the others are there.
 */
export interface AnswerParts {
  /** The rows of its outermost pages that have other rows in them. */
  readonly parts: readonly AnswerPart[];
  /** All that is around them. */
  readonly frame: Composed;
}

export interface AnswerPart extends Composed {
  readonly type: ComposedType;
  readonly shape: ObjectShape;
}

interface Composed {
  /** Tells what is asked for apart, but for the lists' arguments. */
  readonly name: string;
  /** Which of the request's lists are in it. */
  readonly lists: readonly number[];
  /** Of the rows that are in it. */
  readonly types: ReadonlySet<ComposedType>;
}

const found = new WeakMap<ObjectShape, AnswerParts>();

/** Found once for each shape. */
export function partsOf(shape: ObjectShape): AnswerParts {
  let answer = found.get(shape);
  if (answer === undefined) {
    answer = split(shape);
    found.set(shape, answer);
  }
  return answer;
}

function split(shape: ObjectShape): AnswerParts {
  const parts: AnswerPart[] = [];

  function describe(
    described: ObjectShape,
    ofType: ComposedType | undefined,
    areRowsLeftOut: boolean,
  ): Composed {
    const lists: number[] = [];
    const types = new Set<ComposedType>(ofType === undefined ? [] : [ofType]);
    const walk = (members: ObjectShape) => {
      for (const member of members) {
        if (member.kind === "row" || member.kind === "namedRow") {
          types.add(member.type);
          walk(member.shape);
        } else if (member.kind === "page") {
          lists.push(member.index);
          types.add(member.type);
          for (const items of member.parts.flatMap(shapesIn)) {
            if (areRowsLeftOut && hasOthers(items))
              parts.push({ type: member.type, shape: items, ...describe(items, member.type, false) });
            else walk(items);
          }
        }
      }
    };
    walk(described);
    return { name: nameOf([ofType, described]), lists, types };
  }

  const frame = describe(shape, undefined, true);
  return { parts, frame };
}

/** Whether there are other rows in it: what is but a row's own columns, is read as fast as it is put together. */
const hasOthers = (shape: ObjectShape) => shape.some(({ kind }) => kind === "row" || kind === "page");

const nameOf = (what: unknown) => hash("sha256", JSON.stringify(what), "base64url").slice(0, 22);
