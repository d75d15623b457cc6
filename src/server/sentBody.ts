import type { ServerResponse } from "node:http";
import { AnswerText } from "../repositories/answerText.ts";

/** A response's body: text, bytes, or pieces that are put together when it is sent. */
export type Body = string | Buffer | AnswerText;

/**
 * The longest text that is sent as a string, in characters. Node sends a short string faster than bytes,
 * because it goes out in one piece with the head. It would write a long one into newly allocated memory each
 * time, which takes as long as all the rest of a response.
 */
export const MAX_TEXT_LENGTH = 16_384;

const MAX_BUFFER_BYTES = 1_048_576;
const MAX_FREE_BYTES = 8_388_608;

/**
 * Free buffers, by their size, a power of two. A new buffer for each response would be memory outside of V8's
 * heap: for every 64 MB of that, V8 marks all of its heap.
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

/** Length in UTF-8. */
export const byteLengthOf = (body: Body): number =>
  body instanceof AnswerText ? body.byteLength : Buffer.byteLength(body);

/**
 * Calls `look` with the body's text or bytes. Bytes that are put together for this are valid during the call alone.
 */
export function lookAt<Result>(body: Body, look: (bytes: string | Buffer) => Result): Result {
  if (!(body instanceof AnswerText)) return look(body);
  const buffer = take(body.byteLength);
  const result = look(body.copyTo(buffer));
  give(buffer);
  return result;
}

/** Sends the body and ends the response. The head already has the length. */
export function endWith(res: ServerResponse, body: Body, byteLength: number): void {
  if (Buffer.isBuffer(body) || (typeof body === "string" && body.length <= MAX_TEXT_LENGTH)) {
    res.end(body);
    return;
  }
  const buffer = take(byteLength);
  if (typeof body === "string") buffer.write(body);
  else body.copyTo(buffer);
  // The callback runs when the system has taken the bytes. If the client goes away before that, it does not
  // run, and the buffer is left to the garbage collector.
  res.end(buffer.subarray(0, byteLength), () => give(buffer));
}
