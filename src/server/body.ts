import type { IncomingMessage } from "node:http";

/** Why there is no body: it is longer than the limit, or the client went away in the middle of it. */
export type BodyFailure = "too-long" | "aborted";

const EMPTY = Buffer.alloc(0);

/**
 * The body, if all of it has arrived with the head, as a short one does. It is buffered in the request then,
 * and reading it needs neither events nor a promise. Call this once, after the parser has returned (from
 * `process.nextTick` on).
 *
 * @returns undefined when there is more to come, or more than `maxBytes`: see `readBody`
 */
export function bodyAtHand(req: IncomingMessage, maxBytes: number): Buffer | undefined {
  if (!req.complete || req.readableLength > maxBytes) return undefined;
  // Null: no body. Safe: no encoding was set, so it is a buffer.
  return (req.read() as Buffer | null) ?? EMPTY;
}

/** Reads the body. Checks the announced length before it reads a byte, and the real length as the bytes come in. */
export async function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer | BodyFailure> {
  if (Number(req.headers["content-length"] ?? 0) > maxBytes) return "too-long";
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of req as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) return "too-long";
      chunks.push(chunk);
    }
  } catch {
    return "aborted";
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/**
 * A body that was read already, in the form of a Blob. Yoga's HTTP layer would take the buffer itself, but first
 * asks for its properties (`Object.keys`). Those of a buffer are all of its indexes, so a body of one megabyte
 * kept the process busy for a second.
 */
export class ReadBody {
  readonly size: number;
  readonly type = "";
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.size = bytes.byteLength;
  }

  get [Symbol.toStringTag](): string {
    return "Blob";
  }

  async buffer(): Promise<Buffer> {
    return this.#bytes;
  }

  stream(): ReadableStream {
    return new Blob([new Uint8Array(this.#bytes)]).stream();
  }
}
