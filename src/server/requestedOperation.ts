import * as z from "zod";
import { scopeOf, type Viewer } from "../auth/viewer.ts";
import type { Operation } from "../schema/cacheMutations.ts";
import type { Documents, UnreadParameters } from "./documents.ts";

/** How often a request was sent. */
export interface RequestCount {
  /** The request's name, which src/server/replay.ts makes. */
  readonly name: string;
  readonly viewer: Viewer | null;
  readonly requests: number;
}

/** An operation that was requested, by whom and how often. */
export interface RequestedOperation extends Operation {
  readonly viewer: Viewer | null;
  readonly requests: number;
}

const optionalText = z
  .string()
  .nullish()
  .transform((text) => text ?? undefined);

/** A request's parameters. */
export const operationSchema = z.object({
  query: z.string(),
  variables: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((variables) => variables ?? undefined),
  operationName: optionalText,
});

/** Lines before the body in a request's name: method and URL, then three headers and the credential's digest. */
const HEAD_LINES = 5;

/**
 * The operation in a request's name, which src/server/replay.ts makes. Nothing else is taken from the name:
 * no header, and so no token.
 *
 * @returns undefined for a request of a form that is not read here
 */
export function operationIn(
  requestName: string,
  documents: Pick<Documents, "recall">,
): Operation | undefined {
  let end = -1;
  for (let line = 0; line < HEAD_LINES; line++) end = requestName.indexOf("\n", end + 1);
  const body = Buffer.from(requestName.slice(end + 1), "latin1").toString();
  const [method, url = ""] = requestName.slice(0, requestName.indexOf("\n")).split(" ");
  try {
    // Safe: a value that is not an object has none of the fields.
    const given = (method === "GET" ? parametersOf(url) : JSON.parse(body)) as UnreadParameters;
    return operationSchema.parse({ ...given, query: documents.recall(given) });
  } catch {
    return undefined;
  }
}

function parametersOf(url: string): UnreadParameters {
  const { searchParams } = new URL(url, "http://internal");
  const parsed = (name: string): unknown => JSON.parse(searchParams.get(name) ?? "null");
  return {
    query: searchParams.get("query"),
    documentId: searchParams.get("documentId"),
    variables: parsed("variables"),
    operationName: searchParams.get("operationName"),
    extensions: parsed("extensions"),
  };
}

/** The most requested operations. The same operation in different requests is counted together. */
export function mostRequested(
  counts: readonly RequestCount[],
  limit: number,
  documents: Pick<Documents, "recall">,
): RequestedOperation[] {
  const operations = new Map<string, RequestedOperation>();
  // Twice as many as are wanted, because some may be counted together; the rest need not be parsed.
  const candidates = counts.toSorted((one, other) => other.requests - one.requests).slice(0, 2 * limit);
  for (const { name, viewer, requests } of candidates) {
    // Warming runs operations with a user's whole role, which may be answered otherwise than a key with scopes.
    if (viewer !== null && viewer.scopes !== null) continue;
    const operation = operationIn(name, documents);
    if (operation === undefined) continue;
    const key = JSON.stringify([operation, scopeOf(viewer)]);
    operations.set(key, {
      ...operation,
      viewer,
      requests: requests + (operations.get(key)?.requests ?? 0),
    });
  }
  return [...operations.values()].sort((one, other) => other.requests - one.requests).slice(0, limit);
}
