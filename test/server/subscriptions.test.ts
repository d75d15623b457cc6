import {
  type ExecutionArgs,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  parse,
} from "graphql";
import { expect, test } from "vitest";
import { type Identity, identityOf } from "../../src/auth/identity.ts";
import { AppError } from "../../src/errors.ts";
import type { RequestContext } from "../../src/server/context.ts";
import type { Message } from "../../src/server/eventStream.ts";
import { createGuardedStreams } from "../../src/server/guardedStreams.ts";
import { subscriptions } from "../../src/server/plugins/subscriptions.ts";
import { createStreams } from "../../src/server/streams.ts";

/** A subscription to the news 1, 2 and 3. */
function createWorld() {
  const away = { identify: 0, resolve: 0 };
  const fail = (what: keyof typeof away) => {
    if (away[what] === 0) return;
    away[what]--;
    throw new AppError("SERVICE_UNAVAILABLE", "The database does not answer.");
  };
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: "Query", fields: { one: { type: GraphQLInt } } }),
    subscription: new GraphQLObjectType({
      name: "Subscription",
      fields: {
        news: {
          type: new GraphQLNonNull(
            new GraphQLObjectType({
              name: "News",
              fields: {
                cursor: { type: GraphQLInt },
                event: {
                  type: new GraphQLNonNull(GraphQLInt),
                  resolve: async ({ cursor }) => {
                    fail("resolve");
                    return cursor;
                  },
                },
              },
            }),
          ),
          async *subscribe() {
            for (const cursor of [1, 2, 3]) yield { cursor };
          },
          resolve: (news) => news,
        },
      },
    }),
  });
  const identify = async (): Promise<Identity> => {
    fail("identify");
    return identityOf(null);
  };
  const open = createStreams({ max: 10, maxPerViewer: 10 });
  const first = {
    request: new Request("http://test/"),
    params: { query: "subscription { news { event } }" },
    identity: identityOf(null),
    viewer: null,
  } as unknown as RequestContext; // Safe: the plugin reads only these parts.
  const plugin = subscriptions({
    streams: createGuardedStreams({ streams: open, identify, store: { watch: () => () => {} } }),
    // Safe: as above.
    reruns: { begin: async () => ({ context: first }) } as never,
    identify,
    retryMs: 20,
  });
  let subscribe!: (args: ExecutionArgs) => Promise<AsyncIterableIterator<Message>>;
  // Safe: the plugin calls nothing else.
  plugin.onSubscribe!({ setSubscribeFn: (given: typeof subscribe) => (subscribe = given) } as never);
  const document = parse(first.params.query!);
  return { away, open, subscribe: () => subscribe({ schema, document, contextValue: first }) };
}

test.each(["identify", "resolve"] as const)(
  "no message is lost while the database is away (%s): it is made again",
  async (what) => {
    const { away, open, subscribe } = createWorld();
    const stream = await subscribe();
    const messages: unknown[] = [];
    for await (const { data, errors } of stream) {
      messages.push(errors ?? data);
      if (messages.length === 1) away[what] = 3;
    }
    expect(messages).toEqual([1, 2, 3].map((event) => ({ news: { event } })));
    expect(open.count()).toBe(0);
  },
);

test("a stream that waits for the database ends with its reader", async () => {
  const { away, open, subscribe } = createWorld();
  const stream = await subscribe();
  away.resolve = Number.POSITIVE_INFINITY;
  const waiting = stream.next();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await stream.return?.();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(open.count()).toBe(0);
});
