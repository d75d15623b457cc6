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
  /** Called with a key's id when a request has used it. */
  readonly onKeyUse?: (id: string) => void;
  /** How much memory remembered requests may take, in bytes. */
  readonly maxBytes: number;
  /** Adds `extensions.responseCache` to every answer. */
  readonly isExplained: boolean;
  /** Compares hits with the database. */
  readonly sampler: Sampler;
  readonly rateLimiter: RateLimiter;
  readonly clients: ClientAddress;
  readonly documents: Documents;
}

/** What a replayed answer costs, in units of the rate limit. */
const REPLAY_COST = 1;

/** What a request led to the last time. */
interface Remembered {
  /** The answer's key in the coherent store. */
  readonly responseKey: string;
  /**
   * The headers that were sent with it, without those that belong to one response: names and values, alternating.
   */
  readonly headers: readonly string[];
  readonly identity: Identity;
  /** Who is charged for it; undefined: the sender's address, or nobody. */
  readonly subject: RateSubject | undefined;
  /** The last instant at which the identity was known to hold. */
  identifiedAt: Instant | undefined;
  /** How often the request was sent since the last call of `takeCounts`. */
  requests: number;
}

/** Longer requests are rarely sent twice, and would take the memory of many short ones. In bytes. */
const MAX_REQUEST_LENGTH = 16_384;
/** About how many bytes an entry takes beside its texts. */
const ENTRY_BYTES = 300;

/** Stands for a header that was not sent: no header can have this value. */
const NONE = "\0";

export type Replay = ReturnType<typeof createReplay>;

/**
 * Answers a request whose bytes are those of an earlier one, without parsing, validating or executing it: in
 * front of Yoga.
 *
 * It keeps no answers. It remembers which answer in the coherent store a request's bytes led to, and the
 * store says whether that answer is still valid. Only answers of the response cache are remembered, so no
 * mutation, no subscription and no refused request can be replayed.
 *
 * The sender's identity is remembered too. It holds while nothing that it depends on has changed and the
 * credential has not expired; otherwise the request is identified like any other. Only the digest of a token
 * is kept, except with the connection that sent it.
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

  /**
   * Each connection's last credential and its digest. A connection sends the same one again, and to compare
   * it takes less time than to digest it.
   */
  const bearers = new WeakMap<Socket, { readonly authorization: string; readonly digest: string }>();

  let hits = 0;
  let misses = 0;
  /** Hits whose sender had the answer already. */
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

  /** Everything in a request that the answer depends on. Undefined: the request is not remembered. */
  function nameOf(req: IncomingMessage, body: Buffer): string | undefined {
    const { method, url, headers } = req;
    if (body.length + url!.length > MAX_REQUEST_LENGTH || headers["content-encoding"] !== undefined)
      return undefined;
    const { accept = NONE, "content-type": contentType = NONE, origin = NONE } = headers;
    // Header values have no line breaks; the body, which may, comes last.
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
    // These headers describe the answer that is not given.
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
     * Answers the request, if it can.
     *
     * @param otherwise called when it cannot, at once or later
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
        const kept = entry.value as KeptResponse; // Safe: only the response cache uses such a key.
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
        // Once for many requests, since a lease is a share of the limit. It never rejects.
        void rateLimiter.take(subject, REPLAY_COST).then(serve);
      });
    },

    /**
     * Remembers a request that was answered anew.
     *
     * @param head gives the headers of its answer that do not depend on the content; called if they are needed
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
      // One flat string: V8 keeps the pieces of a concatenated one, which take as much again. All of it is Latin-1.
      const flat = Buffer.from(name, "latin1").toString("latin1");
      remembered.set(flat, { responseKey: key, headers, identity, subject, identifiedAt: instant, requests });
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
