import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/import/archive.ts";
import { defaultLimits, type Limits } from "../../src/import/limits.ts";
import { type TarEntry, tarOf } from "./support/tar.ts";
import { listing, temporaryFolder } from "./support/tree.ts";
import { zipOf } from "./support/zip.ts";

const scratch = temporaryFolder();

/** Unpacks bytes two folders down, so that a file that escapes is found beside the target. */
async function extract(archive: Uint8Array, limits: Partial<Limits> = {}, signal?: AbortSignal) {
  const place = mkdtempSync(join(scratch, "case-"));
  const file = join(place, "archive");
  const target = join(place, "outer", "target");
  writeFileSync(file, archive);
  mkdirSync(target, { recursive: true });
  const outcome = await extractArchive(file, target, {
    limits: { ...defaultLimits, ...limits },
    signal,
  }).then(
    ({ links }) => ({ links, code: null, message: "" }),
    (error) => ({ links: [], code: error.code as string, message: error.message as string }),
  );
  const outside = (await listing(place)).filter(
    (path) => path !== "archive" && !path.startsWith("outer/target/"),
  );
  expect(outside).toEqual(["outer", "outer/target"]);
  return { ...outcome, target, files: await listing(target) };
}

const tar = (...entries: TarEntry[]) => tarOf(entries);
const file = (name: string, content = "x"): TarEntry => ({ name, content });
const unsafeTars: readonly (readonly [string, Uint8Array, string])[] = [
  ["a path with ..", tar(file("ok"), file("../evil")), 'has ".." in its path'],
  ["a path with .. further in", tar(file("a/b/../../../evil")), 'has ".." in its path'],
  ["an absolute path", tar(file("/tmp/evil")), "has an absolute path"],
  ["a drive letter", tar(file("C:/evil")), "begins with a drive letter"],
  ["backslashes", tar(file("..\\evil")), "has a backslash in its name"],
  ["a link out by ..", tar({ name: "a/l", type: "2", linkname: "../../evil" }), "is a link that leads out"],
  [
    "a link out by an absolute path",
    tar({ name: "l", type: "2", linkname: "/etc" }),
    "is a link that leads out",
  ],
  ["a file below a link", tar({ name: "l", type: "2", linkname: "d" }, file("l/evil")), "which is no folder"],
  ["a link in place of a file", tar(file("l"), { name: "l", type: "2", linkname: "d" }), "is there twice"],
  [
    "a link in place of a folder",
    tar(file("d/f"), { name: "d", type: "2", linkname: "e" }),
    "is a folder and a file",
  ],
  ["a hard link", tar(file("f"), { name: "h", type: "1", linkname: "f" }), "is a hard link"],
  ["a hard link out", tar({ name: "h", type: "1", linkname: "../../archive" }), "is a hard link"],
  ["a character device", tar({ name: "null", type: "3" }), "of the type CharacterDevice"],
  ["a block device", tar({ name: "sda", type: "4" }), "of the type BlockDevice"],
  ["a pipe", tar({ name: "p", type: "6" }), "of the type FIFO"],
  ["the same file twice", tar(file("f"), file("./f", "y")), "is there twice"],
  ["a file below a file", tar(file("f"), file("f/g")), "which is no folder"],
  ["a file in place of a folder", tar({ name: "d/", type: "5" }, file("d")), "is a folder and a file"],
  ["a folder in place of a file", tar(file("d"), { name: "d/", type: "5" }), "is a file and a folder"],
  ["a folder with ..", tar({ name: "../d/", type: "5" }), 'has ".." in its path'],
];

