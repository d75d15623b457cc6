import type { TextFrame } from "../repositories/answerText.ts";
import type { AnswerFrame } from "../repositories/composedAnswer.ts";
import type { FoundParts } from "./cached.ts";

/** A frame in the form in which it is kept: thousands of them, so everything that can be shared is. */
export interface KeptFrame extends TextFrame {
  /**
   * The ids of each part's rows, each once, joined by commas: they are needed only where the parts are not
   * known yet, and a list of ids takes four times the memory of one text.
   */
  readonly ids: readonly string[];
  /** About how many bytes it takes, without what it shares with other frames. */
  readonly ownBytes: number;
}

/** What a buffer takes beside its bytes, as measured with Node 20: 184 in the heap, and the rest outside of it. */
export const BUFFER_BYTES = 250;
/** Roughly what another object takes beside its bytes. */
const OBJECT_BYTES = 100;
const POINTER_BYTES = 8;

/**
 * The text in UTF-8, in memory of its own. `Buffer.from` puts short texts into blocks of 8 kB, each of which
 * stays in memory as a whole for as long as one of its texts is kept.
 */
export function bytesToKeep(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** @param alike a frame of the same shape, if there is one: often only the ids differ, and the rest is shared */
export function keptFrame(
  { texts, places }: AnswerFrame,
  partCount: number,
  alike: TextFrame | undefined,
): KeptFrame {
  const idsByPart = Array.from({ length: partCount }, (_, index) => [
    ...new Set(places.filter(({ part }) => part === index).map(({ id }) => id)),
  ]);
  const firstOf = idsByPart.map((_, part) =>
    idsByPart.slice(0, part).reduce((sum, { length }) => sum + length, 0),
  );
  const indexes = places.map(({ part, id }) => firstOf[part]! + idsByPart[part]!.indexOf(id));
  // Most texts are the same: a comma.
  const buffers = new Map(texts.map((text) => [text, bytesToKeep(text)]));
  const sent = texts.map((text) => buffers.get(text)!);
  const ids = idsByPart.map((each) => each.join());
  const idBytes = ids.reduce(
    (sum, { length }) => sum + length,
    2 * OBJECT_BYTES + 2 * POINTER_BYTES * places.length,
  );
  if (alike !== undefined && areSame(alike, sent, indexes))
    return { texts: alike.texts, byteLength: alike.byteLength, places: alike.places, ids, ownBytes: idBytes };
  const textBytes = [...buffers.values()].reduce((sum, { byteLength }) => sum + BUFFER_BYTES + byteLength, 0);
  return {
    texts: sent,
    byteLength: sent.reduce((sum, { byteLength }) => sum + byteLength, 0),
    places: indexes,
    ids,
    ownBytes: idBytes + textBytes + 2 * POINTER_BYTES * places.length,
  };
}

const areSame = (frame: TextFrame, texts: readonly Buffer[], places: readonly number[]): boolean =>
  frame.texts.length === texts.length &&
  frame.texts.every((text, index) => text.equals(texts[index]!)) &&
  frame.places.every((place, index) => place === places[index]);

/** The ids of a part's rows, each once. */
export const idsOf = ({ ids }: KeptFrame, part: number): readonly string[] => {
  const joined = ids[part]!;
  return joined === "" ? [] : joined.split(",");
};

/**
 * The parts that were found for a frame the last time, with the scope that they had: the same frame can go
 * with parts that have other arguments, but rarely does.
 */
const lastFound = new WeakMap<KeptFrame, (FoundParts & { readonly scope: string })[]>();

export function lastOf(frame: KeptFrame, part: number, scope: string): FoundParts {
  let all = lastFound.get(frame);
  if (all === undefined) {
    all = [];
    lastFound.set(frame, all);
  }
  if (all[part]?.scope !== scope) all[part] = { scope, entries: undefined };
  return all[part];
}
