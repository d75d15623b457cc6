/**
 * The typed client of the service, for browsers and Node alike. It imports nothing outside this folder, and
 * needs only `fetch`, `AbortController`, `URL` and timers of its platform.
 */
export { type Client, createClient, createRequestClient, type RequestClient } from "./client.ts";
export {
  type ClientErrorCode,
  type ServiceError,
  type ServiceErrorCode,
  StackConverterError,
  type StackConverterErrorCode,
  type ValidationIssue,
} from "./error.ts";
export * from "./generated.ts";
export { type ForwardPage, type Page, paginate } from "./paginate.ts";
export type { Subscribe, SubscribeOptions } from "./subscribe.ts";
export type { ClientOptions, RequestOptions, Supplier } from "./transport.ts";
export type { JobEvent, WatchOptions } from "./watch.ts";
