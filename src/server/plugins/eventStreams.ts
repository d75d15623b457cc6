import type { Plugin } from "graphql-yoga";

/** Tells proxies to let every message of an event stream through as it comes. */
export function eventStreams(): Plugin {
  return {
    onResponse({ response }) {
      const { headers } = response;
      if (!headers.get("content-type")?.startsWith("text/event-stream")) return;
      headers.set("cache-control", "no-cache, no-transform");
      headers.set("x-accel-buffering", "no");
      // Yoga's, and no coding that HTTP knows.
      headers.delete("content-encoding");
    },
  };
}
