import type { KeptResponse, ResponseOutcome } from "./cachedResponse.ts";

/**
 * Whether the sender has this content already: `If-None-Match` with RFC 9110's weak comparison
 * (sections 8.8.3.2 and 13.1.2).
 */
export function hasContent(ifNoneMatch: string | null | undefined, etag: string): boolean {
  if (!ifNoneMatch) return false;
  if (ifNoneMatch.trim() === "*") return true;
  // No entity tag of ours has a comma in it.
  return ifNoneMatch.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === etag);
}

/** `Cache-Status` and `ETag` of an answer: names and values, alternating. */
export function conditionalHeaders({ status, kept }: Pick<ResponseOutcome, "status" | "kept">): string[] {
  const headers: string[] = [];
  if (status !== undefined) headers.push("cache-status", cacheStatus(status, kept));
  if (kept !== undefined) headers.push("etag", kept.etag);
  return headers;
}

/**
 * `Cache-Status` (RFC 9211): how the request fared in the cache. A hit's remaining time is in seconds, rounded down.
 */
function cacheStatus(status: "hit" | "miss" | "bypass", kept: KeptResponse | undefined): string {
  switch (status) {
    case "hit":
      return `stack-converter; hit; ttl=${Math.floor((kept!.keptAt + kept!.ttlMs - Date.now()) / 1_000)}`;
    case "miss":
      return `stack-converter; fwd=miss${kept === undefined ? "" : "; stored"}`;
    case "bypass":
      return "stack-converter; fwd=bypass";
  }
}
