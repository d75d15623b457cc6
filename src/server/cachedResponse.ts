import { hash } from "node:crypto";
import type { Cache } from "@envelop/response-cache";
import type { ExecutionResult } from "graphql";
import type { Codec } from "../coherence/codec.ts";
import { allTags, type Dependencies } from "../coherence/dependencies.ts";
import type { LocalEntry } from "../coherence/localEntry.ts";
import type { CoherentStore, Loaded } from "../coherence/store.ts";
import type { Instant } from "../coherence/validator.ts";
import { AnswerText } from "../repositories/answerText.ts";
import type { OperationProfile } from "./operationProfile.ts";
import { type Body, byteLengthOf, lookAt, MAX_TEXT_LENGTH } from "./sentBody.ts";

/** The kind of all responses in the coherent store's statistics. */
export const RESPONSE_KIND = "response";

/** What is kept of an answered query: the body as it was sent, and what names its content. */
export interface KeptResponse {
  /** JSON, without extensions. */
  readonly content: Body;
  /** In UTF-8. */
  readonly byteLength: number;
  /** A strong validator (RFC 9110, section 8.8.3), quotes included. */
  readonly etag: string;
  /** What it was given when it was kept, in ms. */
  readonly ttlMs: number;
  /** On the clock of the instance that kept it, in ms since 1970. For people, no decision depends on it. */
  readonly keptAt: number;
}

/** What became of a request in the response cache; read by whoever writes its HTTP response. */
export interface ResponseOutcome {
  /** `bypass`: the cache could vouch for nothing. Undefined: this operation is none that is looked up. */
  readonly status: "hit" | "miss" | "bypass" | undefined;
  /** The name of the answer in the store. */
  readonly key: string | undefined;
  readonly kept: KeptResponse | undefined;
  /** What it depends on. */
  tags(): readonly string[];
}

export type CachedResponse = ReturnType<typeof createCachedResponse>;

/** The shared level keeps the body as it is: quoting it once more would double the work of a fill. */
export const responseCodec: Codec = {
  encode: (value) => {
    const { content, ...head } = value as KeptResponse; // Safe: this codec is used for responses alone.
    return `${JSON.stringify(head)}\n${content}`;
  },
  decode: (packed): KeptResponse => {
    const end = packed.indexOf("\n");
    return { ...JSON.parse(packed.slice(0, end)), content: bytesOfLong(packed.slice(end + 1)) };
  },
  bytesOf: (value) => {
    const { content, byteLength } = value as KeptResponse; // Safe: as above.
    // The rows' texts are those of its parts.
    if (content instanceof AnswerText) return OBJECT_BYTES + POINTER_BYTES * content.rowCount;
    if (typeof content !== "string") return OBJECT_BYTES + byteLength;
    // A text with one letter beyond Latin has two bytes for each; of others, V8 takes one.
    return OBJECT_BYTES + (byteLength === content.length ? byteLength : 2 * content.length);
  },
  whole: (value) => {
    const kept = value as KeptResponse; // Safe: as above.
    if (kept.byteLength > MAX_TEXT_LENGTH) return undefined;
    return kept.content instanceof AnswerText ? { ...kept, content: String(kept.content) } : kept;
  },
};

/**
 * When so many answers of an operation in a row were made only of rows in memory, the next one is not looked up in Redis:
 * that round trip costs a fifth of such an answer. An answer that needs anything else starts the count again.
 */
const SETTLED_RUNS = 8;

/** About what a kept response takes beside its content. */
const OBJECT_BYTES = 150;
const POINTER_BYTES = 8;

/** As it is kept: what is long, as it is sent. */
const bytesOfLong = (content: string): Body =>
  content.length > MAX_TEXT_LENGTH ? Buffer.from(content) : content;

export function etagOf(text: string | Buffer): string {
  return `"${hash("sha256", text, "base64url").slice(0, 27)}"`;
}

/**
 * The data of an executed result that is text already. `@envelop/response-cache` copies every object of a result
 * in search of entities, twice for each list inside a list, so exponentially often in the depth. Here it finds none:
 * what an answer depends on is known from its reads.
 */
export class SerializedData {
  readonly #data: unknown;
  readonly #content: Body | undefined;

  /** @param content the answer that the data is in, where it is there already: the data need not be given then */
  constructor(data: unknown, content?: Body) {
    this.#data = data;
    this.#content = content;
  }

  /** The answer that it is the data of, and that has nothing else. */
  get content(): Body {
    return this.#content ?? `{"data":${JSON.stringify(this.#data)}}`;
  }

  toJSON(): unknown {
    return this.#content === undefined ? this.#data : JSON.parse(String(this.#content)).data;
  }
}

/** A result that is sent as this text: Yoga sends what `stringify` returns, and the data is for whoever looks at the result on the way. */
export function resultOf(content: Body): ExecutionResult {
  const result = { data: new SerializedData(undefined, content), stringify: () => String(content) };
  return result as unknown as ExecutionResult; // Safe: nobody on the way reads fields of the data.
}

/** What is sent of a result without errors. */
export function bodyOf(result: ExecutionResult): Body {
  const data: unknown = result.data;
  return data instanceof SerializedData ? data.content : JSON.stringify(result);
}

/** What PostgreSQL has composed. */
export const composedResult = (data: string | AnswerText): ExecutionResult =>
  resultOf(typeof data === "string" ? `{"data":${data}}` : data.within(BEFORE_DATA, AFTER_DATA));

