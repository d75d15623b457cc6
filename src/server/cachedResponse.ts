import { hash } from "node:crypto";
import type { Cache } from "@envelop/response-cache";
import type { ExecutionResult } from "graphql";
import type { Codec } from "../coherence/codec.ts";
import { allTags, type Dependencies } from "../coherence/dependencies.ts";
import type { LocalEntry } from "../coherence/localEntry.ts";
import type { CoherentStore, Loaded } from "../coherence/store.ts";
import type { Instant } from "../coherence/validator.ts";
import type { Interruption } from "../database/interruption.ts";
import { AnswerText } from "../repositories/answerText.ts";
import type { OperationProfile } from "./operationProfile.ts";
import { type Body, byteLengthOf, lookAt, MAX_TEXT_LENGTH } from "./sentBody.ts";

/** The kind of all responses in the coherent store's statistics. */
export const RESPONSE_KIND = "response";

/** What is kept of an answered query: the body as it was sent, and its ETag. */
export interface KeptResponse {
  /** JSON, without extensions. */
  readonly content: Body;
  /** Of the content, in UTF-8. */
  readonly byteLength: number;
  /** A strong validator (RFC 9110, section 8.8.3), quotes included. */
  readonly etag: string;
  /** The time to live that it was given when it was kept, in ms. */
  readonly ttlMs: number;
  /** On the clock of the instance that kept it, in ms since 1970. It informs people; nothing expires by it. */
  readonly keptAt: number;
}

/** How a request fared in the response cache. Read by the code that writes its HTTP response. */
export interface ResponseOutcome {
  /** `bypass`: the store could validate nothing. Undefined: an operation like this is not looked up. */
  readonly status: "hit" | "miss" | "bypass" | undefined;
  /** The answer's key in the store. */
  readonly key: string | undefined;
  readonly kept: KeptResponse | undefined;
  /** The tags of everything that the answer depends on. */
  tags(): readonly string[];
}

export type CachedResponse = ReturnType<typeof createCachedResponse>;

/** L2 (Redis) keeps the body as it is: quoting it once more would double the work of a fill. */
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
    // The texts of its rows belong to its parts, which count them.
    if (content instanceof AnswerText) return OBJECT_BYTES + POINTER_BYTES * content.rowCount;
    if (typeof content !== "string") return OBJECT_BYTES + byteLength;
    // V8 stores a string in one byte per character, or in two once a single character is beyond Latin-1.
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

/** About how many bytes a kept response takes beside its content. */
const OBJECT_BYTES = 150;
const POINTER_BYTES = 8;

/** A body in the form that is kept: a long one as the bytes that are sent. */
const bytesOfLong = (content: string): Body =>
  content.length > MAX_TEXT_LENGTH ? Buffer.from(content) : content;

export function etagOf(text: string | Buffer): string {
  return `"${hash("sha256", text, "base64url").slice(0, 27)}"`;
}

/**
 * The data of an executed result, hidden from code that walks results. `@envelop/response-cache` copies every
 * object of a result in search of entities, and does so twice for each list inside a list, so exponentially
 * often in the depth. In this object it finds none, and it need not: the reads record what an answer depends on.
 */
export class SerializedData {
  readonly #data: unknown;
  readonly #content: Body | undefined;

  /** @param content the whole answer that has this data, if it exists already; `data` need not be given then */
  constructor(data: unknown, content?: Body) {
    this.#data = data;
    this.#content = content;
  }

  /** The answer that consists of this data alone. */
  get content(): Body {
    return this.#content ?? `{"data":${JSON.stringify(this.#data)}}`;
  }

  toJSON(): unknown {
    return this.#content === undefined ? this.#data : JSON.parse(String(this.#content)).data;
  }
}

/**
 * A result that is sent as this content: Yoga sends what `stringify` returns. `data` is for the plugins that
 * look at the result before.
 */
