import { hash } from "node:crypto";
import { type ComposedType, type ObjectShape, shapesIn } from "./answerShape.ts";

/**
 * How an answer is split into parts, where its rows are kept on their own. After a change of one row, only
 * that row's text is written anew, and the others are still there.
 */
export interface AnswerParts {
  /** The rows of its outermost pages that contain other rows. */
  readonly parts: readonly AnswerPart[];
  /** Everything around those rows. */
  readonly frame: Composed;
  /** The types of all rows in the answer. */
  readonly types: readonly ComposedType[];
}

export interface AnswerPart extends Composed {
  readonly type: ComposedType;
  readonly shape: ObjectShape;
}

interface Composed {
  /** Identifies what is asked for, except for the arguments of its lists. */
  readonly name: string;
  /** The indexes of the request's lists that are in it. */
  readonly lists: readonly number[];
}

const found = new WeakMap<ObjectShape, AnswerParts>();

/** Computed once for each shape. */
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
  const types = new Set<ComposedType>();

  function describe(
    described: ObjectShape,
    ofType: ComposedType | undefined,
    areRowsLeftOut: boolean,
  ): Composed {
    const lists: number[] = [];
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
    return { name: nameOf([ofType, described]), lists };
  }

  const frame = describe(shape, undefined, true);
  return { parts, frame, types: [...types] };
}

/**
 * Whether it contains other rows. A row with nothing but its own columns is read as fast as it is put
 * together.
 */
const hasOthers = (shape: ObjectShape) => shape.some(({ kind }) => kind === "row" || kind === "page");

const nameOf = (what: unknown) => hash("sha256", JSON.stringify(what), "base64url").slice(0, 22);
