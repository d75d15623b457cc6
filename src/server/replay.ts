import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { LRUCache } from "lru-cache";
import { digestOf } from "../auth/apiKey.ts";
import { type Identity, isStill } from "../auth/identity.ts";
import { allTags } from "../coherence/dependencies.ts";
import type { CoherentStore } from "../coherence/store.ts";
import type { Instant } from "../coherence/validator.ts";
import { explained, type KeptResponse, RESPONSE_KIND, type ResponseOutcome } from "./cachedResponse.ts";
import { type ClientAddress, STRICT_TRANSPORT } from "./clientAddress.ts";
import { conditionalHeaders, hasContent } from "./conditional.ts";
import type { Documents } from "./documents.ts";
import { rateHeaders, rateLimited } from "./plugins/rateLimit.ts";
import type { RateDecision, RateLimiter, RateSubject } from "./rateLimiter.ts";
import { operationIn, type RequestCount } from "./requestedOperation.ts";
import { withoutContentType } from "./responseHeads.ts";
import type { Sampler } from "./sampler.ts";
import { byteLengthOf, endWith } from "./sentBody.ts";

export interface ReplayOptions {
  readonly store: Pick<CoherentStore, "lookUp" | "isCurrent">;
  /** An API key was used. */
  readonly onKeyUse?: (id: string) => void;
  /** Of the requests that are remembered, in bytes. */
  readonly maxBytes: number;
  /** Adds `extensions.responseCache` to every answer. */
  readonly isExplained: boolean;
  /** Compares hits with the database. */
  readonly sampler: Sampler;
  readonly rateLimiter: RateLimiter;
  readonly clients: ClientAddress;
  readonly documents: Documents;
}

/** What an answer costs that was given before. */
const REPLAY_COST = 1;

/** What a request led to the last time. */
interface Remembered {
  /** The answer's name in the coherent store. */
  readonly responseKey: string;
  /** What was sent above it, names and values in turn, without what is each response's own. */
  readonly headers: readonly string[];
  readonly identity: Identity;
  /** Whom it is charged to; undefined: the sender's address, or nobody. */
  readonly subject: RateSubject | undefined;
  /** The last instant at which that was known to be so. */
  identifiedAt: Instant | undefined;
  /** How often it was sent since `takeCounts` was called last. */
  requests: number;
}

/** Longer requests are rarely sent twice, and take their memory from many short ones. */
const MAX_REQUEST_LENGTH = 16_384;
/** About what an entry takes beside its texts. */
const ENTRY_BYTES = 300;

/** In the place of a header that was not sent: no header can have it. */
const NONE = "\0";

export type Replay = ReturnType<typeof createReplay>;

/**
 * Answers a query that was sent before, byte for byte the same, without parsing, validating or
 * executing it: in front of Yoga.
 *
 * It keeps no answers. It remembers to which answer in the coherent store a request's bytes led, and the
 * store says whether that one is still right. Only answers of the response cache are remembered, so neither mutations
 * and subscriptions nor anything that was refused can be replayed.
 *
 * Who sent it is remembered with it, and counts while nothing that this depends on has changed and the credential has
 * not run out. Otherwise the request is identified like any other. Of a token there is but the digest, save on its connection.
 */
