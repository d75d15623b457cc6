import { createOperations, type Operations, type Request } from "./generated.ts";
import { createRequest } from "./request.ts";
import { createSubscribe, type Subscribe } from "./subscribe.ts";
import type { ClientOptions, RequestOptions } from "./transport.ts";
import { type JobEvent, type WatchOptions, watchJob } from "./watch.ts";

/** Sends typed documents: those of this package, or any other text that was given a type. */
export interface RequestClient {
  /**
   * Sends one document.
   *
   * @returns the answer's `data`, whole
   * @throws StackConverterError whenever there is no complete answer. An answer with errors beside its data
   *   counts as failed; the error's `data` holds the part that came.
   */
  readonly request: Request<RequestOptions>;
}

/**
 * A method for each operation. It takes the operation's variables, and resolves to the value of the one field
 * that the operation asks for. The methods throw what `request` throws.
 */
export interface Client extends RequestClient, Operations<RequestOptions> {
  /**
   * Opens a stream: a subscription, or a query marked `@live`. It ends when the service completes it.
   *
   * @throws StackConverterError, also when the stream breaks off
   */
  readonly subscribe: Subscribe;
  /**
   * Yields the events of a conversion job, each once and in order, until the job ends. It survives broken
   * connections and restarts of the service. `after` skips the events up to that sequence number.
   *
   *     for await (const { type, progress } of client.watchJob(id)) …
   *
   * @throws StackConverterError `NOT_FOUND`, `ABORTED` when the signal fires, and the code with which the
   *   service refuses the request
   */
  readonly watchJob: (id: string, options?: WatchOptions) => AsyncGenerator<JobEvent, void, undefined>;
}

/**
 * A client with a method for each operation: `await client.project({ id })`. With all of its documents it
 * takes 6.1 KB of a compressed bundle. For a smaller one, see `createRequestClient`.
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
 * The client for small bundles: `await client.request(ProjectDocument, { id })`. It has no method for each
 * operation, because no bundler can drop an object's methods. A program's bundle therefore holds only the
 * documents that it imports: 1.9 KB compressed with one of them.
 *
 * @throws TypeError for a URL with a user name or password
 */
export function createRequestClient(options: ClientOptions): RequestClient {
  return { request: createRequest(options) };
}
