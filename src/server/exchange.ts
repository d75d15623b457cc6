import type { Identity } from "../auth/identity.ts";
import type { Viewer } from "../auth/viewer.ts";
import type { CachedResponse } from "./cachedResponse.ts";

/**
 * One HTTP request on its way through GraphQL. Who receives it makes one and reads it again when
 * it is answered; in between it is told what only GraphQL can know.
 */
export interface Exchange {
  readonly requestId: string;
  /** Where it came from, if that is known. */
  readonly address?: string | undefined;
  /**
   * The service's own operations run as this viewer, without a token. Set by src/server/internalOperation.ts
   * alone: nothing that comes over HTTP leads here.
   */
  readonly runAs?: Viewer | null;
  /** Answered from the database alone, and not kept. */
  readonly isUncached?: boolean;
  /** Set when the request is one for GraphQL. */
  response?: CachedResponse;
  /** Who sent it; set when the request is one for GraphQL. */
  identity?: Identity;
}

/** What is handed to Yoga along with a request. */
export interface ServerContext {
  readonly exchange?: Exchange;
}
