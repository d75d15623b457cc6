/**
 * Says why a call failed. The service's own codes never change their meaning. A newer service may have more
 * codes, so the type is open.
 */
export type StackConverterErrorCode = ServiceErrorCode | ClientErrorCode | (string & {});

/** Codes that the service sends. */
export type ServiceErrorCode =
  | "NOT_FOUND"
  | "CONFLICT"
  | "VERSION_CONFLICT"
  | "INVALID_TRANSITION"
  | "LEASE_LOST"
  | "IDEMPOTENCY_CONFLICT"
  | "VALIDATION_FAILED"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "PAYLOAD_TOO_LARGE"
  | "LIMIT_EXCEEDED"
  | "RATE_LIMITED"
  | "EXECUTION_TIMEOUT"
  | "CSRF_PREVENTED"
  | "PERSISTED_QUERY_NOT_FOUND"
  | "PERSISTED_QUERY_NOT_SUPPORTED"
  | "UNTRUSTED_DOCUMENT"
  | "SERVICE_UNAVAILABLE"
  | "TOO_MANY_SUBSCRIPTIONS"
  | "NOT_CONFIGURED"
  /** The caller's own document does not fit the service's schema. */
  | "GRAPHQL_PARSE_FAILED"
  | "GRAPHQL_VALIDATION_FAILED"
  | "BAD_USER_INPUT"
  | "BAD_REQUEST"
  /** A fault of the service. The message names the reference under which the service logged the cause. */
  | "INTERNAL_SERVER_ERROR";

/** Codes for failures on the client's side. */
export type ClientErrorCode =
  /** No answer came: no connection, a broken one, CORS. A write may or may not have happened. */
  | "NETWORK_ERROR"
  /** `timeoutMs` passed first. A write may or may not have happened. */
  | "TIMEOUT"
  /** The caller's signal fired; `cause` is its reason. A write may or may not have happened. */
  | "ABORTED"
  /** The response is no GraphQL answer: a proxy's page, a wrong URL, a cut-off body. */
  | "BAD_RESPONSE"
  /** A GraphQL error without a code. */
  | "GRAPHQL_ERROR";

/** One error as the service sent it (section 7.1.2 of the GraphQL specification). */
export interface ServiceError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly locations?: readonly { readonly line: number; readonly column: number }[];
  readonly extensions?: { readonly [name: string]: unknown };
}

/** One rule that an input breaks. `path` leads from the argument to the value. */
export interface ValidationIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * Every failed call rejects with this error. It holds nothing that was sent, so neither the token nor another
 * header can appear in it, in its message, or in what a logger writes of it.
 */
export class StackConverterError extends Error {
  override readonly name = "StackConverterError";
  /** The code of the first error. */
  readonly code: StackConverterErrorCode;
  /** Where in the answer the first error happened: `["importProject"]`. */
  readonly path: readonly (string | number)[] | undefined;
  /** What is wrong with the input, when `code` is VALIDATION_FAILED; otherwise empty. */
  readonly issues: readonly ValidationIssue[];
  /** The HTTP status, if there was an answer. */
  readonly status: number | undefined;
  /** The id under which the service logs the request, if it sent one. */
  readonly requestId: string | undefined;
  /** All of the answer's errors, as they came. */
  readonly errors: readonly ServiceError[];
  /** The data that came with the errors: fields that failed are null in it. */
  readonly data: unknown;

  constructor(
    code: StackConverterErrorCode,
    message: string,
    options: {
      status?: number | undefined;
      requestId?: string | undefined;
      errors?: readonly ServiceError[] | undefined;
      data?: unknown;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const first = options.errors?.[0];
    this.code = code;
    this.path = first?.path;
    this.issues = issuesOf(first);
    this.status = options.status;
    this.requestId = options.requestId;
    this.errors = options.errors ?? [];
    this.data = options.data ?? null;
  }
}

function issuesOf(error: ServiceError | undefined): readonly ValidationIssue[] {
  const issues = error?.extensions?.issues;
  if (!Array.isArray(issues)) return [];
  return issues.filter(
    (issue: unknown): issue is ValidationIssue =>
      isRecord(issue) && typeof issue.message === "string" && Array.isArray(issue.path),
  );
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