export function createReplay({
  store,
  onKeyUse,
  maxBytes,
  isExplained,
  sampler,
  rateLimiter,
  clients,
  documents,
}: ReplayOptions) {
  const remembered = new LRUCache<string, Remembered>({
    maxSize: maxBytes,
    sizeCalculation: ({ responseKey, headers }, key) =>
      ENTRY_BYTES + key.length + responseKey.length + headers.reduce((sum, part) => sum + part.length, 0),
  });

  /** What a connection has sent last, and its digest: it sends the same again, and a digest takes longer than to compare. */
  const bearers = new WeakMap<Socket, { readonly authorization: string; readonly digest: string }>();

  let hits = 0;
  let misses = 0;
  /** Of the hits, those whose sender had the answer already. */
  let notModified = 0;
  let refused = 0;

  function bearerOf({ socket, headers: { authorization } }: IncomingMessage): string {
    if (authorization === undefined) return NONE;
    const last = bearers.get(socket);
    if (last?.authorization === authorization) return last.digest;
    const digest = digestOf(authorization);
    bearers.set(socket, { authorization, digest });
    return digest;
  }

  /** Everything in a request that the answer depends on. Undefined: it is none to remember. */
  function nameOf(req: IncomingMessage, body: Buffer): string | undefined {
    const { method, url, headers } = req;
    if (body.length + url!.length > MAX_REQUEST_LENGTH || headers["content-encoding"] !== undefined)
      return undefined;
    const { accept = NONE, "content-type": contentType = NONE, origin = NONE } = headers;
    // Header values have no line ends; the body, which may, comes last.
    return `${method} ${url}\n${accept}\n${contentType}\n${origin}\n${bearerOf(req)}\n${body.toString("latin1")}`;
  }

  function send(
    req: IncomingMessage,
    res: ServerResponse,
    requestId: string,
    found: Remembered,
    kept: KeptResponse,
    tags: () => readonly string[],
    rate: RateDecision | undefined,
  ) {
    const own = conditionalHeaders({ status: "hit", kept });
    own.push("x-request-id", requestId);
    if (rate !== undefined) own.push(...rateHeaders(rate));
    if (clients.isSecure(req)) own.push("strict-transport-security", STRICT_TRANSPORT);
    if (hasContent(req.headers["if-none-match"], kept.etag)) {
      notModified++;
      res.writeHead(304, [...own, ...withoutContentType(found.headers)]).end();
      return;
    }
    const body = isExplained ? explained(kept, "hit", tags()) : kept.content;
    const byteLength = isExplained ? byteLengthOf(body) : kept.byteLength;
    own.push(...found.headers, "content-length", String(byteLength));
    endWith(res.writeHead(200, own), body, byteLength);
  }

  function refuse(res: ServerResponse, requestId: string, { headers }: Remembered, rate: RateDecision): void {
    refused++;
    const { code, message, details } = rateLimited(rate);
    const text = JSON.stringify({ errors: [{ message, extensions: { code, ...details } }] });
    const own = ["x-request-id", requestId, "content-type", "application/json; charset=utf-8"];
    // What is said of the answer that is not given does not hold for this one.
    const others = withoutContentType(headers, ["cache-control"]);
    res
      .writeHead(429, [
        ...own,
        ...others,
        ...rateHeaders(rate),
        "content-length",
        String(Buffer.byteLength(text)),
      ])
      .end(text);
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
      store.lookUp(RESPONSE_KIND, found.responseKey, (entry, instant) => {
        if (entry === undefined || !isStill(found.identity, found.identifiedAt, store)) {
          misses++;
          otherwise();
          return;
        }
        found.identifiedAt = instant;
        const { viewer } = found.identity;
        if (viewer?.credential?.kind === "apiKey") onKeyUse?.(viewer.credential.id!);
        const kept = entry.value as KeptResponse; // Safe: under such a key the response cache alone keeps something.
        const serve = (rate: RateDecision | undefined): void => {
          if (rate?.isAdmitted === false) {
            refuse(res, requestId, found, rate);
            return;
          }
          hits++;
          found.requests++;
          const tags = () => allTags(entry.tags, entry.parts);
          send(req, res, requestId, found, kept, tags, rate);
          if (sampler.isDue()) {
            const { responseKey: key } = found;
            sampler.take({ key, kept, tags: tags(), viewer }, () => operationIn(name!, documents));
          }
        };
        const subject = viewer === null ? rateLimiter.subjectOf(null, clients.addressOf(req)) : found.subject;
        if (subject === undefined) return serve(undefined);
        const rate = rateLimiter.takeAtOnce(subject, REPLAY_COST);
        if (rate !== undefined) return serve(rate);
        // Once for many: what is asked for then is a share of the limit. It never rejects.
        void rateLimiter.take(subject, REPLAY_COST).then(serve);
      });
    },

    /**
     * The request has been answered anew.
     *
     * @param head what its answer has above it, whatever is in it; looked at when it is needed
     */
    remember(
      name: string | undefined,
      res: ServerResponse,
      head: () => readonly string[],
      { key, kept }: ResponseOutcome,
      identity: Identity,
    ): void {
      if (name === undefined || key === undefined || kept === undefined || res.statusCode !== 200) return;
      const headers = head();
      const requests = (remembered.peek(name)?.requests ?? 0) + 1;
      const { viewer, instant } = identity;
      const subject = viewer === null ? undefined : rateLimiter.subjectOf(viewer, undefined);
      remembered.set(name, { responseKey: key, headers, identity, subject, identifiedAt: instant, requests });
    },

    /** Which requests were sent since the last call, and how often. */
    takeCounts(): RequestCount[] {
      const counts: RequestCount[] = [];
      for (const [name, found] of remembered.entries()) {
        if (found.requests > 0)
          counts.push({ name, viewer: found.identity.viewer, requests: found.requests });
        found.requests = 0;
      }
      return counts;
    },

    statistics: () => ({
      requests: remembered.size,
      bytes: remembered.calculatedSize,
      hits,
      misses,
      notModified,
      refused,
    }),

    resetStatistics(): void {
      hits = misses = notModified = refused = 0;
    },
  };
}
