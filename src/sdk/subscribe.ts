import { createDeadline } from "./deadline.ts";
import { StackConverterError } from "./error.ts";
import type { TypedDocumentString } from "./generated.ts";
import {
  type ClientOptions,
  dataOf,
  headersOf,
  type RequestOptions,
  reasonOf,
  showableUrl,
} from "./transport.ts";

/**
 * For one subscription. `timeoutMs`: how long the stream may be silent, without even a keep-alive; 30,000 by
 * default.
 */
export type SubscribeOptions = RequestOptions;

/** Sends one document and yields the data of each message, until the service completes the stream. */
export type Subscribe = <TResult, TVariables>(
  document: TypedDocumentString<TResult, TVariables>,
  variables: TVariables,
  options?: SubscribeOptions,
) => AsyncGenerator<TResult, void, undefined>;

/** The service sends a keep-alive every 12 seconds. */
const SILENCE_MS = 30_000;

/**
 * Returns a function that opens a stream of server-sent events, in the distinct connections mode of the
 * GraphQL over SSE protocol. It never reconnects: only the caller knows how to continue where a stream broke
 * off. It reads on only when the caller has taken the last message, so that nothing piles up here.
 *
 * @throws TypeError for a URL with a user name or password
 */
export function createSubscribe(options: ClientOptions): Subscribe {
  const { url } = options;
  const shownUrl = showableUrl(url);
  const send: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));

  return async function* subscribe<TResult, TVariables>(
    document: TypedDocumentString<TResult, TVariables>,
    variables: TVariables,
    { signal, timeoutMs = SILENCE_MS, headers }: SubscribeOptions = {},
  ): AsyncGenerator<TResult, void, undefined> {
    const body = JSON.stringify({ query: document.toString(), variables });
    const deadline = createDeadline(signal, timeoutMs, "Nothing came for");
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    const brokenOff = (cause: unknown): never => {
      throw new StackConverterError(
        "NETWORK_ERROR",
        `The stream from ${shownUrl} broke off${reasonOf(cause)}.`,
        {
          cause,
        },
      );
    };
    const wire = <Value>(work: Promise<Value>) => deadline.race(work.catch(brokenOff));
    try {
      const sentHeaders = await deadline.race(headersOf(options, headers, "text/event-stream"));
      const response = await wire(
        send(url, { method: "POST", headers: sentHeaders, body, signal: deadline.signal }),
      );
      if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body) {
        // The service has sent one answer instead of a stream. As a rule that is an error, which says why.
        const text = await wire(response.text());
        deadline.pause();
        // Safe: the document's type says what the service's schema answers it with.
        yield dataOf({ response, text }) as TResult;
        return;
      }
      reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (let text = ""; ; ) {
        const { done, value } = await wire(reader.read());
        if (done) return brokenOff(new TypeError("It ended without saying so."));
        text += decoder.decode(value, { stream: true });
        const blocks = text.split(/\r?\n\r?\n/);
        text = blocks.pop() ?? "";
        // The time that the caller takes for a message does not count.
        deadline.pause();
        for (const block of blocks) {
          const { event, data } = parseBlock(block);
          if (event === "complete") return;
          // Safe: as above.
          if (event === "next") yield dataOf({ response, text: data }) as TResult;
        }
        deadline.restart();
      }
    } finally {
      deadline.clear();
      // This runs also when the caller has left the loop, and tells the service that nobody listens any more.
      await reader?.cancel().catch(() => {});
    }
  };
}

/** Parses one event (section 9.2 of the HTML standard), without the fields that this protocol does not use. */
function parseBlock(block: string): { event: string; data: string } {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    // Comments, which serve as keep-alives, begin with the colon and do not match.
    const [, name, value = ""] = /^(\w+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === "event") event = value;
    if (name === "data") data.push(value);
  }
  return { event, data: data.join("\n") };
}
