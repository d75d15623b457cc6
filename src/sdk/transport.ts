import { isRecord, type ServiceError, StackConverterError } from "./error.ts";

/** What requests and subscriptions share: their options, their headers, and how an answer is read. */

/** A value, or a function that is called for each request, so that a token can be renewed without a new client. */
export type Supplier<Value> = Value | (() => Value | Promise<Value>);

export interface ClientOptions {
  /** The service's GraphQL address. Browsers also take one relative to the page. */
  readonly url: string;
  /** Sent as `Authorization: Bearer <token>`, and never written anywhere else. */
  readonly token?: Supplier<string | undefined> | undefined;
  /** Replaces the platform's `fetch`, for instance by one with a proxy or with retries. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Sent with every request. They override the client's own headers. */
  readonly headers?: Supplier<Readonly<Record<string, string>>> | undefined;
  /** How long to wait for a whole answer, in ms; 0 for no limit. 30,000 by default. */
  readonly timeoutMs?: number | undefined;
}

/** For one call. */
export interface RequestOptions {
  /** Ends the call with the code ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /** Overrides the client's. */
  readonly timeoutMs?: number | undefined;
  /** Sent besides the client's, and overriding them. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export async function headersOf(
  { token, headers }: ClientOptions,
  own: RequestOptions["headers"],
  accept: string,
): Promise<Record<string, string>> {
  const bearer = await supply(token);
  const all: Record<string, string> = { accept, "content-type": "application/json" };
  if (bearer) all.authorization = `Bearer ${bearer}`;
  for (const [name, value] of Object.entries({ ...(await supply(headers)), ...own })) {
    all[name.toLowerCase()] = value;
  }
  for (const [name, value] of Object.entries(all)) {
    // `fetch` would refuse such a header too, but its message quotes the value.
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new TypeError(`The header "${name}" has characters that HTTP does not allow in a header.`);
    }
  }
  return all;
}

function supply<Value>(supplier: Supplier<Value>): Value | Promise<Value> {
  // Safe: no value that a supplier stands for is a function.
  return typeof supplier === "function" ? (supplier as () => Value | Promise<Value>)() : supplier;
}

export interface Answer {
  readonly response: Response;
  readonly text: string;
}

/** The answer's data. @throws StackConverterError for an answer with errors, even if some fields came through */
export function dataOf({ response, text }: Answer): Readonly<Record<string, unknown>> {
  const { status } = response;
  const body = parsed(text);
  const errors = isRecord(body) ? serviceErrors(body.errors) : [];
  const requestId = response.headers.get("x-request-id") ?? textOf(errors[0]?.extensions?.requestId);
  const [first] = errors;
  if (first) {
    const code = textOf(first.extensions?.code) ?? "GRAPHQL_ERROR";
    const data = isRecord(body) ? body.data : null;
    throw new StackConverterError(code, first.message, { status, requestId, errors, data });
  }
  if (!response.ok || !isRecord(body) || !isRecord(body.data)) {
    // The message quotes nothing of the body: a page that echoes the request would put its headers in a log.
    const type = response.headers.get("content-type") ?? "no content type";
    throw new StackConverterError(
      "BAD_RESPONSE",
      `Expected a GraphQL answer in JSON, got ${text.length} characters of ${type} with the status ${status}.`,
      { status, requestId },
    );
  }
  return body.data;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function serviceErrors(errors: unknown): readonly ServiceError[] {
  if (!Array.isArray(errors)) return [];
  return errors.filter(
    (error: unknown): error is ServiceError => isRecord(error) && typeof error.message === "string",
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/**
 * The address as messages show it: without its query, which may hold a secret.
 * @throws TypeError for credentials
 */
export function showableUrl(url: string): string {
  let parts: URL;
  try {
    parts = new URL(url);
  } catch {
    // Relative to the page, or a URL that `fetch` will refuse too.
    return "the service";
  }
  if (parts.username || parts.password) {
    throw new TypeError(
      "Expected a URL without a user name and password: use `token` or `headers` for them.",
    );
  }
  return `${parts.origin}${parts.pathname}`;
}

/** Node.js hides the system's error code in the cause of its "fetch failed"; browsers give none. */
export function reasonOf(error: unknown): string {
  const { code } = ((error as { cause?: unknown } | undefined)?.cause ?? {}) as { code?: unknown };
  return typeof code === "string" ? ` (${code})` : "";
}
