import type { ServerResponse } from "node:http";
import { AnswerText } from "../repositories/answerText.ts";

/** A response's body: text, bytes, or pieces that are put together when it is sent. */
export type Body = string | Buffer | AnswerText;

/**
 * Node sends a short text faster than bytes, for it goes out in one piece with the head. A long one it would write into memory of its
 * own each time, which takes as long as all the rest of a response.
 */
export const MAX_TEXT_LENGTH = 16_384;

const MAX_BUFFER_BYTES = 1_048_576;
const MAX_FREE_BYTES = 8_388_608;

/**
 * Buffers that no response uses now, by their size, a power of two. A new one for each response would be memory that is not V8's own:
 * every 64 MB of such, it looks through all of its heap.
 */
const free = new Map<number, Buffer[]>();
let freeBytes = 0;

function take(byteLength: number): Buffer {
  const size = 2 ** Math.ceil(Math.log2(byteLength));
  const found = free.get(size)?.pop();
  if (found === undefined) return Buffer.allocUnsafeSlow(byteLength > MAX_BUFFER_BYTES ? byteLength : size);
  freeBytes -= size;
  return found;
}

function give(buffer: Buffer): void {
  const { byteLength } = buffer;
  if (byteLength > MAX_BUFFER_BYTES || freeBytes + byteLength > MAX_FREE_BYTES) return;
  freeBytes += byteLength;
  const others = free.get(byteLength);
  if (others === undefined) free.set(byteLength, [buffer]);
  else others.push(buffer);
}

/** In UTF-8. */
export const byteLengthOf = (body: Body): number =>
  body instanceof AnswerText ? body.byteLength : Buffer.byteLength(body);

/** Gives a look at its bytes, or at the text that they are of. */
export function lookAt<Result>(body: Body, look: (bytes: string | Buffer) => Result): Result {
  if (!(body instanceof AnswerText)) return look(body);
  const buffer = take(body.byteLength);
  const result = look(body.copyTo(buffer));
  give(buffer);
  return result;
}

/** Ends a response, whose head has the length already. */
export function endWith(res: ServerResponse, body: Body, byteLength: number): void {
  if (Buffer.isBuffer(body) || (typeof body === "string" && body.length <= MAX_TEXT_LENGTH)) {
    res.end(body);
    return;
  }
  const buffer = take(byteLength);
  if (typeof body === "string") buffer.write(body);
  else body.copyTo(buffer);
  // Called when the system has it. When the client has gone before that, it is not, and the buffer is nobody's any more.
  res.end(buffer.subarray(0, byteLength), () => give(buffer));
}
