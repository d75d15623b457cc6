import { createSourceEventStream, type ExecutionArgs, execute as graphqlExecute } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { Identify } from "../../auth/identity.ts";
import { scopeOf } from "../../auth/viewer.ts";
import { AppError, isUnavailable } from "../../errors.ts";
import type { RequestContext } from "../context.ts";
import type { Message } from "../eventStream.ts";
import type { GuardedStreams } from "../guardedStreams.ts";
import type { Reruns } from "../rerun.ts";

export interface SubscriptionsOptions {
  readonly streams: GuardedStreams;
  readonly reruns: Reruns;
  readonly identify: Identify;
  /** How long until a message is made again when the database does not answer, in ms. */
  readonly retryMs?: number;
}

/** Codes that end the stream: the viewer may not see this, or not any more. The last message has the code. */
const REFUSALS = ["UNAUTHENTICATED", "FORBIDDEN"];

/** The codes of the subscribed field's own errors. Errors of fields below it do not count. */
function rootCodes({ errors = [] }: Message): string[] {
  return errors.flatMap(({ path, originalError }) =>
    path?.length === 1 && originalError instanceof AppError ? [originalError.code] : [],
  );
}

/**
 * Why there is no message, although there are news: the database is away. Errors of fields that may be null do
 * not count.
 */
function outageIn({ data, errors = [] }: Message): AppError | undefined {
  if (data != null && Object.values(data).some((value) => value !== null)) return undefined;
  const causes = errors.map(({ originalError }) => originalError);
  return causes.find((cause): cause is AppError => isUnavailable(cause));
}

/**
 * Subscriptions in which every message is a request of its own: its viewer is identified again, and its
 * loaders have read nothing yet. graphql-js itself would keep the first context for all messages, with
 * everything that it had read by then.
 *
 * All followers of one thing are given the same news, as one object. Those with the same operation and the
 * same access share the message that is made of it. While the database is away, they wait for it: news that
 * were passed over would never come again.
 */
export function subscriptions(options: SubscriptionsOptions): Plugin<RequestContext> {
  const { streams, reruns, identify, retryMs = 1_000 } = options;
  const messages = new WeakMap<object, Map<string, Promise<Message>>>();

  const execute = async (args: ExecutionArgs, first: RequestContext, news: unknown): Promise<Message> => {
    const { context } = await reruns.begin(first);
    // graphql-js' own `execute`: the one that queries run on would subscribe. Errors are masked where they
    // are for all results.
    const result = await graphqlExecute({ ...args, rootValue: news, contextValue: context });
    const outage = outageIn(result);
    if (outage !== undefined) throw outage;
    if (result.errors !== undefined) return result;
    const text = JSON.stringify(result);
    const cursor = (news as { readonly cursor?: unknown } | null)?.cursor;
    return { ...result, stringify: () => text, ...(cursor !== undefined && { eventId: String(cursor) }) };
  };

  const messageOf = async (args: ExecutionArgs, first: RequestContext, news: unknown) => {
    if (typeof news !== "object" || news === null) return execute(args, first, news);
    const { viewer } = await identify(first.request.headers.get("authorization"));
    const key = JSON.stringify([
      first.params.query,
      args.operationName,
      args.variableValues,
      scopeOf(viewer),
    ]);
    const shared = messages.get(news) ?? new Map<string, Promise<Message>>();
    messages.set(news, shared);
    const known = shared.get(key);
    if (known !== undefined) return known;
    const message = execute(args, first, news);
    shared.set(key, message);
    message.catch(() => shared.delete(key));
    return message;
  };

  const subscribe = async (args: ExecutionArgs) => {
    const source = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in source)) return source;
    const events = source[Symbol.asyncIterator]();
    // Safe: Yoga's contexts are this service's own.
    const first = args.contextValue as RequestContext;
    let isRefused = false;
    let isClosed = false;
    let endWait = () => {};
    const wait = () =>
      new Promise<void>((resolve) => {
        if (isClosed) return resolve();
        const timer = setTimeout(resolve, retryMs);
        endWait = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    const messageWhenBack = async (news: unknown): Promise<Message | undefined> => {
      while (!isClosed) {
        try {
          return await messageOf(args, first, news);
        } catch (error) {
          if (!isUnavailable(error)) throw error;
          await wait();
        }
      }
      return undefined;
    };
    return streams.open(first, {
      async pull() {
        const { done, value } = isRefused ? { done: true } : await events.next();
        if (done) return undefined;
        const message = await messageWhenBack(value);
        if (message === undefined) return undefined;
        const codes = rootCodes(message);
        // What is followed does not exist for its reader any more, as when it is deleted.
        if (codes.includes("NOT_FOUND")) return undefined;
        isRefused = REFUSALS.some((code) => codes.includes(code));
        return message;
      },
      close: () => {
        isClosed = true;
        endWait();
        void events.return?.();
      },
    });
  };

  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(subscribe as never); // Safe: it takes the arguments of GraphQL's own `subscribe`.
    },
  };
}
