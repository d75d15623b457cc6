import { z } from "zod";
import { count, variable } from "./variable.ts";

/** Keys fetched over a network without TLS could be anybody's, so http:// is for this machine alone. */
function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (
    protocol === "https:" || (protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname))
  );
}

/** How users are authenticated, and how long the audit log keeps what they did. */
export const authVariables = {
  AUTH_JWT_SECRET: variable(
    z.string().min(32, "expected at least 32 characters (openssl rand -base64 48)"),
    "Signs and verifies tokens (JWT, HS256). This or `AUTH_JWKS_URL` is needed with `DATABASE_URL`.",
    { isSecret: true },
  ),
  AUTH_JWKS_URL: variable(
    z.string().refine(isSafeUrl, "expected a URL that begins with https:// (http:// on this machine alone)"),
    "Where an identity provider publishes the keys of its tokens. Changed keys are fetched.",
  ),
  AUTH_ISSUER: variable(z.string().min(1), "The `iss` that tokens must have. Required with `AUTH_JWKS_URL`."),
  AUTH_AUDIENCE: variable(
    z.string().min(1),
    "The `aud` that tokens must have. Required with `AUTH_JWKS_URL`.",
  ),
  AUTH_CLOCK_SKEW: variable(
    count(0, 600),
    "How far the clock of the tokens' issuer may differ from the service's, in seconds.",
    { default: "30" },
  ),
  AUDIT_RETENTION_DAYS: variable(
    count(0, 36_500),
    "How long the audit log keeps an entry, in days. 0: for ever.",
    { default: "365" },
  ),
} as const;
