import { createDeadline } from "./deadline.ts";
import { StackConverterError } from "./error.ts";
import type { Request, TypedDocumentString } from "./generated.ts";
import {
  type Answer,
  type ClientOptions,
  dataOf,
  headersOf,
  type RequestOptions,
  reasonOf,
  showableUrl,
} from "./transport.ts";

const DEFAULT_TIMEOUT_MS = 30_000;

/** The media types of GraphQL over HTTP. With the first, the HTTP status tells success from failure. */
const ACCEPT = "application/graphql-response+json, application/json";

/**
 * Returns a function that sends one document. It never retries: only the caller knows whether a write may be
 * repeated. It rejects with a StackConverterError for any failure on the way, with a TypeError for a token or
 * a header that HTTP cannot carry, and with whatever a supplier throws.
 *
 * @throws TypeError for a URL with a user name or password
 */
export function createRequest(options: ClientOptions): Request<RequestOptions> {
  const { url, timeoutMs: defaultTimeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const shownUrl = showableUrl(url);
  // Not `options.fetch ?? fetch`: a browser's `fetch` refuses to be called as another object's method.
  const send: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));

  return async function request<TResult, TVariables>(
    document: TypedDocumentString<TResult, TVariables>,
    variables: TVariables,
    { signal, timeoutMs = defaultTimeoutMs, headers }: RequestOptions = {},
  ): Promise<TResult> {
    const body = JSON.stringify({ query: document.toString(), variables });
    const deadline = createDeadline(signal, timeoutMs);
    try {
      const sentHeaders = await deadline.race(headersOf(options, headers, ACCEPT));
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

class ExchangeError extends Error {}

async function exchange(send: typeof fetch, url: string, init: RequestInit): Promise<Answer> {
  try {
    const response = await send(url, init);
    return { response, text: await response.text() };
  } catch (cause) {
    throw new ExchangeError("The exchange broke off.", { cause });
  }
}
