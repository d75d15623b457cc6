import { DirectiveLocation, GraphQLDirective, GraphQLInt } from "graphql";

/** No more messages reach one subscriber than ten a second. */
export const MIN_INTERVAL_MS = 100;

/** Refused on mutations and subscriptions by GraphQL's own rules: it has no place there. */
export const liveDirective = new GraphQLDirective({
  name: "live",
  description: `Keeps the answer up to date: sent with \`accept: text/event-stream\`, the query is answered at once, and again whenever its answer has changed. Without that header it is an ordinary query. What is read anew for every request (\`health\`, \`statistics\`) is looked at every two seconds.`,
  locations: [DirectiveLocation.QUERY],
  args: {
    throttle: {
      type: GraphQLInt,
      description: `Milliseconds between two answers at least: ${MIN_INTERVAL_MS} unless told, and no less. The last answer always comes.`,
    },
  },
});
