import { createSourceEventStream, type ExecutionArgs, execute as graphqlExecute } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { Identify } from "../../auth/identity.ts";
import { scopeOf } from "../../auth/viewer.ts";
import { AppError } from "../../errors.ts";
import type { RequestContext } from "../context.ts";
import type { Message } from "../eventStream.ts";
import type { GuardedStreams } from "../guardedStreams.ts";
import type { Reruns } from "../rerun.ts";

export interface SubscriptionsOptions {
  readonly streams: GuardedStreams;
  readonly reruns: Reruns;
  readonly identify: Identify;
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
 * Subscriptions in which every message is a request of its own: its viewer is identified again, and its
 * loaders have read nothing yet. graphql-js itself would keep the first context for all messages, with
 * everything that it had read by then.
 *
 * All followers of one thing are given the same news, as one object. Those with the same operation and the
 * same access share the message that is made of it.
 */
export function subscriptions({ streams, reruns, identify }: SubscriptionsOptions): Plugin<RequestContext> {
  const messages = new WeakMap<object, Map<string, Promise<Message>>>();

  const execute = async (args: ExecutionArgs, first: RequestContext, news: unknown): Promise<Message> => {
    const { context } = await reruns.begin(first);
    // graphql-js' own `execute`: the one that queries run on would subscribe. Errors are masked where they
    // are for all results.
    const result = await graphqlExecute({ ...args, rootValue: news, contextValue: context });
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
    let shared = messages.get(news);
    if (shared === undefined) {
      shared = new Map();
      messages.set(news, shared);
    }
    let message = shared.get(key);
    if (message === undefined) {
      message = execute(args, first, news);
      shared.set(key, message);
    }
    return message;
  };

  const subscribe = async (args: ExecutionArgs) => {
    const source = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in source)) return source;
    const events = source[Symbol.asyncIterator]();
    // Safe: Yoga's contexts are this service's own.
    const first = args.contextValue as RequestContext;
    let isRefused = false;
    return streams.open(first, {
      async pull() {
        const { done, value } = isRefused ? { done: true } : await events.next();
        if (done) return undefined;
        const message = await messageOf(args, first, value);
        const codes = rootCodes(message);
        // What is followed does not exist for its reader any more, as when it is deleted.
        if (codes.includes("NOT_FOUND")) return undefined;
        isRefused = REFUSALS.some((code) => codes.includes(code));
        return message;
      },
      close: () => void events.return?.(),
    });
  };

  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(subscribe as never); // Safe: it takes the arguments of GraphQL's own `subscribe`.
    },
  };
}