export function resultOf(content: Body): ExecutionResult {
  const result = { data: new SerializedData(undefined, content), stringify: () => String(content) };
  return result as unknown as ExecutionResult; // Safe: no plugin reads fields of the data.
}

/** The body that is sent for a result without errors. */
export function bodyOf(result: ExecutionResult): Body {
  const data: unknown = result.data;
  return data instanceof SerializedData ? data.content : JSON.stringify(result);
}

/** A result whose data PostgreSQL has composed. */
export const composedResult = (data: string | AnswerText): ExecutionResult =>
  resultOf(typeof data === "string" ? `{"data":${data}}` : data.within(BEFORE_DATA, AFTER_DATA));

const BEFORE_DATA = Buffer.from('{"data":');
const AFTER_DATA = Buffer.from("}");

/** The kept body, with the `extensions.responseCache` that development mode adds. */
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
 * A cache whose contents can be released. The plugin keeps one for each request in a WeakMap. Scavenges keep
 * the values of a WeakMap that has become old, with everything that these lead to, until the next mark-sweep.
 * That cost a tenth of the time of a request that finds no answer.
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

  /** Does nothing: triggers in the database invalidate answers. */
  invalidate(): void {}

  release(): void {
    this.#cache = undefined;
  }
}

/**
 * One request's view of the coherent store, in the form that `@envelop/response-cache` expects. It knows what
 * the plugin does not pass to `set`: the instant before the first read, and the tags.
 *
 * A `get` that finds nothing leaves a load open (single flight), which the same request ends by `set`, `settle`
 * or `abandon`. Requests for the same answer meanwhile wait for this one, instead of reading the same rows.
 */
export function createCachedResponse(
  store: Pick<CoherentStore, "read">,
  dependencies: Pick<Dependencies, "areNone" | "isLocal" | "tags" | "parts">,
  /** An instant after the request's arrival, if one is known. */
  arrived?: Instant,
) {
  let key: string | undefined;
  let operation: Pick<OperationProfile, "localRuns"> | undefined;
  let interruption: Interruption | undefined;
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
          // Its turn to load has come too late. The next one that waits gets it.
          if (interruption?.isOver) return Promise.reject(interruption.reason);
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
          // Anything above 0 will do: `set` knows the real time to live, with the content.
          ttlMs: 1,
          codec: responseCodec,
          begun: arrived,
          skipsShared: operation !== undefined && operation.localRuns >= SETTLED_RUNS,
          load,
        };
        const lookUp = () => {
          store.read<KeptResponse | ExecutionResult>(wanted, options).then(
            ({ value, source, ...found }) => {
              if (source === "loaded" || interruption?.isOver) return;
              if (!isKept(value)) return resolve(value);
              status = "hit";
              kept = value;
              tags = found.tags ?? [];
              parts = found.parts ?? [];
              resolve(resultOf(value.content));
            },
            () => {
              // This request waited for another one, whose operation threw. One of those that waited is the
              // next to try.
              if (status === undefined && !interruption?.isOver) lookUp();
            },
          );
        };
        lookUp();
        // Without an answer it executes, which then says why it was given up.
        interruption?.listen(() => resolve(undefined));
      });
    },

    set(_, result, __, ttlMs) {
      if (dependencies.areNone) return; // No tag would ever invalidate it.
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

    /**
     * Marks the operation as one whose answer may be kept.
     *
     * @param whenOver ends its wait for another request's answer
     */
    enable(profile: Pick<OperationProfile, "localRuns">, whenOver?: Interruption): void {
      operation = profile;
      interruption = whenOver;
    },
    isEnabled: () => operation !== undefined,

    /**
     * The request has ended, in whatever way: a load that is still open ends with this result, which is not kept.
     */
    settle(result: ExecutionResult): void {
      finish?.({ value: result, tags: undefined });
      finish = fail = undefined;
      cache.release();
    },

    /** The operation threw: requests that waited for its answer have to try themselves. */
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
