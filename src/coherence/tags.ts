const TYPE = /^[^:@#!]+/;

/**
 * The tags together with `Type!` for each of their types: what a statement that touches everything
 * of a type invalidates. Added where answers are kept, so that no reader can forget it.
 */
export function withTypeTags(tags: readonly string[]): string[] {
  const all = new Set(tags);
  for (const tag of tags) {
    const type = TYPE.exec(tag)?.[0];
    if (type !== undefined) all.add(`${type}!`);
  }
  return [...all];
}
