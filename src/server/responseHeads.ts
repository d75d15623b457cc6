import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { LRUCache } from "lru-cache";

/**
 * Clients choose what they accept and which origin they name, so only this many kinds of requests are told apart.
 */
const MAX_HEADS = 1_000;
/**
 * The longest name under which a head is kept, in characters. It consists of request headers, and no browser
 * and no library sends longer ones.
 */
const MAX_NAME_LENGTH = 1_000;

/** Headers that belong to one answer alone, so they are not learned. */
const OWN_HEADERS = new Set([
  "x-request-id",
  "date",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "cache-status",
  "etag",
  "ratelimit",
  "ratelimit-policy",
  "strict-transport-security",
]);

/** The headers that an answer has whoever sends the request and whatever is in it: names and values, alternating. */
export function sharedHeaders(headers: OutgoingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    OWN_HEADERS.has(name) ? [] : [name, String(value)],
  );
}

/** The headers of a response that has no such body: without `content-type`, and without those in `others`. */
export function withoutContentType(headers: readonly string[], others: readonly string[] = []): string[] {
  const left: string[] = [];
  eachHeader(headers, (name, value) => {
    if (name !== "content-type" && !others.includes(name)) left.push(name, value);
  });
  return left;
}

/** Visits each header. Alternating names and values are one allocation; pairs would be one for each. */
export function eachHeader(
  headers: readonly string[],
  visit: (name: string, value: string) => unknown,
): void {
  for (let index = 0; index < headers.length; index += 2) visit(headers[index]!, headers[index + 1]!);
}

/**
 * The heads of answers, by what they depend on: the request's `Accept`, `Content-Type` and `Origin`, and
 * whether the answer may be kept. They are learned from answers of Yoga, which decides on types and origins.
 */
export function createResponseHeads() {
  const heads = new LRUCache<string, readonly string[]>({ max: MAX_HEADS });

  const nameOf = ({ headers }: IncomingMessage, isKept: boolean): string =>
    // Header values have no line breaks.
    `${isKept}\n${headers.accept}\n${headers["content-type"]}\n${headers.origin}`;

  return {
    of: (req: IncomingMessage, isKept: boolean) => heads.get(nameOf(req, isKept)),
    learn(req: IncomingMessage, isKept: boolean, headers: OutgoingHttpHeaders): void {
      const name = nameOf(req, isKept);
      if (name.length <= MAX_NAME_LENGTH && !heads.has(name)) heads.set(name, sharedHeaders(headers));
    },
  };
}
