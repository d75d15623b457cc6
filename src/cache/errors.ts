/** Why a call did not get its answer from Redis. */
export type UnavailableReason =
  /** No connection whose server is known; the call never touched a socket. */
  | "not-connected"
  /** Too many calls in a row have failed: the breaker is open. The call never touched a socket. */
  | "suspended"
  /** No answer within the command time-out. Redis may still carry the command out, later too. */
  | "timeout"
  /** The connection broke while the call was under way. Redis may have carried it out. */
  | "connection-lost"
  /** Redis answered that it cannot serve now: loading, read-only, out of memory, slot moved, no permission. */
  | "refused"
  /** `close()` was called. */
  | "closed";

/** Redis did not do what it was asked, and the caller is not to blame. */
export class RedisUnavailableError extends Error {
  readonly code = "REDIS_UNAVAILABLE";
  readonly reason: UnavailableReason;
  /** With the reason "refused": the first word of Redis' answer, such as LOADING or OOM. */
  readonly serverCode: string | undefined;

  constructor(
    reason: UnavailableReason,
    message: string,
    options: { cause?: unknown; serverCode?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "RedisUnavailableError";
    this.reason = reason;
    this.serverCode = options.serverCode;
  }

  /** False when it is certain that no command of the call was executed, so that anything may be sent again. */
  get mayHaveRun(): boolean {
    return this.reason === "timeout" || this.reason === "connection-lost";
  }
}

export type CacheErrorCode =
  | "REDIS_URL_INVALID"
  | "CACHE_NAMESPACE_INVALID"
  | "CACHE_KEY_INVALID"
  | "CACHE_KEY_TOO_LONG"
  | "CACHE_VALUE_INVALID"
  | "CACHE_VALUE_TOO_LARGE"
  | "CACHE_TTL_INVALID"
  | "CACHE_BATCH_INVALID"
  /** `increment` found a value that is not an integer, or the sum leaves the safe integers. */
  | "CACHE_NOT_A_COUNTER"
  | "SCRIPT_INVALID";

/** The caller broke a rule. Unlike an outage this is thrown, because no retry and no other server can help. */
export class CacheError extends Error {
  readonly code: CacheErrorCode;

  constructor(code: CacheErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CacheError";
    this.code = code;
  }
}
