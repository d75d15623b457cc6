/**
 * The failures that a client can expect, each with a code that never changes its meaning.
 * Nothing here knows of GraphQL: the server turns `code` and `details` into `extensions`.
 * Every other error is a bug or an outage, and is masked before it leaves the service.
 */

export type ErrorCode =
  /** The row that the input names does not exist. */
  | "NOT_FOUND"
  /** The write violates a unique key or a foreign key, or collides with another write. */
  | "CONFLICT"
  /** `expectedVersion` is no longer the row's version; `details.currentVersion` is. */
  | "VERSION_CONFLICT"
  /** The job's status does not allow the change. `details` has `from`, `action`, `to` and the `allowed` actions. */
  | "INVALID_TRANSITION"
  /** The worker's lease on the job has expired, was released, or ended with the job. Nothing was changed. */
  | "LEASE_LOST"
  /** The idempotency key was used before, with another input. Nothing was changed. */
  | "IDEMPOTENCY_CONFLICT"
  /** The input breaks a rule. `details.issues` has the path and the message of each violation. */
  | "VALIDATION_FAILED"
  /** The credential is not valid, or there is none and the request needs one. */
  | "UNAUTHENTICATED"
  /** The viewer may not see or do this. */
  | "FORBIDDEN"
  /** The body is longer than the service reads. */
  | "PAYLOAD_TOO_LARGE"
  /**
   * The operation or its input is larger than allowed. `details` has the `max` and, where they are known, the
   * setting (`limit`) and the `actual` size.
   */
  | "LIMIT_EXCEEDED"
  /** The viewer or address has used up its allowance. `details.retryAfterSeconds` says when to try again. */
  | "RATE_LIMITED"
  /** The query took longer than allowed and was cancelled, or its client went away. */
  | "EXECUTION_TIMEOUT"
  /** Any site's page could have made its visitor's browser send the request. */
  | "CSRF_PREVENTED"
  /** The service does not know this document: send its text along. */
  | "PERSISTED_QUERY_NOT_FOUND"
  /** Documents cannot be registered here: send their texts. */
  | "PERSISTED_QUERY_NOT_SUPPORTED"
  /** Only operations that were published with the service are run. */
  | "UNTRUSTED_DOCUMENT"
  /**
   * Something that the service needs (usually the database) does not answer, or the instance is stopping. The
   * same request may succeed later.
   */
  | "SERVICE_UNAVAILABLE"
  /** The instance or the viewer already has as many subscriptions and live queries as allowed. */
  | "TOO_MANY_SUBSCRIPTIONS"
  /** The service is not configured for this; `message` names the variable to set. */
  | "NOT_CONFIGURED";

/** One broken rule of an input. `path` leads from the argument to the value: `["input", "plan", "tasks", 3, "id"]`. */
export interface ValidationIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  /** What a program needs beyond the code. Public: clients are sent it unchanged. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Whether something that the service needs did not answer. The same call may succeed later. */
export const isUnavailable = (error: unknown): boolean =>
  error instanceof AppError && error.code === "SERVICE_UNAVAILABLE";

export function notFound(type: string, id: string): AppError {
  return new AppError("NOT_FOUND", `There is no ${type} with the id "${id}".`, { details: { type, id } });
}

/** The viewer may not do this. `message` should say who may. */
export function forbidden(message: string): AppError {
  return new AppError("FORBIDDEN", message);
}

/** The message names the setting (`limit`), so that the operator knows what to raise. */
export function limitExceeded(limit: string, max: number, message: string, actual?: number): AppError {
  return new AppError("LIMIT_EXCEEDED", `${message} (${limit}).`, {
    details: { limit, max, ...(actual === undefined ? {} : { actual }) },
  });
}

/** The message repeats the first issue; `details.issues` has all of them. */
export function validationFailed(issues: readonly ValidationIssue[], cause?: unknown): AppError {
  const [first] = issues;
  const where = first && first.path.length > 0 ? `${first.path.join(".")}: ` : "";
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  return new AppError("VALIDATION_FAILED", `${where}${first?.message ?? "The input is not valid."}${more}`, {
    details: { issues },
    ...(cause === undefined ? {} : { cause }),
  });
}
