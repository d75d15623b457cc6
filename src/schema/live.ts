import { DirectiveLocation, GraphQLDirective, GraphQLInt } from "graphql";

/** A subscriber gets at most ten messages a second. */
export const MIN_INTERVAL_MS = 100;

/** GraphQL's validation refuses it on mutations and subscriptions, because queries are its only location. */
export const liveDirective = new GraphQLDirective({
  name: "live",
  description: `Keeps the answer up to date. Sent with \`accept: text/event-stream\`, the query is answered at once, and again whenever its answer has changed. Without that header it is an ordinary query. Fields that are never cached (such as \`health\` and \`statistics\`) are checked for changes every two seconds.`,
  locations: [DirectiveLocation.QUERY],
  args: {
    throttle: {
      type: GraphQLInt,
      description: `The minimum time between two answers, in milliseconds. It is at least ${MIN_INTERVAL_MS}, which is also the default. The latest answer is always sent.`,
    },
  },
});
