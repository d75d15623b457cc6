import type { ExecutionResult } from "graphql";
import type { Identity } from "../auth/identity.ts";
import type { Viewer } from "../auth/viewer.ts";
import type { Interruption } from "../database/interruption.ts";
import type { CachedResponse } from "./cachedResponse.ts";
import type { ObservedOperation } from "./plugins/operations.ts";
import type { RateDecision } from "./rateLimiter.ts";

export const GRAPHQL_PATH = "/graphql";

/**
 * One HTTP request on its way through GraphQL. The code that receives the request makes it, and reads it
 * again when the request is answered. In between, GraphQL's plugins add what only they can know.
 */
export interface Exchange {
  readonly requestId: string;
  /**
   * The service's own operations run as this viewer, without a token. Only src/server/internalOperation.ts
   * sets it: nothing that comes over HTTP can.
   */
  readonly runAs?: Viewer | null;
  /** The client's address, also behind trusted proxies; undefined: the request came without a socket. */
  readonly address?: string | undefined;
  /**
   * Interrupted when the client goes away before it has its answer. Undefined: the request's own signal has to tell.
   */
  readonly client?: Interruption;
  /** The request is answered from the database alone, and its answer is not kept. */
  readonly isUncached?: boolean;
  /** Set when the request is one for GraphQL. */
  response?: CachedResponse;
  /** Who sent it; set when the request is one for GraphQL. */
  identity?: Identity;
  /** The rate limit's decision. */
  rate?: RateDecision;
  /** The operation as it is observed (src/server/plugins/operations.ts). */
  observed?: ObservedOperation;
  /** The request is one for GraphQL, and nobody has been charged for it yet. */
  isOwing?: boolean;
  /**
   * Gives the result of an operation that ran in front of Yoga (src/server/directOperations.ts), or throws
   * its error. The operation is not run again.
   */
  answered?: () => ExecutionResult;
}

/** What is handed to Yoga along with a request. */
export interface ServerContext {
  readonly exchange?: Exchange;
}
