import { DirectiveLocation, GraphQLDirective, GraphQLEnumType, GraphQLInt } from "graphql";

/** The directive that `@envelop/response-cache` documents, for schemas that are written in code. */
export const cacheControlDirective = new GraphQLDirective({
  name: "cacheControl",
  description: "Sets how long a response with this field or type may be cached, and for whom.",
  locations: [DirectiveLocation.FIELD_DEFINITION, DirectiveLocation.OBJECT],
  args: {
    maxAge: {
      type: GraphQLInt,
      description:
        "The time to live in seconds. 0 means that it is never cached, but read for every request.",
    },
    scope: {
      type: new GraphQLEnumType({
        name: "CacheControlScope",
        description: "For whom a response may be cached.",
        values: {
          PUBLIC: { description: "For every viewer." },
          PRIVATE: { description: "Only for authenticated viewers." },
        },
      }),
      description: "For whom the response may be cached.",
    },
  },
});

/**
 * Returns `extensions` for a field or an object type: what the directive says in a schema written as text.
 */
export function cacheControl(args: {
  /** In seconds. */
  readonly maxAge?: number;
  readonly scope?: "PUBLIC" | "PRIVATE";
}) {
  return { directives: { cacheControl: args } };
}
