import { isRecord, type ServiceError, StackConverterError } from "./error.ts";
import type { Request, TypedDocumentString } from "./generated.ts";

/** Called for each request, so that a token can be renewed without a new client. */
export type Supplier<Value> = Value | (() => Value | Promise<Value>);

export interface ClientOptions {
  /** The service's GraphQL address. Browsers also take one relative to the page. */
  readonly url: string;
  /** Sent as `Authorization: Bearer <token>`, and never written anywhere else. */
  readonly token?: Supplier<string | undefined> | undefined;
  /** Instead of the platform's, such as one with a proxy or with retries. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Sent with every request. They win over the client's own. */
  readonly headers?: Supplier<Readonly<Record<string, string>>> | undefined;
  /** How long to wait for a whole answer, in ms; 0 for as long as it takes. 30,000 unless told. */
  readonly timeoutMs?: number | undefined;
}

/** For one call. */
export interface RequestOptions {
  /** Ends the call with the code ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /** Instead of the client's. */
  readonly timeoutMs?: number | undefined;
  /** Besides the client's. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** What a GraphQL over HTTP server may answer with; the first lets the status tell success from failure. */
const ACCEPT = "application/graphql-response+json, application/json";

/**
 * A function that sends one document. Nothing is sent twice: whether a write may be repeated is for
 * the caller to know. It rejects with a StackConverterError for whatever happens on the way, with a
 * TypeError for a token or a header that HTTP cannot carry, and with what a supplier throws.
 *
 * @throws TypeError for a URL with a user name or password
 */
export function createRequest(options: ClientOptions): Request<RequestOptions> {
  const { url, timeoutMs: defaultTimeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const shownUrl = showableUrl(url);
  // Not `options.fetch ?? fetch`: called as another object's method, a browser's refuses.
  const send: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));

  return async function request<TResult, TVariables>(
    document: TypedDocumentString<TResult, TVariables>,
    variables: TVariables,
    { signal, timeoutMs = defaultTimeoutMs, headers }: RequestOptions = {},
  ): Promise<TResult> {
    const body = JSON.stringify({ query: document.toString(), variables });
    const deadline = createDeadline(signal, timeoutMs);
    try {
      const sentHeaders = await deadline.race(headersOf(options, headers));
      const answer = await deadline.race(
        exchange(send, url, { method: "POST", headers: sentHeaders, body, signal: deadline.signal }),
      );
      // Safe: the document's type says what the service's schema answers it with.
      return dataOf(answer) as TResult;
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      throw new StackConverterError(
        "NETWORK_ERROR",
        `No whole answer from ${shownUrl}${reasonOf(error.cause)}.`,
        {
          cause: error.cause,
        },
      );
    } finally {
      deadline.clear();
    }
  };
}

interface Answer {
  readonly response: Response;
  readonly text: string;
}

class ExchangeError extends Error {}

async function exchange(send: typeof fetch, url: string, init: RequestInit): Promise<Answer> {
  try {
    const response = await send(url, init);
    return { response, text: await response.text() };
  } catch (cause) {
    throw new ExchangeError("The exchange broke off.", { cause });
  }
}

async function headersOf(
  { token, headers }: ClientOptions,
  own: RequestOptions["headers"],
): Promise<Record<string, string>> {
  const bearer = await supply(token);
  const all: Record<string, string> = { accept: ACCEPT, "content-type": "application/json" };
  if (bearer) all.authorization = `Bearer ${bearer}`;
  for (const [name, value] of Object.entries({ ...(await supply(headers)), ...own })) {
    all[name.toLowerCase()] = value;
  }
  for (const [name, value] of Object.entries(all)) {
    // `fetch` would refuse it too, in a message that quotes the value.
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

/** One signal of two reasons. `AbortSignal.any` would do, but is newer than many browsers in use. */
function createDeadline(outer: AbortSignal | undefined, timeoutMs: number) {
  const controller = new AbortController();
  let end: (error: StackConverterError) => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    end = (error) => {
      reject(error);
      controller.abort(error);
    };
  });
  // Nobody may be racing against it at the moment.
  ended.catch(() => {});

  const onAbort = () =>
    end(new StackConverterError("ABORTED", "The call was aborted.", { cause: outer?.reason }));
  if (outer?.aborted) onAbort();
  else outer?.addEventListener("abort", onAbort);
  const timer =
    timeoutMs > 0
      ? setTimeout(
          () => end(new StackConverterError("TIMEOUT", `No whole answer within ${timeoutMs} ms.`)),
          timeoutMs,
        )
      : undefined;

  return {
    signal: controller.signal,
    /** Ends with the deadline even if the `fetch` that was given does not heed its signal. */
    race: <Value>(work: Promise<Value>): Promise<Value> => Promise.race([ended, work]),
    clear() {
      if (timer !== undefined) clearTimeout(timer);
      outer?.removeEventListener("abort", onAbort);
    },
  };
}

/** The answer's data. An answer with errors is a failure, even if some fields came through. */
function dataOf({ response, text }: Answer): Readonly<Record<string, unknown>> {
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
    // Without a piece of the body: a page that echoes the request would put its headers in a log.
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

/** The address for messages: a query may hold a secret too. */
function showableUrl(url: string): string {
  let parts: URL;
  try {
    parts = new URL(url);
  } catch {
    // Relative to the page, or nothing that `fetch` will take either.
    return "the service";
  }
  if (parts.username || parts.password) {
    throw new TypeError(
      "Expected a URL without a user name and password: use `token` or `headers` for them.",
    );
  }
  return `${parts.origin}${parts.pathname}`;
}

/** Node.js hides the system's code in the cause of its "fetch failed"; browsers give none. */
function reasonOf(error: unknown): string {
  const { code } = ((error as { cause?: unknown } | undefined)?.cause ?? {}) as { code?: unknown };
  return typeof code === "string" ? ` (${code})` : "";
}
