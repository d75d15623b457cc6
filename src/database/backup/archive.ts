import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { decrypted, encrypted } from "./encryption.ts";
import { BackupError } from "./error.ts";
import type { Manifest } from "./manifest.ts";

export interface WrittenArchive {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Writes a file that appears as a whole or not at all: it is written under another name, and renamed once the
 * disk has it. Readable by this user alone (0600).
 */
export async function writeArchive(
  path: string,
  source: Readable,
  { key, onBytes = () => {} }: { key: string | undefined; onBytes?: (bytes: number) => void },
): Promise<WrittenArchive> {
  const hash = createHash("sha256");
  let bytes = 0;
  await replaceFile(path, async (file) => {
    for await (const chunk of key === undefined ? source : await encrypted(source, key)) {
      // Safe: no stream here has an encoding, so chunks are bytes.
      const data = chunk as Uint8Array;
      hash.update(data);
      await file.writeFile(data);
      bytes += data.length;
      onBytes(bytes);
    }
  });
  return { bytes, sha256: hash.digest("hex") };
}

export async function writeWhole(path: string, text: string): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(text));
}

async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const partial = `${path}.partial`;
  const file = await open(partial, "w", 0o600);
  try {
    await write(file);
    await file.sync();
    await file.close();
    await rename(partial, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(partial, { force: true });
    throw error;
  }
  // So that the new name outlives a power failure too. Not every system supports this.
  const folder = await open(dirname(path), "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

/**
 * Opens the archive's content. All of it is compared with the manifest before any of it is handed out.
 *
 * @throws BackupError `BACKUP_CORRUPT`, `BACKUP_NOT_FOUND`, `BACKUP_KEY_MISSING`, `BACKUP_KEY_WRONG`
 */
export async function openArchive(
  directory: string,
  manifest: Manifest,
  key: string | undefined,
  onBytes: (bytes: number) => void = () => {},
): Promise<Readable> {
  const path = join(directory, manifest.file);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of chunksOf(path)) {
    hash.update(chunk);
    bytes += chunk.length;
    onBytes(bytes);
  }
  if (bytes !== manifest.bytes)
    throw new BackupError(
      "BACKUP_CORRUPT",
      `${path} has ${bytes} bytes, its manifest says ${manifest.bytes}: it was cut off, or is another one.`,
    );
  if (hash.digest("hex") !== manifest.sha256)
    throw new BackupError("BACKUP_CORRUPT", `${path} was changed: its SHA-256 is not the manifest's.`);
  const stored = createReadStream(path);
  return manifest.isEncrypted ? decrypted(stored, key) : stored;
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path);
  } catch (cause) {
    throw new BackupError("BACKUP_NOT_FOUND", `The archive ${path} cannot be read.`, cause);
  }
}
