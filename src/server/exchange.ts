import type { ExecutionResult } from "graphql";
import type { Identity } from "../auth/identity.ts";
import type { Viewer } from "../auth/viewer.ts";
import type { Interruption } from "../database/interruption.ts";
import type { CachedResponse } from "./cachedResponse.ts";
import type { ObservedOperation } from "./plugins/operations.ts";
import type { RateDecision } from "./rateLimiter.ts";

export const GRAPHQL_PATH = "/graphql";

/**
 * One HTTP request on its way through GraphQL. Who receives it makes one and reads it again when
 * it is answered; in between it is told what only GraphQL can know.
 */
export interface Exchange {
  readonly requestId: string;
  /**
   * The service's own operations run as this viewer, without a token. Set by src/server/internalOperation.ts
   * alone: nothing that comes over HTTP leads here.
   */
  readonly runAs?: Viewer | null;
  /** Where it came from; undefined: without a socket. Proxies that are trusted are seen through. */
  readonly address?: string | undefined;
  /** Over when the client has gone away before it had its answer. Undefined: nobody would tell. */
  readonly client?: Interruption;
  /** Answered from the database alone, and not kept. */
  readonly isUncached?: boolean;
  /** Set when the request is one for GraphQL. */
  response?: CachedResponse;
  /** Who sent it; set when the request is one for GraphQL. */
  identity?: Identity;
  /** What the rate limit has said of it. */
  rate?: RateDecision;
  /** What its operation is measured as (src/server/plugins/operations.ts). */
  observed?: ObservedOperation;
  /** It is one for GraphQL that nobody has been charged for yet. */
  isOwing?: boolean;
  /** What the operation has come to, in front of Yoga (src/server/directOperations.ts): it is not run again. Throws what it has failed with. */
  answered?: () => ExecutionResult;
}

/** What is handed to Yoga along with a request. */
export interface ServerContext {
  readonly exchange?: Exchange;
}
