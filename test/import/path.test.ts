import { posix } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareBytewise, entryPath, linkStaysInside } from "../../src/import/path.ts";

const segment = fc.constantFrom(
  "..",
  ".",
  "",
  "a",
  "b c",
  "C:",
  "~",
  "\\",
  "\0",
  "...",
  "é",
  "\u{1f600}",
  "..a",
  "a..",
);
const names = fc.array(segment, { maxLength: 8 }).map((parts) => parts.join("/"));

describe("entryPath", () => {
  test("accepts only paths that lie below the folder and are normalized", () => {
    fc.assert(
      fc.property(fc.oneof(names, fc.string()), (name) => {
        const judged = entryPath(name);
        if (!judged.isSafe) return;
        const resolved = posix.resolve("/root/folder", judged.path);
        expect(resolved === "/root/folder" || resolved.startsWith("/root/folder/")).toBe(true);
        expect(posix.join("/x", judged.path)).toBe(judged.path === "" ? "/x" : `/x/${judged.path}`);
        expect(judged.path).not.toMatch(/[\0\\]|^[A-Za-z]:/);
      }),
      { numRuns: 2_000 },
    );
  });

  test("accepts every ordinary relative path", () => {
    const ordinary = fc.array(
      fc.stringMatching(/^[\w.@+ -]{1,12}$/).filter((part) => !/^\.{1,2}$/.test(part)),
      {
        minLength: 1,
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(ordinary, (parts) => {
        expect(entryPath(parts.join("/"))).toEqual({ isSafe: true, path: parts.join("/") });
      }),
    );
  });

  test.each([
    ["../a", 'has ".." in its path'],
    ["a/../../b", 'has ".." in its path'],
    ["a/..", 'has ".." in its path'],
    ["/etc/passwd", "has an absolute path"],
    ["C:/Windows", "begins with a drive letter"],
    ["./c:evil", "begins with a drive letter"],
    ["a\\..\\b", "has a backslash in its name"],
    ["\\\\host\\share", "has a backslash in its name"],
    ["a\0b", "has a NUL byte in its name"],
    ["", "has no name"],
  ])("%j is refused: it %s", (name, reason) => {
    expect(entryPath(name)).toEqual({ isSafe: false, reason });
  });
});

describe("linkStaysInside", () => {
  test("is true only if the target also resolves to a path inside", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 4 }),
        names,
        (link, target) => {
          if (!linkStaysInside(link.join("/"), target)) return;
          const resolved = posix.resolve("/root", ...link.slice(0, -1), target);
          expect(resolved === "/root" || resolved.startsWith("/root/")).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["a/link", "../b", true],
    ["a/link", "../../b", false],
    ["link", "..", false],
    ["link", "/etc", false],
    ["link", "a/../../root/b", false],
    ["link", "", false],
  ])("%j to %j: %j", (link, target, expected) => {
    expect(linkStaysInside(link, target)).toBe(expected);
  });
});

test("compareBytewise orders like the UTF-8 bytes", () => {
  const sign = (value: number) => Math.sign(value);
  const text = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(sign(compareBytewise(a, b))).toBe(sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }),
    { numRuns: 2_000 },
  );
  expect(["\u{1f600}", "\uff21", "a"].sort(compareBytewise)).toEqual(["a", "\uff21", "\u{1f600}"]);
});
