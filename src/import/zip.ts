import { basename } from "node:path";
import type { Readable } from "node:stream";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { ImportError, throwIfAborted } from "./error.ts";
import { createFileWriter } from "./fileWriter.ts";
import { bomb, type Ledger } from "./ledger.ts";
import { ratioGraceBytes } from "./limits.ts";
import type { ReadOptions } from "./progress.ts";

// The upper half of a zip entry's external attributes is a Unix mode, if the entry was made on Unix.
const unixSystem = 3;
const typeMask = 0o170000;
const plainFile = 0o100000;
const folderType = 0o040000;
const linkType = 0o120000;

/** Each file inflates into a buffer of its own, of 64 KiB. */
const filesInFlight = 16;

/** A link's target is the entry's content. A longer one is not a real target. */
const maxTargetBytes = 4_096;

/**
 * Unpacks a zip. The library checks each entry's size while it inflates, and each entry's name. A name that
 * the library refuses is reported as `ARCHIVE_UNSAFE`.
 */
export async function extractZip(
  file: string,
  folder: string,
  ledger: Ledger,
  options: ReadOptions,
): Promise<void> {
  const { limits, signal, onProgress } = options;
  const zip = await openPromise(file, { lazyEntries: true, autoClose: false });
  const writer = createFileWriter(folder, ledger);
  let unpackedBytes = 0;
  try {
    for await (const entry of entriesOf(zip)) {
      throwIfAborted(signal);
      if (entry.isEncrypted()) {
        throw new ImportError(
          "SOURCE_NOT_SUPPORTED",
          `"${basename(file)}" is encrypted. Unpack it and name the folder.`,
        );
      }
      const type = typeOf(entry);
      if (type === "folder") {
        ledger.addFolder(entry.fileName);
      } else if (type === "link") {
        if (entry.uncompressedSize > maxTargetBytes) ledger.refuse(entry.fileName, "is a link without end");
        ledger.addLink(entry.fileName, await readTarget(await zip.openReadStreamPromise(entry)));
      } else if (type === "file") {
        const path = ledger.addFile(entry.fileName, entry.uncompressedSize);
        unpackedBytes += entry.uncompressedSize;
        if (unpackedBytes > Math.max(ratioGraceBytes, zip.fileSize * limits.maxCompressionRatio)) {
          throw bomb(limits.maxCompressionRatio);
        }
        const content = await zip.openReadStreamPromise(entry);
        // The stream may fail while the writer still makes the folder and does not listen yet. The writer
        // gets the error when it reads.
        content.on("error", () => {});
        writer.add(path, content);
        await writer.settle(filesInFlight);
        writer.check();
      } else {
        ledger.refuse(entry.fileName, "is a device or a pipe");
      }
      onProgress?.({ phase: "extract", done: zip.entriesRead, total: zip.entryCount });
    }
  } finally {
    // The caller removes the folder after a failure. That must not race with a write.
    await writer.settle(1);
    zip.close();
  }
  writer.check();
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  try {
    yield* zip.eachEntry();
  } catch (error) {
    // The library's errors have no codes. These are its three messages about names.
    if (
      error instanceof Error &&
      /^(absolute path|invalid relative path|invalid characters in fileName)/.test(error.message)
    ) {
      throw new ImportError(
        "ARCHIVE_UNSAFE",
        `The archive has an entry that would leave the folder (${error.message}). Nothing of it was kept.`,
        error,
      );
    }
    throw error;
  }
}

function typeOf(entry: Entry): "file" | "folder" | "link" | "other" {
  if (entry.fileName.endsWith("/")) return "folder";
  const mode =
    entry.versionMadeBy >>> 8 === unixSystem ? (entry.externalFileAttributes >>> 16) & typeMask : 0;
  if (mode === linkType) return "link";
  if (mode === folderType) return "folder";
  return mode === 0 || mode === plainFile ? "file" : "other";
}

async function readTarget(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}
