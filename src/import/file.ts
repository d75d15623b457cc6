import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

// O_NOFOLLOW: a file that became a link since it was listed is not read. O_NONBLOCK: a file that became a
// FIFO does not block a thread of the pool for ever. Windows has neither constant.
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Opens a plain file for reading, never through a link, and closes it again. */
export async function withPlainFile<Result>(
  path: string,
  use: (file: FileHandle, sizeBytes: number) => Promise<Result>,
): Promise<Result> {
  const file = await open(path, flags);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error(`Expected a plain file at "${path}".`);
    return await use(file, stats.size);
  } finally {
    await file.close();
  }
}

/** The first bytes of a file, at most `length`. */
export async function readHead(file: FileHandle, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/**
 * The content of a text file, without its byte order mark. Null if the file is missing, unreadable, not a
 * plain file, or larger than `maxBytes`.
 */
export async function readText(path: string, maxBytes: number): Promise<string | null> {
  try {
    return await withPlainFile(path, async (file, sizeBytes) => {
      if (sizeBytes > maxBytes) return null;
      const text = (await readHead(file, sizeBytes)).toString("utf8");
      return text.startsWith("\uFEFF") ? text.slice(1) : text;
    });
  } catch {
    // Missing or unreadable. The walk reports unreadable files, and callers use the content only as a hint.
    return null;
  }
}
