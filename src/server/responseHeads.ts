import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { LRUCache } from "lru-cache";

/** Clients choose what they accept and where they say that they come from: so many sorts of requests are told apart. */
const MAX_HEADS = 1_000;
/** Of what they depend on; longer ones are no browser's and no library's. */
const MAX_NAME_LENGTH = 1_000;

/** Of each answer alone, so never learned. */
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

/** What a request's answer has above it, whoever sends it and whatever is in it: names and values in turn. */
export function sharedHeaders(headers: OutgoingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    OWN_HEADERS.has(name) ? [] : [name, String(value)],
  );
}

/** What is said of an answer's text is not said where there is none, and neither is what `others` names. */
export function withoutContentType(headers: readonly string[], others: readonly string[] = []): string[] {
  const left: string[] = [];
  eachHeader(headers, (name, value) => {
    if (name !== "content-type" && !others.includes(name)) left.push(name, value);
  });
  return left;
}

/** Names and values in turn are one allocation; pairs would be one for each. */
export function eachHeader(
  headers: readonly string[],
  visit: (name: string, value: string) => unknown,
): void {
  for (let index = 0; index < headers.length; index += 2) visit(headers[index]!, headers[index + 1]!);
}

/**
 * The heads of answers, by what they depend on: what the client accepts, how it sends, which origin it is of, and whether the answer may
 * be kept. They are learned from answers of Yoga, which decides on types and origins.
 */
export function createResponseHeads() {
  const heads = new LRUCache<string, readonly string[]>({ max: MAX_HEADS });

  const nameOf = ({ headers }: IncomingMessage, isKept: boolean): string =>
    // Header values have no line ends.
    `${isKept}\n${headers.accept}\n${headers["content-type"]}\n${headers.origin}`;

  return {
    of: (req: IncomingMessage, isKept: boolean) => heads.get(nameOf(req, isKept)),
    learn(req: IncomingMessage, isKept: boolean, headers: OutgoingHttpHeaders): void {
      const name = nameOf(req, isKept);
      if (name.length <= MAX_NAME_LENGTH && !heads.has(name)) heads.set(name, sharedHeaders(headers));
    },
  };
}
