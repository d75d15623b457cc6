import type { CachedResponse } from "./cachedResponse.ts";

/**
 * One HTTP request on its way through GraphQL. Who receives it makes one and reads it again when
 * it is answered; in between it is told what only GraphQL can know.
 */
export interface Exchange {
  readonly requestId: string;
  /** Set when the request is one for GraphQL. */
  response?: CachedResponse;
}

/** What is handed to Yoga along with a request. */
export interface ServerContext {
  readonly exchange?: Exchange;
}
