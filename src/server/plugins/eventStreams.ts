import { isAsyncIterable, type Plugin } from "graphql-yoga";
import { createHeartbeat, EventStream, type Message } from "../eventStream.ts";
import type { ServerContext } from "../exchange.ts";

const EVENT_STREAM = "text/event-stream";

const HEADERS = {
  "content-type": EVENT_STREAM,
  "cache-control": "no-cache, no-transform",
  // Tells nginx and similar proxies to pass every message on as it comes.
  "x-accel-buffering": "no",
};

/**
 * Sends server-sent events in Yoga's place: its own way takes, for each reader, a timer, a web stream and two
 * writes a message. A result that is not a stream is left to Yoga.
 */
export function eventStreams(): Plugin {
  const heartbeat = createHeartbeat();
  return {
    onResultProcess({ result, resultProcessor, request, serverContext, setResultProcessor }) {
      if (!isAsyncIterable(result)) return;
      // Safe: each message is one result, for neither @defer nor @stream is in the schema.
      const messages = (result as AsyncIterable<Message>)[Symbol.asyncIterator]();
      // Yoga refuses a result that it cannot send in an accepted type, but would leave the stream running.
      if (resultProcessor === undefined) void messages.return?.();
      const accept = request.headers.get("accept");
      if (!acceptsEvents(accept) && accept !== null && !accept.includes("*/*")) return;
      setResultProcessor((_, fetchAPI) => {
        const stream = new EventStream(messages, heartbeat);
        // Nobody reads a response whose client has left before it began, so nothing else would end its stream.
        (serverContext as ServerContext).exchange?.client?.listen(() => stream.destroy());
        // Safe: on Node.js, Yoga's Response takes Node's streams.
        return new fetchAPI.Response(stream as unknown as BodyInit, { headers: HEADERS });
      }, EVENT_STREAM);
    },
  };
}

/** Whether the client accepts server-sent events. */
export function acceptsEvents(accept: string | null | undefined): boolean {
  return accept?.includes(EVENT_STREAM) ?? false;
}
