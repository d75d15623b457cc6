import * as z from "zod";
import { scopeOf, type Viewer } from "../auth/viewer.ts";
import type { Operation } from "../schema/cacheMutations.ts";
import type { Documents, UnreadParameters } from "./documents.ts";

/** How often a request was sent. */
export interface RequestCount {
  /** Its name in src/server/replay.ts. */
  readonly name: string;
  readonly viewer: Viewer | null;
  readonly requests: number;
}

/** An operation that was asked for, by whom and how often. */
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

/** Lines before the body in a request's name: method and URL, then four headers. */
const HEAD_LINES = 5;

/**
 * The operation in a request's name, which src/server/replay.ts has put together. Nothing else of it is
 * taken: no header, and so no token.
 *
 * @returns undefined for forms of a request that are not read here
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
    // Safe: what is no object has none of the fields.
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

/** The operations that were asked for most, the same ones in different requests counted together. */
export function mostRequested(
  counts: readonly RequestCount[],
  limit: number,
  documents: Pick<Documents, "recall">,
): RequestedOperation[] {
  const operations = new Map<string, RequestedOperation>();
  // Twice as many as are wanted, so that requests are not all read to find some that are counted together.
  const candidates = counts.toSorted((one, other) => other.requests - one.requests).slice(0, 2 * limit);
  for (const { name, viewer, requests } of candidates) {
    // What a key with scopes of its own asked for, others with the role would not be answered the same.
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
