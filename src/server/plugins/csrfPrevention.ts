import type { Plugin } from "graphql-yoga";
import { AppError } from "../../errors.ts";
import { type AllowedOrigins, isAllowedOrigin } from "../origins.ts";
import { codedError } from "./codedErrors.ts";

/**
 * Content types that any page can send anywhere without a preflight
 * (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
 */
const SIMPLE_TYPES = new Set(["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]);
/** Headers that no page can send to another origin without a preflight. */
const PREFLIGHTED = [
  "authorization",
  "graphql-require-preflight",
  "apollo-require-preflight",
  "x-apollo-operation-name",
  "x-requested-with",
  "idempotency-key",
];

/**
 * Refuses requests that a page of any site could have its visitor's browser send, with the visitor's rights:
 * a form, or a GET that the browser attributes to another site. For anything else that a page sends, the
 * browser asks us first (a CORS preflight).
 *
 * A GET without any special header is answered to programs that are not browsers, as GraphQL over HTTP asks.
 * It can only read, and all browsers say where it comes from.
 */
export function csrfPrevention(allowed: AllowedOrigins): Plugin {
  return {
    onRequestParse({ request }) {
      const { method, headers } = request;
      const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
      if (PREFLIGHTED.some((name) => headers.has(name))) return;
      if (type !== undefined && !SIMPLE_TYPES.has(type)) return;
      if (method === "POST" ? type === undefined : !isFromElsewhere(headers, allowed)) return;
      throw codedError(
        new AppError(
          "CSRF_PREVENTED",
          "Any page could have had its visitor's browser send this. Send it as application/json, or with the header graphql-require-preflight.",
        ),
      );
    },
  };
}

function isFromElsewhere(headers: Headers, allowed: AllowedOrigins): boolean {
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  if (site === "same-origin" || site === "none") return false;
  if (origin !== null) return !isAllowedOrigin(allowed, origin);
  return site !== null;
}
