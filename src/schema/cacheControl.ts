import { DirectiveLocation, GraphQLDirective, GraphQLEnumType, GraphQLInt } from "graphql";

/** The directive that `@envelop/response-cache` documents, for schemas that are written in code. */
export const cacheControlDirective = new GraphQLDirective({
  name: "cacheControl",
  description: "How long answers with this may be kept, and for whom.",
  locations: [DirectiveLocation.FIELD_DEFINITION, DirectiveLocation.OBJECT],
  args: {
    maxAge: { type: GraphQLInt, description: "In seconds; 0: it is read anew for every request." },
    scope: {
      type: new GraphQLEnumType({
        name: "CacheControlScope",
        description: "Whose answers are kept.",
        values: {
          PUBLIC: { description: "Everybody's." },
          PRIVATE: { description: "Those of viewers who have said who they are." },
        },
      }),
      description: "Whose answers are kept.",
    },
  },
});

/** `extensions` of a field or an object type: what the directive says in a schema that is written as text. */
export function cacheControl(args: {
  /** In seconds. */
  readonly maxAge?: number;
  readonly scope?: "PUBLIC" | "PRIVATE";
}) {
  return { directives: { cacheControl: args } };
}
