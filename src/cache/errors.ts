/** Why a call did not get its answer from Redis. */
export type UnavailableReason =
  /** There is no connection to a server whose identity is known. The call never touched a socket. */
  | "not-connected"
  /** Too many calls in a row have failed: the breaker is open. The call never touched a socket. */
  | "suspended"
  /** No answer came within the command time-out. Redis may still execute the command, even later. */
  | "timeout"
  /** The connection broke while the call was under way. Redis may have executed it. */
  | "connection-lost"
  /** Redis answered that it cannot serve now: loading, read-only, out of memory, slot moved, no permission. */
  | "refused"
  /** `close()` was called. */
  | "closed";

/** Redis did not do what it was asked to do, through no fault of the caller. */
export class RedisUnavailableError extends Error {
  readonly code = "REDIS_UNAVAILABLE";
  readonly reason: UnavailableReason;
  /** With the reason "refused": the error code of Redis' answer, such as LOADING or OOM. */
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

  /** False when it is certain that no command of the call was executed, so that any call may be retried. */
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
  /** `increment` found a value that is not an integer, or the sum is beyond the safe integers. */
  | "CACHE_NOT_A_COUNTER"
  | "SCRIPT_INVALID";

/** The caller broke a rule. Unlike an outage this is always thrown: no retry and no other server can help. */
export class CacheError extends Error {
  readonly code: CacheErrorCode;

  constructor(code: CacheErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CacheError";
    this.code = code;
  }
}
