import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { ImportError, throwIfAborted } from "./error.ts";
import { bomb, type Ledger } from "./ledger.ts";
import { ratioGraceBytes } from "./limits.ts";
import type { ReadOptions } from "./progress.ts";

// The upper half of a zip entry's external attributes is a Unix mode, if a Unix made it.
const unixSystem = 3;
const typeMask = 0o170000;
const plainFile = 0o100000;
const folderType = 0o040000;
const linkType = 0o120000;

/** A link's target is its content; a longer one is none. */
const maxTargetBytes = 4_096;

/**
 * Unpacks a zip. The library checks each entry's size while it inflates, and names: what it
 * refuses of those is reported as unsafe.
 */
export async function extractZip(
  file: string,
  folder: string,
  ledger: Ledger,
  options: ReadOptions,
): Promise<void> {
  const { limits, signal, onProgress } = options;
  const zip = await openPromise(file, { lazyEntries: true, autoClose: false });
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
        const path = join(folder, ledger.addFile(entry.fileName, entry.uncompressedSize));
        unpackedBytes += entry.uncompressedSize;
        if (unpackedBytes > Math.max(ratioGraceBytes, zip.fileSize * limits.maxCompressionRatio)) {
          throw bomb(limits.maxCompressionRatio);
        }
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        // "wx": nothing that is already there is ever written to, whatever the file system makes of two names.
        const target = createWriteStream(path, { flags: "wx", mode: 0o600 });
        await pipeline(await zip.openReadStreamPromise(entry), target, signal ? { signal } : {});
      } else {
        ledger.refuse(entry.fileName, "is a device or a pipe");
      }
      onProgress?.({ phase: "extract", done: zip.entriesRead, total: zip.entryCount });
    }
  } finally {
    zip.close();
  }
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  try {
    yield* zip.eachEntry();
  } catch (error) {
    // The library has no codes. These are its three complaints about a name.
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