describe("a tar archive", () => {
  test("is unpacked: only plain files, whatever their modes, without harmless links", async () => {
    const archive = tar(
      { name: "p/", type: "5", mode: 0 },
      { name: "./p/a.txt", content: "hello", mode: 0o4000 },
      { name: "p/deep/er/b.bin", content: Buffer.alloc(3_000_000, 7) },
      { name: "p/empty", content: "" },
      { name: "p/link", type: "2", linkname: "deep/er" },
    );
    for (const bytes of [archive, gzipSync(archive)]) {
      const { code, links, target, files } = await extract(bytes);
      expect({ code, links, files }).toEqual({
        code: null,
        links: ["p/link"],
        files: ["p", "p/a.txt", "p/deep", "p/deep/er", "p/deep/er/b.bin", "p/empty"],
      });
      expect(readFileSync(join(target, "p/a.txt"), "utf8")).toBe("hello");
      expect(readFileSync(join(target, "p/deep/er/b.bin")).equals(Buffer.alloc(3_000_000, 7))).toBe(true);
    }
  });

  test.each(unsafeTars)("with %s is refused", async (_what, archive, reason) => {
    for (const bytes of [archive, gzipSync(archive)]) {
      const outcome = await extract(bytes);
      expect(outcome.code).toBe("ARCHIVE_UNSAFE");
      expect(outcome.message).toContain(reason);
    }
  });

  test("with arbitrary entries never writes outside, and its files have the contents of their entries", async () => {
    const name = fc
      .array(fc.constantFrom("..", ".", "a", "b", "c", "", "C:"), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join("/"));
    const entry = fc.record({ name, type: fc.constantFrom("0", "0", "0", "1", "2", "5"), linkname: name });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 6 }), async (entries) => {
        const plain = entries.map((item) =>
          item.type === "0" ? { ...item, linkname: "", content: item.name } : item,
        );
        // `extract` itself asserts that nothing lies outside.
        const { code, target, files } = await extract(tarOf(plain));
        if (code !== null) {
          expect(code).toMatch(/^ARCHIVE_(UNSAFE|CORRUPT)$/);
          return;
        }
        for (const item of plain) {
          // A name that ends with "/" is a folder, whatever its type says: old tars wrote folders so.
          if (item.type !== "0" || item.name.endsWith("/") || item.name === "") continue;
          expect(readFileSync(join(target, item.name), "utf8")).toBe(item.name);
        }
        expect(files.filter((path) => path.includes(".."))).toEqual([]);
      }),
      { numRuns: 150, seed: 2 },
    );
  });

  test("that exceeds the limits is refused", async () => {
    expect((await extract(tar(file("a", "12345"), file("b", "6")), { maxTotalBytes: 5 })).code).toBe(
      "ARCHIVE_TOO_LARGE",
    );
    expect((await extract(tar(file("a"), file("b")), { maxFiles: 1 })).code).toBe("ARCHIVE_TOO_LARGE");
    expect((await extract(tar(file("a")), { maxDownloadBytes: 1_000 })).code).toBe("ARCHIVE_TOO_LARGE");
  });

  test("that is a decompression bomb is refused because of its ratio", async () => {
    const zeros = gzipSync(tar({ name: "zeros", content: Buffer.alloc(20_000_000) }));
    const outcome = await extract(zeros);
    expect(outcome.code).toBe("ARCHIVE_TOO_LARGE");
    expect(outcome.message).toContain("more than 200 times its size");
    // Trailing blocks count as well, although no entry announces them.
    const padded = gzipSync(Buffer.concat([tar(file("a")), Buffer.alloc(20_000_000)]));
    expect((await extract(padded)).code).toBe("ARCHIVE_TOO_LARGE");
  });

  test("that is compressed twice is refused without decompressing the inner layer", async () => {
    expect((await extract(gzipSync(gzipSync(tar(file("a")))))).code).toBe("SOURCE_NOT_SUPPORTED");
    expect((await extract(gzipSync(brotliCompressSync(tar(file("a")))))).code).toBe("SOURCE_NOT_SUPPORTED");
    expect((await extract(gzipSync("short"))).code).toBe("SOURCE_NOT_SUPPORTED");
  });

  test("that is cut off or damaged is reported as such", async () => {
    const noise = createHash("sha512").update("noise").digest().toString("hex").repeat(200);
    const whole = gzipSync(tar(file("a", noise), file("b", noise)));
    expect((await extract(whole.subarray(0, whole.length - 40))).code).toBe("ARCHIVE_CORRUPT");
    const flipped = Buffer.from(whole);
    flipped[Math.floor(flipped.length / 2)]! ^= 0xff;
    expect((await extract(flipped)).code).toBe("ARCHIVE_CORRUPT");
    expect((await extract(tarOf([{ name: "a", content: "x", size: 5_000_000 }], { end: false }))).code).toBe(
      "ARCHIVE_CORRUPT",
    );
    const badSum = tar(file("a"), file("b"));
    badSum[1_024] = 0x7a;
    expect((await extract(badSum)).code).toBe("ARCHIVE_CORRUPT");
  });

  test("stops when the signal fires", async () => {
    expect((await extract(tar(file("a")), {}, AbortSignal.abort())).code).toBe("ABORTED");
  });
});

