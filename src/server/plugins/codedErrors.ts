import { randomUUID } from "node:crypto";
import { GraphQLError, type GraphQLErrorOptions, type GraphQLFormattedError, Kind } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { Logger } from "pino";
import { CredentialError } from "../../auth/error.ts";
import { AppError, type ErrorCode } from "../../errors.ts";

/** Codes of errors that GraphQL itself reports, in Apollo's words, which clients know. */
const PARSE_FAILED = "GRAPHQL_PARSE_FAILED";
const VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED";
const BAD_REQUEST = "BAD_REQUEST";
const BAD_USER_INPUT = "BAD_USER_INPUT";
const INTERNAL = "INTERNAL_SERVER_ERROR";

/**
 * The HTTP status of a request that is refused before any of its fields is resolved. `spec`: only for clients
 * that know the GraphQL over HTTP specification's media type; to others it is an answer like any other, 200.
 */
const STATUS: Partial<Record<ErrorCode, { status: number; spec: boolean }>> = {
  LIMIT_EXCEEDED: { status: 400, spec: true },
  PERSISTED_QUERY_NOT_FOUND: { status: 400, spec: true },
  PERSISTED_QUERY_NOT_SUPPORTED: { status: 400, spec: true },
  UNTRUSTED_DOCUMENT: { status: 400, spec: true },
  CSRF_PREVENTED: { status: 403, spec: false },
  RATE_LIMITED: { status: 429, spec: false },
  EXECUTION_TIMEOUT: { status: 504, spec: true },
};

/** RFC 6750, section 3. */
const UNAUTHORIZED = { status: 401, headers: { "www-authenticate": 'Bearer error="invalid_token"' } };

/** Errors that are in the form that clients may see. */
const finished = new WeakSet<Error>();

/** An expected failure, in the form that clients may see. */
export function codedError(error: AppError, located?: GraphQLError): GraphQLError {
  const http = located?.path === undefined ? httpStatusOf(error) : undefined;
  const coded = new GraphQLError(error.message, {
    ...positionOf(located),
    extensions: { code: error.code, ...error.details, ...(http && { http }) },
  });
  finished.add(coded);
  return coded;
}

function httpStatusOf(error: AppError) {
  // 401 is for a request that is refused as a whole. A single field that needs a viewer fails within an
  // ordinary answer.
  return error instanceof CredentialError ? UNAUTHORIZED : STATUS[error.code];
}

/** GraphQL's guess at what the client has meant, which tells part of the schema. */
const SUGGESTION = / Did you mean .*\?$/s;

/**
 * Gives a code to the errors of documents that do not parse or are not valid.
 *
 * @param hasSuggestions whether GraphQL may say what the client could have meant; without that, nobody learns
 *   the schema by asking wrongly
 */
export function codedDocumentErrors({ hasSuggestions = true } = {}): Plugin {
  return {
    onParse:
      () =>
      ({ result, replaceParseResult }) => {
        // Yoga passes a failure on as the result.
        const error: unknown = result;
        if (error instanceof GraphQLError && !finished.has(error))
          replaceParseResult(withCode(error, PARSE_FAILED) as never);
      },
    onValidate:
      () =>
      ({ valid, result, setResult }) => {
        // Safe: validation gives GraphQL errors.
        const errors = result as readonly GraphQLError[];
        if (!valid)
          setResult(
            errors.map((error) =>
              finished.has(error) ? error : withCode(error, VALIDATION_FAILED, hasSuggestions),
            ),
          );
      },
  };
}

/**
 * Makes the errors of documents independent of the requests that they were made for: Yoga caches them. Until an
 * error's stack is read, V8 keeps the functions on it, and with them the request, its body and its connection.
 *
 * It comes after the plugins that replace such errors: those that it sees are the ones that are cached.
 */
export function detachedDocumentErrors(): Plugin {
  const detach = (error: unknown): void => {
    if (error instanceof Error) void error.stack;
  };
  return {
    onParse:
      () =>
      ({ result }) =>
        detach(result),
    onValidate:
      () =>
      ({ result }) =>
        result.forEach(detach),
  };
}

/**
 * Turns any error of a request into what clients may see. Expected failures keep their message and get their
 * code. Every other error is logged once, under a reference that is all the client learns of it: a database's
 * messages and stack traces would tell strangers how to go on.
 */
