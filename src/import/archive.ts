import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Header, type ReadEntry, Unpack } from "tar";
import { aborted, ImportError, systemCode, throwIfAborted } from "./error.ts";
import { readHead, withPlainFile } from "./file.ts";
import { bomb, createLedger, type Ledger } from "./ledger.ts";
import { ratioGraceBytes } from "./limits.ts";
import type { ReadOptions } from "./progress.ts";
import { extractZip } from "./zip.ts";

type Format = "tar" | "gzip" | "zip";

/**
 * Unpacks a .tar, .tar.gz or .zip into an empty folder. Plain files only: folders come with them,
 * links are judged and left out, all else is refused. Modes and owners of the archive are ignored.
 * @returns the paths of the links that were left out.
 * @throws ImportError `ARCHIVE_UNSAFE`, `ARCHIVE_TOO_LARGE`, `ARCHIVE_CORRUPT`,
 *   `SOURCE_NOT_SUPPORTED`, `ABORTED`. What was written so far is the caller's to remove.
 */
export async function extractArchive(
  file: string,
  folder: string,
  options: ReadOptions,
): Promise<{ links: readonly string[] }> {
  const { limits, signal } = options;
  const { size } = await stat(file);
  if (size > limits.maxDownloadBytes) {
    throw new ImportError(
      "ARCHIVE_TOO_LARGE",
      `The archive has ${size} bytes, more than ${limits.maxDownloadBytes}. Pack less, or raise maxDownloadBytes.`,
    );
  }
  const format = await formatOf(file);
  const ledger = createLedger(limits);
  try {
    if (format === "zip") await extractZip(file, folder, ledger, options);
    else await extractTar(file, folder, ledger, { ...options, isGzip: format === "gzip", packedBytes: size });
  } catch (error) {
    if (error instanceof ImportError) throw error;
    if (signal?.aborted) throw aborted(signal.reason);
    if (systemCode(error) === "ENOSPC") throw error;
    throw corrupt(file, error);
  }
  return { links: ledger.links() };
}

/** By the content: what a file is called says little about what it is. */
async function formatOf(file: string): Promise<Format> {
  const head = await withPlainFile(file, (handle) => readHead(handle, 512));
  const begins = (...bytes: number[]) => bytes.every((byte, index) => head[index] === byte);
  const unsupported = (kind: string) =>
    new ImportError(
      "SOURCE_NOT_SUPPORTED",
      `"${basename(file)}" is compressed with ${kind}, which is not read. Unpack it and name the folder, or repack it as .tar.gz.`,
    );
  if (begins(0x1f, 0x8b)) return "gzip";
  if (begins(0x50, 0x4b, 0x03, 0x04) || begins(0x50, 0x4b, 0x05, 0x06)) return "zip";
  if (begins(0x42, 0x5a, 0x68)) throw unsupported("bzip2");
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a)) throw unsupported("xz");
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) throw unsupported("zstd");
  if (begins(0x37, 0x7a, 0xbc, 0xaf)) throw unsupported("7-Zip");
  if (isTarHeader(head)) return "tar";
  throw new ImportError(
    "SOURCE_NOT_SUPPORTED",
    `"${basename(file)}" is no archive that is read: expected .tar, .tar.gz, .tgz or .zip, a folder, or a git URL.`,
  );
}

function isTarHeader(block: Buffer): boolean {
  if (block.length < 512) return false;
  const header = new Header(block, 0);
  return header.cksumValid || header.nullBlock;
}

async function extractTar(
  file: string,
  folder: string,
  ledger: Ledger,
  options: ReadOptions & { readonly isGzip: boolean; readonly packedBytes: number },
): Promise<void> {
  const { limits, packedBytes, signal, onProgress } = options;
  let readBytes = 0;
  const source = createReadStream(file, { highWaterMark: 262_144 });
  source.on("data", (chunk) => {
    readBytes += chunk.length;
    onProgress?.({
      phase: "extract",
      done: readBytes,
      total: packedBytes,
      note: `${ledger.entries()} entries`,
    });
  });
  const sink = async (chunks: AsyncIterable<Buffer>) => {
    const unpacker = createUnpacker(folder, ledger);
    let unpackedBytes = 0;
    let head = Buffer.alloc(0);
    for await (const chunk of chunks) {
      throwIfAborted(signal);
      if (head.length < 512) {
        head = Buffer.concat([head, chunk.subarray(0, 512)]);
        // A second compression inside the first would be undone by the library, past our measure of the ratio.
        if (head.length >= 512 && !isTarHeader(head)) throw noTar(file);
      }
      unpackedBytes += chunk.length;
      if (unpackedBytes > Math.max(ratioGraceBytes, packedBytes * limits.maxCompressionRatio)) {
        throw bomb(limits.maxCompressionRatio);
      }
      await unpacker.write(chunk);
    }
    if (head.length < 512) throw noTar(file);
    await unpacker.end();
  };
  const stop = signal ? { signal } : {};
  if (options.isGzip) await pipeline(source, createGunzip(), sink, stop);
  else await pipeline(source, sink, stop);
}

/**
 * tar's extractor as something to await. `strict` makes its warnings (bad checksums, cut-off
 * entries, parents that are links) errors. The filter runs before anything of an entry is written.
 */
function createUnpacker(folder: string, ledger: Ledger) {
  let failed: (error: unknown) => void = () => {};
  const failure = new Promise<never>((_resolve, reject) => {
    failed = reject;
  });
  // Rejected while nobody waits; the next write or end reports it.
  failure.catch(() => {});
  let isBroken = false;
  const unpack = new Unpack({
    cwd: folder,
    strict: true,
    preserveOwner: false,
    noMtime: true,
    maxDepth: Number.POSITIVE_INFINITY,
    filter: (_path, entry) => {
      if (isBroken) return false;
      try {
        return admit(entry as ReadEntry, ledger);
      } catch (error) {
        isBroken = true;
        failed(error);
        return false;
      }
    },
  });
  unpack.on("error", failed);
  const closed = new Promise<void>((resolve) => unpack.on("close", () => resolve()));
  return {
    async write(chunk: Buffer): Promise<void> {
      const drained = new Promise<void>((resolve) => unpack.once("drain", () => resolve()));
      await Promise.race([failure, unpack.write(chunk) ? undefined : drained]);
    },
    async end(): Promise<void> {
      unpack.end();
      await Promise.race([failure, closed]);
    },
  };
}

function admit(entry: ReadEntry, ledger: Ledger): boolean {
  switch (entry.type) {
    case "File":
    case "OldFile":
    case "ContiguousFile":
      ledger.addFile(entry.path, entry.size);
      // A file that its own owner may not read would be skipped, a setuid bit has no place here.
      entry.mode = 0o600;
      return true;
    case "Directory":
    case "GNUDumpDir":
      ledger.addFolder(entry.path);
      return false;
    case "SymbolicLink":
      ledger.addLink(entry.path, entry.linkpath ?? "");
      return false;
    case "Link":
      return ledger.refuse(entry.path, "is a hard link");
    default:
      return ledger.refuse(entry.path, `is no file but of the type ${entry.type}`);
  }
}

function noTar(file: string): ImportError {
  return new ImportError(
    "SOURCE_NOT_SUPPORTED",
    `"${basename(file)}" is compressed, but what it holds is no tar archive. Unpack it and name the folder.`,
  );
}

function corrupt(file: string, cause: unknown): ImportError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ImportError(
    "ARCHIVE_CORRUPT",
    `"${basename(file)}" cannot be unpacked: ${why}. It may be cut off; fetch it again.`,
    cause,
  );
}
