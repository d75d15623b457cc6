import type { DataAccess } from "../database/database.ts";
import type { ComposedRequest, ComposedSources, ComposedType, ObjectShape } from "./answerShape.ts";
import { rowStatement } from "./composedStatement.ts";
import { arrayOf, textsByMark } from "./composedText.ts";
import { createReads } from "./sharedReads.ts";

/** The texts of rows by their keys; null: there is no such row for whoever asks. */
type FindTexts = (keys: readonly string[]) => Promise<(string | null)[]>;

/**
 * The texts of rows that are asked for by their ids: one statement for all requests that ask the same of some in the same moment,
 * whoever asks. A row with another in it is two statements and their objects otherwise, one after the other.
 */
export function createComposedRows(
  { query, sharing }: Pick<DataAccess, "query" | "sharing">,
  sources: ComposedSources,
) {
  const finders = new WeakMap<ObjectShape, FindTexts>();

  function createFinder(type: ComposedType, shape: ObjectShape): FindTexts {
    const statement = rowStatement(sources, type, shape);

    const find = async (keys: readonly string[]): Promise<ReadonlyMap<string, string>> => {
      const values = [arrayOf(keys.map(idIn)), arrayOf(keys.map(ownerIn))];
      const [row] = await query<{ answer: string | null }>(statement, values);
      const byPlace = [...textsByMark(row!.answer)];
      return new Map(byPlace.map(([place, text]) => [keys[Number(place) - 1]!, text]));
    };
    return createReads(sharing, find);
  }

  /** With the tags of the rows in it, between marks (composedText.ts). @param shape without lists */
  return async (
    type: ComposedType,
    shape: ObjectShape,
    { id, access }: { readonly id: string; readonly access: ComposedRequest["access"] },
  ): Promise<string | null> => {
    let find = finders.get(shape);
    if (find === undefined) {
      find = createFinder(type, shape);
      finders.set(shape, find);
    }
    const [text] = await find([access.to === "owned" ? id + access.userId : id]);
    return text ?? null;
  };
}

/** A key is a row's id, and the id of the only one whose rows count, where there is one. */
const ID_LENGTH = 36;
const idIn = (key: string) => key.slice(0, ID_LENGTH);
const ownerIn = (key: string) => key.slice(ID_LENGTH) || "NULL";
