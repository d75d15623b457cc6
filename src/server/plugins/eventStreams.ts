import { isAsyncIterable, type Plugin } from "graphql-yoga";
import { createHeartbeat, EventStream, type Message } from "../eventStream.ts";

const EVENT_STREAM = "text/event-stream";

const HEADERS = {
  "content-type": EVENT_STREAM,
  "cache-control": "no-cache, no-transform",
  // Tells nginx and its like to let every message through as it comes.
  "x-accel-buffering": "no",
};

/**
 * Sends the server-sent events of answers that go on in Yoga's place: its own way takes a timer, a
 * web stream and two writes a message for each reader. An answer that does not go on is left to it.
 */
export function eventStreams(): Plugin {
  const heartbeat = createHeartbeat();
  return {
    onResultProcess({ result, resultProcessor, request, setResultProcessor }) {
      if (!isAsyncIterable(result)) return;
      // Safe: each is one result, for neither @defer nor @stream is in the schema.
      const messages = (result as AsyncIterable<Message>)[Symbol.asyncIterator]();
      // Yoga refuses what it has no form for, and would leave it running.
      if (resultProcessor === undefined) void messages.return?.();
      const accept = request.headers.get("accept");
      if (!acceptsEvents(accept) && accept !== null && !accept.includes("*/*")) return;
      setResultProcessor((_, fetchAPI) => {
        const stream = new EventStream(messages, heartbeat);
        // Safe: on Node.js, Yoga's Response takes Node's streams.
        return new fetchAPI.Response(stream as unknown as BodyInit, { headers: HEADERS });
      }, EVENT_STREAM);
    },
  };
}

/** Whether who asks has asked for server-sent events. */
export function acceptsEvents(accept: string | null | undefined): boolean {
  return accept?.includes(EVENT_STREAM) ?? false;
}
