import { expect, test } from "vitest";
import { bytesToKeep, idsOf, keptFrame, lastOf } from "../../src/loaders/keptFrame.ts";
import { AnswerText } from "../../src/repositories/answerText.ts";

const frameOf = (texts: string[], ...places: [part: number, id: string][]) => ({
  texts,
  places: places.map(([part, id]) => ({ part, id })),
  tags: [],
});

test("a frame has the ids of each part once, and its places say which row goes where", () => {
  const frame = keptFrame(
    frameOf(["[", ",", "|", ",", "]"], [1, "d"], [0, "a"], [1, "e"], [1, "d"]),
    3,
    undefined,
  );
  expect([0, 1, 2].map((part) => idsOf(frame, part))).toEqual([["a"], ["d", "e"], []]);
  const rows = ["a", "d", "e"].map((id) => Buffer.from(id.toUpperCase()));
  expect(String(new AnswerText(frame, rows))).toBe("[D,A|E,D]");
});

test("frames that differ only in their ids share everything else, and weigh only their own", () => {
  const frame = keptFrame(frameOf(["[", ",", "]"], [0, "a"], [0, "b"]), 1, undefined);
  const alike = keptFrame(frameOf(["[", ",", "]"], [0, "b"], [0, "c"]), 1, frame);
  expect(idsOf(alike, 0)).toEqual(["b", "c"]);
  expect(alike.texts).toBe(frame.texts);
  expect(alike.places).toBe(frame.places);
  expect(alike.ownBytes).toBeLessThan(frame.ownBytes);

  const others = [
    frameOf(["[", ",", "}"], [0, "a"], [0, "b"]),
    frameOf(["[", ",", "]"], [0, "a"], [0, "a"]),
    frameOf(["[", "]"], [0, "a"]),
    frameOf(["[]"]),
  ];
  for (const other of others) {
    const made = keptFrame(other, 1, frame);
    expect(made.texts.map(String)).toEqual(other.texts);
    expect(made.texts).not.toBe(frame.texts);
  }
});

test("what was found for a frame is remembered by part, as long as the scope is the same", () => {
  const frame = keptFrame(frameOf(["[", "]"], [1, "a"]), 2, undefined);
  const found = lastOf(frame, 1, "first:");
  found.entries = [];
  expect(lastOf(frame, 1, "first:")).toBe(found);
  expect(lastOf(frame, 0, "first:").entries).toBeUndefined();
  expect(lastOf(frame, 1, "second:").entries).toBeUndefined();
  expect(lastOf(frame, 1, "first:")).not.toBe(found);
});

test("a short text that is kept has memory of its own, not a piece of a block that others share", () => {
  const text = `${"é".repeat(300)}7`;
  const kept = bytesToKeep(text);
  expect(String(kept)).toBe(text);
  expect(kept.buffer.byteLength).toBe(kept.byteLength);
  expect(Buffer.from(text).buffer.byteLength).toBeGreaterThan(kept.byteLength);
});
