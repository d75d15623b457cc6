import { randomUUID } from "node:crypto";
import { getOperationAST, parse } from "graphql";
import type { Viewer } from "../auth/viewer.ts";
import type { Operation } from "../schema/cacheMutations.ts";
import type { ResponseOutcome } from "./cachedResponse.ts";
import type { Exchange, ServerContext } from "./exchange.ts";
import { GRAPHQL_PATH } from "./exchange.ts";

export interface InternalOptions {
  /** The viewer to run as; null: anonymous. */
  readonly viewer: Viewer | null;
  /** Reads from the database alone, past every cache. */
  readonly isUncached?: boolean;
}

export interface InternalAnswer {
  /** The body. */
  readonly text: string;
  readonly isFailed: boolean;
  readonly outcome: ResponseOutcome | undefined;
}

export type RunInternally = ReturnType<typeof createInternalOperation>;

/**
 * Runs an operation of the service's own, in the same way as a client's: it is validated, executed and kept
 * like any other, without a token and without a socket.
 */
export function createInternalOperation(
  graphql: (request: Request, context: ServerContext) => Promise<Response> | Response,
) {
  return async (
    operation: Operation,
    { viewer, isUncached = false }: InternalOptions,
  ): Promise<InternalAnswer> => {
    const exchange: Exchange = { requestId: randomUUID(), runAs: viewer, isUncached };
    const request = new Request(`http://internal${GRAPHQL_PATH}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(operation),
    });
    const response = await graphql(request, { exchange });
    const text = await response.text();
    const isFailed = response.status !== 200 || "errors" in JSON.parse(text);
    return { text, isFailed, outcome: exchange.response?.outcome() };
  };
}

/** Whether the operation changes nothing. */
export function isQuery({ query, operationName }: Operation): boolean {
  try {
    return getOperationAST(parse(query, { noLocation: true }), operationName)?.operation === "query";
  } catch {
    return false;
  }
}
