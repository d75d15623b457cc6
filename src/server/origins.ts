import type { Config } from "../config.ts";

/** Origins whose pages may send requests. "local": those on this machine, on any port. */
export type AllowedOrigins = Config["http"]["corsOrigins"];

const LOCAL_NAMES = new Set(["localhost", "127.0.0.1", "[::1]"]);

export function isAllowedOrigin(allowed: AllowedOrigins, origin: string): boolean {
  if (allowed === "local") return URL.canParse(origin) && LOCAL_NAMES.has(new URL(origin).hostname);
  return allowed.includes("*") || allowed.includes(origin);
}
