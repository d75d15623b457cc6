import type { GraphQLParams, Plugin } from "graphql-yoga";
import { AppError } from "../../errors.ts";
import type { Documents, UnreadParameters } from "../documents.ts";
import type { ServerContext } from "../exchange.ts";
import { codedError } from "./codedErrors.ts";

/** A parameter of the GraphQL over HTTP draft's appendix on persisted documents, which Yoga does not know. */
export const DOCUMENT_ID = "documentId";

/** Puts a document's text in the place of its digest. The service's own operations need not be published. */
export function trustedDocuments(documents: Documents): Plugin<object, ServerContext> {
  return {
    onParams({ params, request, context, setParams }) {
      // Safe: Yoga looks at the parameters next, and refuses what is not an object.
      const given = params as UnreadParameters | null;
      if (
        (context as ServerContext).exchange?.runAs !== undefined ||
        typeof given !== "object" ||
        given === null
      )
        return;
      const id = request.method === "GET" ? (idInUrl(request.url) ?? given[DOCUMENT_ID]) : given[DOCUMENT_ID];
      try {
        const query = documents.textOf({ ...given, documentId: id });
        if (query === undefined) return;
        const { [DOCUMENT_ID]: _, ...others } = given;
        setParams({ ...others, query } as GraphQLParams); // Safe: as above.
      } catch (error) {
        throw error instanceof AppError ? codedError(error) : error;
      }
    },
  };
}

function idInUrl(url: string): string | null {
  const query = url.indexOf("?");
  return query === -1 ? null : new URLSearchParams(url.slice(query)).get(DOCUMENT_ID);
}
