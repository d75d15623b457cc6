import type { CacheLifetimes } from "../cacheKinds.ts";
import { rowTag } from "../coherence/tags.ts";
import type { Access } from "../repositories/access.ts";
import { type AnswerPart, partsOf } from "../repositories/answerParts.ts";
import type { ComposedRequest, ComposedType, ObjectShape } from "../repositories/answerShape.ts";
import { AnswerText, type TextFrame } from "../repositories/answerText.ts";
import { type ComposedAnswers, tagsBefore } from "../repositories/composedAnswer.ts";
import { requestName, shortened } from "../repositories/page.ts";
import type { Cached, Repeated } from "./cached.ts";
import { BUFFER_BYTES, bytesToKeep, idsOf, type KeptFrame, keptFrame, lastOf } from "./keptFrame.ts";

export interface ComposedAnswerOptions {
  readonly composedAnswers: ComposedAnswers;
  readonly access: Access;
  /** Prefix of the keys of answers that depend on the requester. */
  readonly scope: string;
  readonly cached: Cached;
  readonly repeated: Repeated;
  /** Whether the answer may come to be kept. */
  readonly isKept: () => boolean;
  /** Whether the tags that the answer depends on are needed. */
  readonly isNoted: () => boolean;
  readonly ttlMs: CacheLifetimes;
}

const textBytes = (text: Buffer) => BUFFER_BYTES + text.byteLength;

/**
 * What the latest frame of each shape may share with the next one. Not that frame itself: it leads to the parts
 * that were found for it, which would stay in memory after the cache has let go of them.
 */
const lastMade = new WeakMap<ObjectShape, TextFrame>();

const LIFETIMES = {
  User: "user",
  Project: "project",
  ConversionJob: "conversionJob",
} as const satisfies Record<ComposedType, keyof CacheLifetimes>;

/**
 * Loads the text of an answer, instead of all rows that it would be made from.
 *
 * Where the answer may be kept, it is put together from parts (src/repositories/answerParts.ts) that are kept
 * on their own: then the database is asked only for the frame and for missing parts. Otherwise it takes one
 * statement.
 */
export function createComposedAnswerLoader(options: ComposedAnswerOptions) {
  const { composedAnswers, access, scope, cached, repeated, isKept, isNoted, ttlMs } = options;

  /**
   * @returns undefined: the answer cannot be composed, either for this requester or because a row does not
   *   exist
   */
  return async (asked: Omit<ComposedRequest, "access">): Promise<string | AnswerText | undefined> => {
    if (access.to === "held") return undefined;
    const request = { ...asked, access };
    const { parts, types } = partsOf(request.shape);
    const shortestMs = Math.min(ttlMs.collection, ...types.map((type) => ttlMs[LIFETIMES[type]]));
    const areListsKept = request.lists.every(({ request: { list } }) => list.isKept !== false);
    return parts.length > 0 && isKept() && shortestMs > 0 && areListsKept
      ? loadInParts(request, shortestMs)
      : loadWhole(request);
  };

  async function loadWhole(request: ComposedRequest): Promise<string | undefined> {
    const [text] = await cached<string | undefined>(
      "composed",
      [""],
      () => tagsBefore(request),
      async () => {
        const answer = await composedAnswers.load(request, isNoted());
        return [{ value: answer?.text, tags: answer?.tags ?? [], isKept: false }];
      },
    );
    if (text instanceof Error) throw text;
    return text;
  }

  async function loadInParts(request: ComposedRequest, ttlMs: number): Promise<AnswerText | undefined> {
    const frame = await loadFrame(request, ttlMs);
    if (frame === undefined) return undefined;
    const { parts } = partsOf(request.shape);
    const texts = await Promise.all(
      parts.map((part, index) => loadParts(request, part, { frame, index, ttlMs })),
    );
    // A row has disappeared since the frame was read.
    const rows = texts.length === 1 ? texts[0]! : texts.flat();
    if (rows.includes(undefined)) return undefined;
    return new AnswerText(frame, rows as Buffer[]); // Safe: none is undefined.
  }

  async function loadFrame(request: ComposedRequest, ttlMs: number): Promise<KeptFrame | undefined> {
    const { frame } = partsOf(request.shape);
    const named = request.named.map(({ id }) => id).join();
    const [found] = await cached<KeptFrame | undefined>(
      "frame",
      [`${frame.name}:${namesOf(request, frame.lists)}:${named}`],
      () => tagsBefore(request, frame.lists),
      async () => {
        const read = await composedAnswers.loadFrame(request);
        if (read === undefined) return [{ value: undefined, tags: [], isKept: false }];
        const { shape } = request;
        const value = keptFrame(read, partsOf(shape).parts.length, lastMade.get(shape));
        const { texts, byteLength, places } = value;
        lastMade.set(shape, { texts, byteLength, places });
        return [{ value, tags: [...new Set(read.tags)] }];
      },
      { scope, part: { ttlMs, bytesOf: (value) => value?.ownBytes ?? 0 } },
    );
    if (found instanceof Error) throw found;
    return found;
  }

  async function loadParts(
    request: ComposedRequest,
    part: AnswerPart,
    { frame, index, ttlMs }: { frame: KeptFrame; index: number; ttlMs: number },
  ): Promise<readonly (Buffer | undefined)[]> {
    if (frame.ids[index] === "") return [];
    const partScope = `${shortened(`${scope}${part.name}:${namesOf(request, part.lists)}`)}:`;
    const last = lastOf(frame, index, partScope);
    const again = repeated<Buffer>("part", last);
    if (again !== undefined) return again;
    const texts = await cached<Buffer | undefined>(
      "part",
      idsOf(frame, index),
      (id) => [rowTag(part.type, id), ...tagsBefore({ lists: request.lists, named: [] }, part.lists)],
      async (missing) => {
        const read = await composedAnswers.loadParts(request, part, missing);
        return read.map((answer) =>
          answer === undefined
            ? { value: undefined, tags: [], isKept: false }
            : { value: bytesToKeep(answer.text), tags: [...new Set(answer.tags)] },
        );
      },
      { scope: partScope, part: { ttlMs, bytesOf: textBytes, last } },
    );
    return texts.map((text) => {
      if (text instanceof Error) throw text;
      return text;
    });
  }
}

const namesOf = ({ lists }: ComposedRequest, indexes: readonly number[]): string =>
  indexes.map((index) => requestName(lists[index]!.request)).join();
