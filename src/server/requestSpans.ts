import type { IncomingMessage, ServerResponse } from "node:http";
import type { Tracing } from "../observation/tracing.ts";
import type { ResponseOutcome } from "./cachedResponse.ts";

/**
 * Makes the span of an HTTP request. The request's work runs in it, and it ends when the response is closed. It says
 * whether the answer was replayed, and whether the cache had it. It has neither the URL's parameters nor any header.
 */
export function createRequestSpans(tracing: Tracing) {
  return {
    run(req: IncomingMessage, res: ServerResponse, path: string, work: () => void): void {
      const method = req.method ?? "GET";
      const span = tracing.startRequest(req.headers, `${method} ${path}`, {
        "http.request.method": method,
        "url.path": path,
        "stack_converter.replayed": true,
      });
      res.once("close", () => {
        span.set("http.response.status_code", res.statusCode);
        if (res.statusCode >= 500) span.fail(String(res.statusCode));
        if (!res.writableFinished) span.fail("aborted");
        span.end();
      });
      tracing.within(span, work);
    },

    /** Notes whether the request that runs now was a hit in the response cache; undefined: it was not looked up. */
    lookedUp(status: ResponseOutcome["status"]): void {
      if (status !== undefined)
        tracing.active()?.set("stack_converter.cache", status === "hit" ? "hit" : "miss");
    },

    /** Notes that the request that runs now is answered anew. */
    notReplayed: (): void => tracing.active()?.set("stack_converter.replayed", false),
  };
}