test("an existing file is never overwritten, and the extraction fails", async () => {
  for (const size of [10, 5_000_000]) {
    const place = mkdtempSync(join(scratch, "there-"));
    mkdirSync(join(place, "target"));
    writeFileSync(join(place, "target", "a"), "mine");
    const more = Array.from({ length: 50 }, (_, index) => file(`b/${index}`, "x".repeat(2_000_000)));
    writeFileSync(join(place, "archive"), tar({ name: "a", content: Buffer.alloc(size) }, ...more));
    const extracting = extractArchive(join(place, "archive"), join(place, "target"), {
      limits: defaultLimits,
    });
    await expect(extracting).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
    expect(readFileSync(join(place, "target", "a"), "utf8")).toBe("mine");
  }
});

describe("a zip archive", () => {
  test("is unpacked", async () => {
    const { code, links, files, target } = await extract(
      zipOf([
        { name: "p/", mode: 0o040755 },
        { name: "p/a.txt", content: "hello" },
        { name: "p/l", content: "a.txt", mode: 0o120777 },
      ]),
    );
    expect({ code, links, files }).toEqual({ code: null, links: ["p/l"], files: ["p", "p/a.txt"] });
    expect(readFileSync(join(target, "p/a.txt"), "utf8")).toBe("hello");
  });

  test.each([
    ["a path with ..", zipOf([{ name: "../evil" }])],
    ["an absolute path", zipOf([{ name: "/evil" }])],
    ["a drive letter", zipOf([{ name: "C:/evil" }])],
    ["a link out", zipOf([{ name: "l", content: "../../evil", mode: 0o120777 }])],
    ["a file below a link", zipOf([{ name: "l", content: "d", mode: 0o120777 }, { name: "l/evil" }])],
    ["the same file twice", zipOf([{ name: "f" }, { name: "f" }])],
    ["a device", zipOf([{ name: "d", mode: 0o020666 }])],
  ])("with %s is refused", async (_what, archive) => {
    expect((await extract(archive)).code).toBe("ARCHIVE_UNSAFE");
  });

  test("that is encrypted, a bomb, or lies about sizes is refused", async () => {
    expect((await extract(zipOf([{ name: "a", isEncrypted: true }]))).code).toBe("SOURCE_NOT_SUPPORTED");
    expect((await extract(zipOf([{ name: "a", content: Buffer.alloc(20_000_000) }]))).code).toBe(
      "ARCHIVE_TOO_LARGE",
    );
    expect((await extract(zipOf([{ name: "a", content: Buffer.alloc(1_000_000), size: 10 }]))).code).toBe(
      "ARCHIVE_CORRUPT",
    );
  });
});

test.each([
  ["bzip2", "BZh91AY"],
  ["xz", "\u00fd7zXZ\0"],
  ["zstd", "(\u00b5/\u00fd"],
  ["7-Zip", "7z\u00bc\u00af"],
])("%s is refused by name, with what to do instead", async (kind, head) => {
  const outcome = await extract(Buffer.from(head.padEnd(600, "."), "latin1"));
  expect(outcome.code).toBe("SOURCE_NOT_SUPPORTED");
  expect(outcome.message).toContain(`is compressed with ${kind}`);
  expect(outcome.message).toContain("repack it as .tar.gz");
});
