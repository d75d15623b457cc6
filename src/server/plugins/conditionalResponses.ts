import type { Plugin } from "graphql-yoga";
import { conditionalHeaders, hasContent } from "../conditional.ts";
import type { ServerContext } from "../exchange.ts";
import { eachHeader } from "../responseHeads.ts";

/**
 * Handles `ETag`, `If-None-Match`, `Cache-Control` and `Cache-Status`. The ETag names the content. It is
 * compared when the operation has been answered, so a request that is refused, is wrong or changes something
 * never gets a 304.
 *
 * A query in a POST gets 304 too, which RFC 9110 leaves to GET and HEAD: it is as safe as they are, and most
 * clients send their queries that way.
 */
export function conditionalResponses(): Plugin<object, ServerContext> {
  return {
    onResponse({ request, response, serverContext, setResponse, fetchAPI }) {
      const answered = serverContext?.exchange?.response;
      if (answered === undefined || isEventStream(response)) return;
      const outcome = answered.outcome();
      const { kept } = outcome;
      const { headers } = response;
      eachHeader(conditionalHeaders(outcome), (name, value) => headers.set(name, value));
      if (kept === undefined) {
        headers.set("cache-control", "no-store");
        return;
      }
      headers.set("cache-control", "private, no-cache");
      headers.append("vary", "Accept, Authorization");
      if (!hasContent(request.headers.get("if-none-match"), kept.etag)) return;
      const remaining = Object.fromEntries(headers);
      delete remaining["content-type"];
      delete remaining["content-length"];
      setResponse(new fetchAPI.Response(null, { status: 304, headers: remaining }));
    },
  };
}

/** An event stream has no content of its own: each of its messages is an answer. */
function isEventStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}