const BEFORE_DATA = Buffer.from('{"data":');
const AFTER_DATA = Buffer.from("}");

/** The kept text with what development mode adds to an answer: `extensions.responseCache`. */
export function explained(
  { content, ttlMs, keptAt }: KeptResponse,
  status: ResponseOutcome["status"],
  tags: readonly string[],
): string {
  const ageMs = Math.max(0, Date.now() - keptAt);
  const responseCache =
    status === "hit"
      ? { hit: true, ageMs, ttlMs, tags }
      : { hit: false, didCache: status === "miss", ttlMs, tags };
  return `${String(content).slice(0, -1)},"extensions":${JSON.stringify({ responseCache })}}`;
}

/**
 * A cache that can be let go of. The plugin keeps one for each request in a WeakMap, and what is in a WeakMap that has been there for a
 * while V8 keeps from its collections of young objects, with all that it leads to, until it looks through the whole heap: that
 * was a tenth of what a request that finds no answer takes.
 */
class RequestCache implements Cache {
  #cache: Pick<Cache, "get" | "set"> | undefined;

  constructor(cache: Pick<Cache, "get" | "set">) {
    this.#cache = cache;
  }

  get(...given: Parameters<Cache["get"]>): ReturnType<Cache["get"]> {
    return this.#cache?.get(...given);
  }

  set(...given: Parameters<Cache["set"]>): ReturnType<Cache["set"]> {
    return this.#cache?.set(...given);
  }

  /** Triggers in the database do that. */
  invalidate(): void {}

  release(): void {
    this.#cache = undefined;
  }
}

/**
 * One request's view of the coherent store, in the shape that `@envelop/response-cache` wants. It
 * knows what the plugin's `set` does not carry: the instant before the first read, and the tags.
 *
 * `get` that finds nothing leaves a load open, which the same request's `set` or `settle` ends: so
 * requests for the same answer meanwhile wait for this one instead of reading the same rows.
 */
export function createCachedResponse(
  store: Pick<CoherentStore, "read">,
  dependencies: Pick<Dependencies, "areNone" | "isLocal" | "tags" | "parts">,
  /** An instant after the request's arrival, if one is known. */
  arrived?: Instant,
) {
  let key: string | undefined;
  let operation: Pick<OperationProfile, "localRuns"> | undefined;
  let status: ResponseOutcome["status"];
  let kept: KeptResponse | undefined;
  let tags: readonly string[] = [];
  let parts: readonly LocalEntry[] = [];
  let begun: Instant | undefined;
  let finish: ((loaded: Loaded<KeptResponse | ExecutionResult>) => void) | undefined;
  let fail: ((error: unknown) => void) | undefined;

  const cache = new RequestCache({
    get(wanted) {
      key = wanted;
      return new Promise((resolve) => {
        const load = (instant: Instant | undefined) => {
          begun = instant;
          status = instant === undefined ? "bypass" : "miss";
          return new Promise<Loaded<KeptResponse | ExecutionResult>>((end, refuse) => {
            finish = end;
            fail = refuse;
            resolve(undefined);
          });
        };
        const options = {
          kind: RESPONSE_KIND,
          // Anything above 0 as time to live: how long it may be kept is known with its content.
          ttlMs: 1,
          codec: responseCodec,
          begun: arrived,
          skipsShared: operation !== undefined && operation.localRuns >= SETTLED_RUNS,
          load,
        };
        const lookUp = () => {
          store.read<KeptResponse | ExecutionResult>(wanted, options).then(
            ({ value, source, ...found }) => {
              if (source === "loaded") return;
              if (!isKept(value)) return resolve(value);
              status = "hit";
              kept = value;
              tags = found.tags ?? [];
              parts = found.parts ?? [];
              resolve(resultOf(value.content));
            },
            () => {
              // It was another request whose operation threw: one of those that waited for it is the next to try.
              if (status === undefined) lookUp();
            },
          );
        };
        lookUp();
      });
    },

    set(_, result, __, ttlMs) {
      if (dependencies.areNone) return; // Nothing would ever end it.
      const { isLocal } = dependencies;
      if (operation !== undefined) operation.localRuns = isLocal ? operation.localRuns + 1 : 0;
      const content = bodyOf(result);
      kept = {
        content: typeof content === "string" ? bytesOfLong(content) : content,
        byteLength: byteLengthOf(content),
        etag: lookAt(content, etagOf),
        ttlMs,
        keptAt: Date.now(),
      };
      tags = [...dependencies.tags];
      parts = [...dependencies.parts];
      finish?.({ value: kept, tags, parts, isCheap: isLocal, ttlMs });
      finish = undefined;
    },
  });

  return {
    cache,

    /** The operation is one whose answer may be kept. */
    enable(profile: Pick<OperationProfile, "localRuns">): void {
      operation = profile;
    },
    isEnabled: () => operation !== undefined,

    /** The request's end, in whatever way: nobody waits for it any longer. */
    settle(result: ExecutionResult): void {
      finish?.({ value: result, tags: undefined });
      finish = fail = undefined;
      cache.release();
    },

    /** The operation threw: whoever waited for its answer goes without. */
    abandon(error: unknown): void {
      fail?.(error);
      finish = fail = undefined;
      cache.release();
    },

    /** An instant after the request's arrival, once it is known. */
    begun: () => begun,

    outcome: (): ResponseOutcome => ({ status, key, kept, tags: () => allTags(tags, parts) }),
  };
}

function isKept(value: KeptResponse | ExecutionResult): value is KeptResponse {
  return "etag" in value;
}
