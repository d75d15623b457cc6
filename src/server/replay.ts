import type { IncomingMessage, ServerResponse } from "node:http";
import { LRUCache } from "lru-cache";
import type { Viewer } from "../auth/viewer.ts";
import type { CoherentStore } from "../coherence/store.ts";
import { explained, type KeptResponse, RESPONSE_KIND, type ResponseOutcome } from "./cachedResponse.ts";
import { cacheStatus, hasContent } from "./conditional.ts";
import { operationIn, type RequestCount } from "./requestedOperation.ts";
import type { Sampler } from "./sampler.ts";

export interface ReplayOptions {
  readonly store: Pick<CoherentStore, "lookUp">;
  /** Of the requests that are remembered, in bytes. */
  readonly maxBytes: number;
  /** Adds `extensions.responseCache` to every answer. */
  readonly isExplained: boolean;
  /** Compares hits with the database. */
  readonly sampler: Sampler;
}

/** What a request led to the last time. */
interface Remembered {
  /** The answer's name in the coherent store. */
  readonly responseKey: string;
  /** What was sent above it, names and values in turn, without what is each response's own. */
  readonly headers: readonly string[];
  readonly viewer: Viewer | null;
  /** How often it was sent since `takeCounts` was called last. */
  requests: number;
}

/** Longer requests are rarely sent twice, and take their memory from many short ones. */
const MAX_REQUEST_LENGTH = 16_384;
/** About what an entry takes beside its texts. */
const ENTRY_BYTES = 300;

/** In the place of a header that was not sent: no header can have it. */
const NONE = "\0";

/** Written anew for every response. */
const OWN_HEADERS = new Set([
  "x-request-id",
  "date",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "cache-status",
  "etag",
]);

export type Replay = ReturnType<typeof createReplay>;

/**
 * Answers a query that was sent before, byte for byte the same, without parsing, validating or
 * executing it: in front of Yoga.
 *
 * It keeps no answers. It remembers to which answer in the coherent store a request's bytes led, and the
 * store says whether that one is still right. Only answers of the response cache are remembered, so neither mutations
 * and subscriptions nor anything that was refused can be replayed.
 */
export function createReplay({ store, maxBytes, isExplained, sampler }: ReplayOptions) {
  const remembered = new LRUCache<string, Remembered>({
    maxSize: maxBytes,
    sizeCalculation: ({ responseKey, headers }, key) =>
      ENTRY_BYTES + key.length + responseKey.length + headers.reduce((sum, part) => sum + part.length, 0),
  });

  let hits = 0;
  let misses = 0;

  /** Everything in a request that the answer depends on. Undefined: it is none to remember. */
  function nameOf({ method, url, headers }: IncomingMessage, body: Buffer): string | undefined {
    if (body.length + url!.length > MAX_REQUEST_LENGTH || headers["content-encoding"] !== undefined)
      return undefined;
    const {
      accept = NONE,
      "content-type": contentType = NONE,
      origin = NONE,
      authorization = NONE,
    } = headers;
    // Header values have no line ends; the body, which may, comes last.
    return `${method} ${url}\n${accept}\n${contentType}\n${origin}\n${authorization}\n${body.toString("latin1")}`;
  }

  function send(
    req: IncomingMessage,
    res: ServerResponse,
    requestId: string,
    found: Remembered,
    kept: KeptResponse,
    tags: readonly string[],
  ) {
    const own = ["x-request-id", requestId, "etag", kept.etag, "cache-status", cacheStatus("hit", kept)];
    if (hasContent(req.headers["if-none-match"], kept.etag)) {
      res.writeHead(304, [...own, ...withoutContentType(found.headers)]).end();
      return;
    }
    const text = isExplained ? explained(kept, "hit", tags) : kept.text;
    const length = isExplained ? Buffer.byteLength(text) : kept.byteLength;
    res.writeHead(200, [...own, ...found.headers, "content-length", String(length)]).end(text);
  }

  return {
    nameOf,

    /**
     * Answers the request if it can.
     *
     * @param otherwise called, perhaps later, when it cannot
     */
    answer(
      name: string | undefined,
      req: IncomingMessage,
      res: ServerResponse,
      requestId: string,
      otherwise: () => void,
    ): void {
      const found = name === undefined ? undefined : remembered.get(name);
      if (found === undefined) {
        otherwise();
        return;
      }
      store.lookUp(RESPONSE_KIND, found.responseKey, (entry) => {
        if (entry === undefined) {
          misses++;
          otherwise();
          return;
        }
        hits++;
        found.requests++;
        const kept = entry.value as KeptResponse; // Safe: under such a key the response cache alone keeps something.
        send(req, res, requestId, found, kept, entry.tags);
        if (sampler.isDue()) {
          const { responseKey: key, viewer } = found;
          sampler.take({ key, kept, tags: entry.tags, viewer }, () => operationIn(name!));
        }
      });
    },

    /** The request has been answered by Yoga. */
    remember(
      name: string | undefined,
      res: ServerResponse,
      { key, kept }: ResponseOutcome,
      viewer: Viewer | null,
    ): void {
      if (name === undefined || key === undefined || kept === undefined || res.statusCode !== 200) return;
      const headers = Object.entries(res.getHeaders()).flatMap(([header, value]) =>
        OWN_HEADERS.has(header) ? [] : [header, String(value)],
      );
      const requests = (remembered.peek(name)?.requests ?? 0) + 1;
      remembered.set(name, { responseKey: key, headers, viewer, requests });
    },

    /** Which requests were sent since the last call, and how often. */
    takeCounts(): RequestCount[] {
      const counts: RequestCount[] = [];
      for (const [name, found] of remembered.entries()) {
        if (found.requests > 0) counts.push({ name, viewer: found.viewer, requests: found.requests });
        found.requests = 0;
      }
      return counts;
    },

    statistics: () => ({ requests: remembered.size, bytes: remembered.calculatedSize, hits, misses }),

    resetStatistics(): void {
      hits = misses = 0;
    },
  };
}

function withoutContentType(headers: readonly string[]): string[] {
  const left: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] !== "content-type") left.push(headers[index]!, headers[index + 1]!);
  }
  return left;
}
