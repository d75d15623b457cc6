import { hash } from "node:crypto";
import type { Plugin } from "graphql-yoga";

/**
 * The page sends no referrer, nobody may frame it (for browsers without the policy), and it shares its window
 * with no other origin.
 */
const PAGE_HEADERS = [
  ["referrer-policy", "no-referrer"],
  ["x-frame-options", "DENY"],
  ["cross-origin-opener-policy", "same-origin"],
] as const;

export type PagePolicy = ReturnType<typeof createPagePolicy>;

/**
 * The Content-Security-Policy of GraphiQL's page, the only one that is served, and the headers that only
 * pages need. The page's inline scripts are allowed by their hashes. Anything that gets into the page in
 * another way does not run, and neither loads from nor sends to any other origin.
 */
export function createPagePolicy() {
  /**
   * Hashes of the scripts of all pages that were served: there are two, one of them with this machine's token
   * in it, and both may be made at the same time.
   */
  const scripts = new Set<string>();
  let policy: string | undefined;

  return {
    /** Adds the page's scripts to the policy. @returns the page, as it is */
    protect(html: string): string {
      for (const [, text] of html.matchAll(/<script>([\s\S]*?)<\/script>/g))
        scripts.add(`'sha256-${hash("sha256", text!, "base64")}'`);
      policy = [
        "default-src 'none'",
        `script-src ${[...scripts].join(" ")}`,
        "worker-src blob:",
        // GraphiQL's editor sets styles as it goes.
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
