import type { DocumentNode } from "graphql";
import { LRUCache } from "lru-cache";

/** The most entries of each cache. */
const MAX_ENTRIES = 1_000;
/** How much memory the entries of each cache may take, in bytes. */
const MAX_BYTES = 67_108_864;
/** About how many bytes a token takes in a parsed document, with the nodes that are made of it. */
const TOKEN_BYTES = 550;
/** About how many bytes an entry takes beside its text and tokens; most of it is an error's stack. */
const ENTRY_BYTES = 2_000;

/**
 * A cache by documents' texts. Clients choose the texts, and strangers too: a thousand of the longest, or of
 * those with the most tokens, would take gigabytes. So the cache counts bytes, and not only entries.
 */
export function createDocumentCache<Value extends object>(
  documentOf: (value: Value) => DocumentNode | undefined,
) {
  return new LRUCache<string, Value>({
    max: MAX_ENTRIES,
    maxSize: MAX_BYTES,
    sizeCalculation: (value, text) =>
      ENTRY_BYTES + 2 * text.length + TOKEN_BYTES * (documentOf(value)?.tokenCount ?? 0),
  });
}
