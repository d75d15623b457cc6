/**
 * The failures that a client can expect, each with a code that never changes its meaning.
 * Nothing here knows of GraphQL: the server turns `code` and `details` into `extensions`.
 * Every other error is a bug or an outage, and is masked before it leaves the service.
 */

export type ErrorCode =
  /** The row that the input names does not exist. */
  | "NOT_FOUND"
  /** The write collides with a row that exists: a unique key, a reference. */
  | "CONFLICT"
  /** `expectedVersion` is not the row's version any more. `details.currentVersion` is. */
  | "VERSION_CONFLICT"
  /** The job's status does not allow the change. `details` has `from`, `action`, `to` and what is `allowed`. */
  | "INVALID_TRANSITION"
  /** The worker's lease on the job has expired, was given up, or ended with the job. Nothing was changed. */
  | "LEASE_LOST"
  /** The idempotency key was used before, with another input. Nothing was changed. */
  | "IDEMPOTENCY_CONFLICT"
  /** The input breaks a rule. `details.issues` names the path and the rule of each. */
  | "VALIDATION_FAILED"
  /** The request names nobody, and what it asks for needs somebody. */
  | "UNAUTHENTICATED"
  /** Whoever asks may not have it. */
  | "FORBIDDEN"
  /** The body is longer than the service reads. */
  | "PAYLOAD_TOO_LARGE"
  /** The operation or its input is larger than allowed. `details` has the `limit`, its `max` and, where it is known, the `actual` size. */
  | "LIMIT_EXCEEDED"
  /** Whoever asks has asked for too much lately. `details.retryAfterSeconds` says when to come again. */
  | "RATE_LIMITED"
  /** The query took longer than allowed, and was given up. */
  | "EXECUTION_TIMEOUT"
  /** The request could come from a page of any site in its visitor's name. */
  | "CSRF_PREVENTED"
  /** Nobody has sent this document yet: send its text along. */
  | "PERSISTED_QUERY_NOT_FOUND"
  /** Documents cannot be registered here: send their texts. */
  | "PERSISTED_QUERY_NOT_SUPPORTED"
  /** Only operations that were published with the service are run. */
  | "UNTRUSTED_DOCUMENT"
  /** The database does not answer. The same request may succeed later. */
  | "SERVICE_UNAVAILABLE"
  /** The instance or the viewer has as many subscriptions and live queries as allowed. */
  | "TOO_MANY_SUBSCRIPTIONS"
  /** The service was not configured for this, `message` says by which variable. */
  | "NOT_CONFIGURED";

/** One broken rule of an input. `path` leads from the argument to the value: `["input", "plan", "tasks", 3, "id"]`. */
export interface ValidationIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  /** What a program needs beyond the code. Public: it is sent to the client as it is. */
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

/** Whether something that the service needs did not answer: the same may succeed later. */
export const isUnavailable = (error: unknown): boolean =>
  error instanceof AppError && error.code === "SERVICE_UNAVAILABLE";

/** The named row is not there. */
export function notFound(type: string, id: string): AppError {
  return new AppError("NOT_FOUND", `There is no ${type} with the id "${id}".`, { details: { type, id } });
}

/** Whoever asks may not do this; the message says who may. */
export function forbidden(message: string): AppError {
  return new AppError("FORBIDDEN", message);
}

/** A setting's limit: the message names it, so that whoever runs the service knows what to raise. */
export function limitExceeded(limit: string, max: number, message: string, actual?: number): AppError {
  return new AppError("LIMIT_EXCEEDED", `${message} (${limit}).`, {
    details: { limit, max, ...(actual === undefined ? {} : { actual }) },
  });
}

/** An input breaks one or more rules. The message repeats the first, `details.issues` has all. */
export function validationFailed(issues: readonly ValidationIssue[], cause?: unknown): AppError {
  const [first] = issues;
  const where = first && first.path.length > 0 ? `${first.path.join(".")}: ` : "";
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  return new AppError("VALIDATION_FAILED", `${where}${first?.message ?? "The input is not valid."}${more}`, {
    details: { issues },
    ...(cause === undefined ? {} : { cause }),
  });
}
