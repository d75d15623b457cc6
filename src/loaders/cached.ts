import { CACHE_KINDS, type CacheKind } from "../cacheKinds.ts";
import type { LocalEntry } from "../coherence/localEntry.ts";
import { isEntry } from "../coherence/store.ts";
import type { LoaderOptions } from "./options.ts";

/** A value that was read, and the tags of everything that it depends on. */
export interface Read<Value> {
  readonly value: Value;
  readonly tags: readonly string[];
  /** False: it is for this request only. */
  readonly isKept?: boolean;
}

export interface CachedOptions<Value> {
  /** Whose answers they are, if they differ between requesters. */
  readonly scope?: string;
  /** Given: the values become parts of the request's answer. */
  readonly part?: PartOptions<Value>;
}

export interface PartOptions<Value> {
  /** How long they are kept, in ms. */
  readonly ttlMs: number;
  /** How many bytes a value takes. */
  bytesOf(value: Value): number;
  /** Remembers what is found for these keys, for `createRepeated`. */
  readonly last?: FoundParts | undefined;
}

/** The entries of all keys, in the keys' order. */
export interface FoundParts {
  entries: readonly LocalEntry[] | undefined;
}

export type Repeated = ReturnType<typeof createRepeated>;

/**
 * Gives the parts of an answer that were found the last time, if all of them are still valid: to check that
 * is faster than to look them up.
 */
export function createRepeated({ reads, store, begun = () => undefined }: LoaderOptions) {
  return <Value>(kind: CacheKind, { entries }: FoundParts): Value[] | undefined => {
    if (entries === undefined || begun() === undefined || !store.areKept(kind, entries)) return undefined;
    return entries.map((entry) => {
      reads.addPart(entry);
      return entry.value as Value; // Safe: under such keys there are only values of this type.
    });
  };
}

export type Cached = ReturnType<typeof createCached>;

/** Loads through the store, and records what the answers depend on, whether they are kept or not. */
export function createCached({
  reads,
  store,
  ttlMs,
  begun = () => undefined,
  mayUseReplicas = false,
  within = (read) => read(),
}: LoaderOptions) {
  const onAbsent = () => reads.noteAbsent();
  return async <Value>(
    kind: CacheKind,
    keys: readonly string[],
    /** Tags that are known before an answer is read; undefined: some of its changes are covered by no tag. */
    tagsOf: (key: string) => readonly string[] | undefined,
    read: (missing: readonly string[]) => Promise<readonly (Read<Value> | Error)[]>,
    { scope = "", part }: CachedOptions<Value> = {},
  ): Promise<(Value | Error)[]> => {
    const { lifetime } = CACHE_KINDS[kind];
    const prefix = `${kind}:${scope}`;
    const keyOf = (storeKey: string) => storeKey.slice(prefix.length);
    const storeKeys = keys.map((key) => prefix + key);
    const answers = await store.getMany<Value>(storeKeys, {
      kind,
      ttlMs: part?.ttlMs ?? (lifetime === undefined ? 0 : ttlMs[lifetime]),
      // Safe: under these keys there are only values of this type.
      ...(part && { bytesOf: part.bytesOf as (value: unknown) => number }),
      begun: begun(),
      onAbsent,
      tagsOf: mayUseReplicas ? (storeKey) => tagsOf(keyOf(storeKey)) : undefined,
      loadMany: async (missing) => {
        const results = await within(() => read(missing.map(keyOf)));
        return results.map((result) => {
          if (result instanceof Error) return result;
          const { value, tags, isKept = true } = result;
          if (isKept) return { value, tags };
          for (const tag of tags) reads.add(tag);
          return { value, tags: undefined, dependsOn: tags };
        });
      },
    });
    const last = part?.last;
    if (last !== undefined) {
      const entries = answers.filter(isEntry);
      last.entries = entries.length === keys.length ? entries : undefined;
    }
    return answers.map((answer) => {
      if (answer instanceof Error) return answer;
      if (part !== undefined && isEntry(answer)) reads.addPart(answer);
      else for (const tag of answer.tags ?? []) reads.add(tag);
      return answer.value;
    });
  };
}
