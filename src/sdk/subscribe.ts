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

/** For one subscription. `timeoutMs`: how long nothing at all may come, not even a sign of life; 30,000 unless told. */
export type SubscribeOptions = RequestOptions;

/** Sends one document and gives the data of each message, until the service says that there are no more. */
export type Subscribe = <TResult, TVariables>(
  document: TypedDocumentString<TResult, TVariables>,
  variables: TVariables,
  options?: SubscribeOptions,
) => AsyncGenerator<TResult, void, undefined>;

/** The service gives a sign of life every 12 seconds. */
const SILENCE_MS = 30_000;

/**
 * A function that opens a stream of server-sent events, as the GraphQL over SSE protocol has them in its distinct
 * connections mode. Nothing is opened again: how to go on from where a stream broke off is for the caller to know.
 * It takes a message when the last one was taken, so that nothing piles up here.
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
        // One answer instead of a stream, which as a rule says why.
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
        // Whoever takes a message takes their time.
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
      // Also when the caller has left the loop: the service learns that nobody listens.
      await reader?.cancel().catch(() => {});
    }
  };
}

/** One event, by the HTML standard's section 9.2; without what this protocol does not use. */
function parseBlock(block: string): { event: string; data: string } {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    // Comments, which are signs of life, begin with the colon.
    const [, name, value = ""] = /^(\w+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === "event") event = value;
    if (name === "data") data.push(value);
  }
  return { event, data: data.join("\n") };
}
