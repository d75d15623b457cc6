/**
 * Tags name what an answer depends on. Reads record them; changes of rows give them new versions.
 * `Project:<id>` is also the row's node id in GraphQL.
 */

export type EntityType =
  | "User"
  | "ApiKey"
  | "Project"
  | "ProjectFile"
  | "ConversionJob"
  | "ConversionJobEvent";

/** Collects the tags of everything that a request reads. A `Set<string>` will do. */
export interface TagRecorder {
  add(tag: string): unknown;
}

/** One row, found or not. */
export const rowTag = (type: EntityType, id: string) => `${type}:${id}`;

/** A look-up by a unique key other than the id, found or not: `User@githubId=583231`. */
export const lookupTag = (type: EntityType, column: string, value: string) => `${type}@${column}=${value}`;

/** Membership and order of one parent's rows: `Project@userId=<id>`. */
export const collectionTag = lookupTag;

/** Any change of membership, order or filter columns in the type: global lists, searches, counts. */
export const anyOfTypeTag = (type: EntityType) => `${type}#`;

const TAG = /^(User|ApiKey|Project|ProjectFile|ConversionJob)(:[^\s]+|@[A-Za-z]+=[^\s]+|#|!)$/;

/** Whether the text has one of the forms above, or is `Project!`: everything of a type. */
export const isTag = (text: string): boolean => TAG.test(text);

const TYPE = /^[^:@#!]+/;
const MARKS = ":@#!";

/**
 * Returns the tags and `Type!` for each of their types, the tag that is bumped when everything of a type may
 * have changed. It is added where answers are kept, so that no reader can forget it.
 */
export function withTypeTags(tags: readonly string[]): string[] {
  const types = new Set<string>();
  let last: string | undefined;
  for (const tag of tags) {
    // An answer can have thousands of tags, most of them of the same type as the one before.
    if (last !== undefined && tag.startsWith(last) && MARKS.includes(tag.charAt(last.length))) continue;
    last = TYPE.exec(tag)?.[0];
    if (last !== undefined) types.add(last);
  }
  const added = [...types].map((type) => `${type}!`).filter((tag) => !tags.includes(tag));
  return [...tags, ...added];
}
