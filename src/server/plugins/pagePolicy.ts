import { hash } from "node:crypto";
import type { Plugin } from "graphql-yoga";

/** Whom the page tells where it is, who may frame it (for browsers without the policy), and whose window it shares. */
const PAGE_HEADERS = [
  ["referrer-policy", "no-referrer"],
  ["x-frame-options", "DENY"],
  ["cross-origin-opener-policy", "same-origin"],
] as const;

export type PagePolicy = ReturnType<typeof createPagePolicy>;

/**
 * The Content-Security-Policy of the one page that is served, and the headers that only pages need. Its scripts are written in it, and may run because
 * of what they are: nothing that gets into the page some other way runs, or loads from or tells anybody else.
 */
export function createPagePolicy() {
  /** Of all that were served: there are two pages, one with this machine's token in it, which may be made at the same time. */
  const scripts = new Set<string>();
  let policy: string | undefined;

  return {
    /** @returns the page */
    protect(html: string): string {
      for (const [, text] of html.matchAll(/<script>([\s\S]*?)<\/script>/g))
        scripts.add(`'sha256-${hash("sha256", text!, "base64")}'`);
      policy = [
        "default-src 'none'",
        `script-src ${[...scripts].join(" ")}`,
        "worker-src blob:",
        // Its editor sets styles as it goes.
        "style-src 'unsafe-inline'",
        "font-src data:",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ].join("; ");
      return html;
    },

    plugin: {
      onResponse({ response }) {
        if (policy === undefined || !response.headers.get("content-type")?.startsWith("text/html")) return;
        response.headers.set("content-security-policy", policy);
        for (const [name, value] of PAGE_HEADERS) response.headers.set(name, value);
      },
    } satisfies Plugin as Plugin,
  };
}
