import { createOperations, type Operations, type Request } from "./generated.ts";
import { createRequest } from "./request.ts";
import { createSubscribe, type Subscribe } from "./subscribe.ts";
import type { ClientOptions, RequestOptions } from "./transport.ts";
import { type JobEvent, type WatchOptions, watchJob } from "./watch.ts";

/** Sends documents: those of this package, or any other text that was given a type. */
export interface RequestClient {
  /**
   * Sends one document.
   *
   * @returns the answer's `data`, whole
   * @throws StackConverterError for everything that keeps the answer from being complete. An answer
   *   with errors beside its data counts as failed; what there is of it is in the error's `data`.
   */
  readonly request: Request<RequestOptions>;
}

/**
 * A method for each operation: its variables in, the value of the one field that it asks for out.
 * Everything that `request` throws, they throw.
 */
export interface Client extends RequestClient, Operations<RequestOptions> {
  /**
   * Opens a stream: a subscription, or a query marked `@live`. It ends when the service says so.
   *
   * @throws StackConverterError, also when the stream breaks off
   */
  readonly subscribe: Subscribe;
  /**
   * What happens to a conversion job, each event once and in order, until the job ends. It survives broken
   * connections and restarts of the service; `after` goes on from an event's sequence number.
   *
   *     for await (const { type, progress } of client.watchJob(id)) …
   *
   * @throws StackConverterError `NOT_FOUND`, `ABORTED` by the signal, and what the service refuses the request with
   */
  readonly watchJob: (id: string, options?: WatchOptions) => AsyncGenerator<JobEvent, void, undefined>;
}

/**
 * A client with a method for each operation: `await client.project({ id })`. With all of its
 * documents it is 6.1 KB of a compressed bundle; for less, see `createRequestClient`.
 *
 * @throws TypeError for a URL with a user name or password
 */
export function createClient(options: ClientOptions): Client {
  const request = createRequest(options);
  const subscribe = createSubscribe(options);
  return {
    request,
    subscribe,
    watchJob: (id, watchOptions) => watchJob({ request, subscribe }, id, watchOptions),
    ...createOperations(request),
  };
}

/**
 * The client for small bundles: `await client.request(ProjectDocument, { id })`. It has no methods,
 * because no bundler can drop methods of an object, so only the documents that a program imports
 * are in its bundle: 1.9 KB compressed with one of them.
 *
 * @throws TypeError for a URL with a user name or password
 */
export function createRequestClient(options: ClientOptions): RequestClient {
  return { request: createRequest(options) };
}
