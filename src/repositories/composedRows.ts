import type { DataAccess } from "../database/database.ts";
import type { ComposedRequest, ComposedSources, ComposedType, ObjectShape } from "./answerShape.ts";
import { rowStatement } from "./composedStatement.ts";
import { arrayOf, textsByMark } from "./composedText.ts";
import { createReads } from "./sharedReads.ts";

/** Finds the texts of rows by their keys; null: the requester can see no such row. */
type FindTexts = (keys: readonly string[]) => Promise<(string | null)[]>;

/**
 * Reads the texts of rows by their ids. All requests that ask the same about rows at the same moment share
 * one statement, whoever asks. Otherwise, a row that contains another takes two statements and their objects,
 * one after the other.
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

  /** The text contains the tags of its rows, between marks (composedText.ts). @param shape without lists */
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

/** A key is a row's id, followed by the owner's id if only that owner's rows count. */
const ID_LENGTH = 36;
const idIn = (key: string) => key.slice(0, ID_LENGTH);
const ownerIn = (key: string) => key.slice(ID_LENGTH) || "NULL";