export function createErrorMasker(log: Logger, { hasSuggestions = true } = {}) {
  return function maskError(error: unknown): GraphQLError {
    if (error instanceof GraphQLError && finished.has(error)) return error;
    const located = error instanceof GraphQLError ? error : undefined;
    const original = located?.originalError ?? error;

    if (original instanceof AppError) {
      if (original.code === "SERVICE_UNAVAILABLE")
        log.warn({ err: original }, "a request was answered without the database");
      return codedError(original, located);
    }
    // GraphQL's own errors say what is wrong with the request: a variable, a literal, a method.
    if (located && (!located.originalError || original instanceof GraphQLError)) {
      const { code } = located.extensions;
      return withCode(
        located,
        typeof code === "string" && code !== BAD_REQUEST ? code : codeOf(located),
        hasSuggestions,
      );
    }

    const reference = randomUUID();
    log.error({ err: original, reference, path: located?.path }, "a request failed unexpectedly");
    return new GraphQLError(`Something went wrong here. Tell us this reference: ${reference}`, {
      ...positionOf(located),
      extensions: { code: INTERNAL, reference },
    });
  };
}

/** Says what is wrong with variables and extensions in a URL or a form: Yoga takes it for a failure of its own. */
export function codedParameters(): Plugin {
  return {
    onRequestParse({ requestParser, setRequestParser }) {
      if (requestParser === undefined) return;
      setRequestParser(async (request) => {
        try {
          return await requestParser(request);
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error;
          throw new GraphQLError("Expected variables and extensions in JSON.", {
            extensions: { code: BAD_REQUEST, http: { status: 400 } },
          });
        }
      });
    },
  };
}

/** Gives a body with a code to the refusals that Yoga sends without one (406 and 415). */
export function codedRefusals(): Plugin {
  return {
    onResponse({ response, setResponse, fetchAPI }) {
      if ((response.status !== 406 && response.status !== 415) || response.body) return;
      const message =
        response.status === 415
          ? "The request's content-type is none that is read here: send application/json."
          : "None of the accepted types is sent from here: accept application/json.";
      const headers = Object.fromEntries(response.headers);
      const body = JSON.stringify(errorBody(message, BAD_REQUEST));
      setResponse(
        new fetchAPI.Response(body, {
          status: response.status,
          headers: { ...headers, "content-type": "application/json; charset=utf-8" },
        }),
      );
    },
  };
}

/** An error body for answers that never reach GraphQL. */
export function errorBody(message: string, code: string): { errors: GraphQLFormattedError[] } {
  return { errors: [{ message, extensions: { code } }] };
}

/**
 * The code of a GraphQL error without a code of its own. It is about a variable's value if it points at the
 * variable's definition; otherwise it is about the request itself.
 */
function codeOf(error: GraphQLError): string {
  return error.nodes?.some(({ kind }) => kind === Kind.VARIABLE_DEFINITION) ? BAD_USER_INPUT : BAD_REQUEST;
}

/**
 * Of the extensions, keeps only the HTTP status that Yoga has put there for itself: the others are for its
 * debugging.
 */
function withCode(error: GraphQLError, code: string, hasSuggestions = true): GraphQLError {
  const { http } = error.extensions;
  return new GraphQLError(hasSuggestions ? error.message : error.message.replace(SUGGESTION, ""), {
    ...positionOf(error),
    extensions: { code, ...(http === undefined ? {} : { http: httpOf(http, code) }) },
  });
}

/**
 * Yoga marks a status as the specification's, and then answers 200 to clients that accept `application/json`
 * alone. That is right for faulty documents, which GraphQL answers. A request without a document never came
 * to GraphQL, and is a 400 for every client.
 */
function httpOf(http: unknown, code: string): object {
  // Safe: Yoga's `http` is `{ status?, headers?, spec? }`.
  return code === BAD_REQUEST ? { ...(http as object), spec: false } : (http as object);
}

/** Where in the document and in the answer the error happened. */
function positionOf(error: GraphQLError | undefined): GraphQLErrorOptions {
  if (!error) return {};
  const { nodes, source, positions, path } = error;
  return {
    ...(nodes && { nodes }),
    ...(source && { source }),
    ...(positions && { positions }),
    ...(path && { path }),
  };
}
