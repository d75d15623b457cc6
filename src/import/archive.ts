import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Header, Parser, type ReadEntry } from "tar";
import { aborted, ImportError, systemCode, throwIfAborted } from "./error.ts";
import { readHead, withPlainFile } from "./file.ts";
import { createFileWriter, type FileWriter } from "./fileWriter.ts";
import { bomb, createLedger, type Ledger } from "./ledger.ts";
import { ratioGraceBytes } from "./limits.ts";
import type { ReadOptions } from "./progress.ts";
import { extractZip } from "./zip.ts";

/** Files that are written at the same time. */
const filesInFlight = 32;
/** The largest file that is buffered whole. All files in flight together hold at most 32 MiB. */
const bufferedBytes = 1_048_576;

type Format = "tar" | "gzip" | "zip";

/**
 * Unpacks a .tar, .tar.gz or .zip into an empty folder. Only plain files are written, with the folders that
 * hold them. Symbolic links are left out if they stay inside the folder. Links that lead out, hard links and
 * all other kinds of entry are refused. The archive's modes and owners are ignored.
 * @returns the paths of the links that were left out.
 * @throws ImportError `ARCHIVE_UNSAFE`, `ARCHIVE_TOO_LARGE`, `ARCHIVE_CORRUPT`, `SOURCE_NOT_SUPPORTED`,
 *   `ABORTED`. The caller removes what was written so far.
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

/** Judges by the content, because a file's name says little about its format. */
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
  let failure: { readonly error: unknown } | null = null;
  const unpack = async (chunks: AsyncIterable<Buffer>) => {
    const writer = createFileWriter(folder, ledger, (error) => parser.fail(error));
    const parser = createParser(ledger, writer);
    let unpackedBytes = 0;
    let head = Buffer.alloc(0);
    try {
      for await (const chunk of chunks) {
        throwIfAborted(signal);
        if (head.length < 512) {
          head = Buffer.concat([head, chunk.subarray(0, 512)]);
          // The library would also undo a second compression inside the first, unseen by the ratio check
          // below.
          if (head.length >= 512 && !isTarHeader(head)) throw noTar(file);
        }
        unpackedBytes += chunk.length;
        if (unpackedBytes > Math.max(ratioGraceBytes, packedBytes * limits.maxCompressionRatio)) {
          throw bomb(limits.maxCompressionRatio);
        }
        await parser.write(chunk);
        await writer.settle(filesInFlight);
      }
      if (head.length < 512) throw noTar(file);
      await parser.end();
    } catch (error) {
      parser.stop();
      failure ??= { error };
      throw error;
    } finally {
      // The caller removes the folder after a failure. That must not race with a write.
      await writer.settle(1);
    }
    writer.check();
  };
  // An abort makes pipeline reject at once, while files are still being written.
  let unpacking: Promise<void> = Promise.resolve();
  const sink = (chunks: AsyncIterable<Buffer>) => {
    unpacking = unpack(chunks);
    return unpacking;
  };
  const stop = signal ? { signal } : {};
  try {
    if (options.isGzip) await pipeline(source, createGunzip(), sink, stop);
    else await pipeline(source, sink, stop);
  } catch (error) {
    await unpacking.catch(() => {});
    // Leaving the loop closes gunzip early, and pipeline reports that instead of the cause.
    throw (failure as { readonly error: unknown } | null)?.error ?? error;
  }
}

/**
 * Wraps tar's parser in promises. `strict` turns its warnings (bad checksums, cut-off entries) into errors.
 * Each entry goes through the ledger before any of its bytes is read.
 */
function createParser(ledger: Ledger, writer: FileWriter) {
  let broken: { readonly error: unknown } | null = null;
  let wake: () => void = () => {};
  const fail = (error: unknown) => {
    broken ??= { error };
    wake();
  };
  let current: ReadEntry | null = null;
  const parser = new Parser({
    strict: true,
    // Decompression happens before the parser, where the ratio is checked.
    brotli: false,
    zstd: false,
    onReadEntry: (entry) => {
      current = entry;
      if (broken) return void entry.resume();
      try {
        const path = admit(entry, ledger);
        if (path === null) entry.resume();
        else if (entry.size > bufferedBytes) writer.add(path, streamed(entry));
        else writer.add(path, buffered(entry));
      } catch (error) {
        fail(error);
        entry.resume();
      }
    },
  });
  parser.on("error", fail);
  let hasEnded = false;
  parser.on("end", () => {
    hasEnded = true;
    wake();
  });
  const until = async (isDone: () => boolean) => {
    while (broken === null && !isDone()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    // TypeScript does not see that the callbacks assign it.
    const failed = broken as { readonly error: unknown } | null;
    if (failed) throw failed.error;
  };
  return {
    async write(chunk: Buffer): Promise<void> {
      let isTaken = parser.write(chunk);
      if (!isTaken)
        parser.once("drain", () => {
          isTaken = true;
          wake();
        });
      await until(() => isTaken);
    },
    async end(): Promise<void> {
      parser.end();
      await until(() => hasEnded);
    },
    fail,
    /** Ends the entry that is being read. It gets no more data, so its writer would wait for ever. */
    stop(): void {
      // Without an error: if nothing listens for it yet, it would end the process.
      current?.destroy();
    },
  };
}

/** Reads the whole entry into memory, so that the parser can go on while the file is written. */
function buffered(entry: ReadEntry): AsyncIterable<Uint8Array> {
  const content = entry.concat();
  content.catch(() => {});
  return (async function* () {
    yield await content;
  })();
}

/**
 * Reads an entry chunk by chunk. The library's own iterator waits for ever if the entry was destroyed before
 * the iterator asked for the next chunk.
 */
async function* streamed(entry: ReadEntry): AsyncGenerator<Uint8Array> {
  const chunks = entry[Symbol.asyncIterator]();
  for (;;) {
    if (entry.destroyed) throw new Error("The archive was given up.");
    const next = await chunks.next();
    if (next.done) return;
    yield next.value;
  }
}

/** The path to write to, or null for an entry that is not written. */
function admit(entry: ReadEntry, ledger: Ledger): string | null {
  switch (entry.type) {
    case "File":
    case "OldFile":
    case "ContiguousFile":
      return ledger.addFile(entry.path, entry.size);
    case "Directory":
    case "GNUDumpDir":
      ledger.addFolder(entry.path);
      return null;
    case "SymbolicLink":
      ledger.addLink(entry.path, entry.linkpath ?? "");
      return null;
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
