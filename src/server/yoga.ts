import type { DocumentNode, GraphQLError } from "graphql";
import { createYoga, type Plugin, type YogaInitialContext } from "graphql-yoga";
import type { Config } from "../config.ts";
import type { Tracing } from "../observation/tracing.ts";
import { schema } from "../schema/index.ts";
import { type ContextSources, createContext } from "./context.ts";
import { createDirectOperations } from "./directOperations.ts";
import { createDocumentCache } from "./documentCache.ts";
import type { Documents } from "./documents.ts";
import { EXAMPLE_OPERATIONS } from "./exampleOperations.ts";
import { GRAPHQL_PATH, type ServerContext } from "./exchange.ts";
import { createGuardedStreams } from "./guardedStreams.ts";
import { inTurn } from "./inTurn.ts";
import type { OperationStatistics } from "./operationStatistics.ts";
import { type AllowedOrigins, isAllowedOrigin } from "./origins.ts";
import {
  codedDocumentErrors,
  codedParameters,
  codedRefusals,
  createErrorMasker,
  detachedDocumentErrors,
} from "./plugins/codedErrors.ts";
import { compiledQueries } from "./plugins/compiledQueries.ts";
import { conditionalResponses } from "./plugins/conditionalResponses.ts";
import { csrfPrevention } from "./plugins/csrfPrevention.ts";
import { eventStreams } from "./plugins/eventStreams.ts";
import { executionTime } from "./plugins/executionTime.ts";
import { liveQueries } from "./plugins/liveQueries.ts";
import { operationLimits } from "./plugins/operationLimits.ts";
import { createOperations } from "./plugins/operations.ts";
import { createPagePolicy } from "./plugins/pagePolicy.ts";
import { rateLimit } from "./plugins/rateLimit.ts";
import { responseCache } from "./plugins/responseCache.ts";
import { subscriptions } from "./plugins/subscriptions.ts";
import { DOCUMENT_ID, trustedDocuments } from "./plugins/trustedDocuments.ts";
import type { RateLimiter } from "./rateLimiter.ts";
import { createReruns } from "./rerun.ts";
import type { Sampler } from "./sampler.ts";
import type { Streams } from "./streams.ts";

/** The response headers that a page of another origin may read. */
const EXPOSED_HEADERS = [
  "cache-status",
  "etag",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "x-request-id",
];

/** GraphQL over HTTP. Bodies arrive here whole and within their limit: src/server/http.ts reads them. */
export function createGraphqlServer(
  sources: ContextSources,
  options: {
    readonly streams: Streams;
    /** Put into GraphiQL for a browser on this machine. */
    readonly localToken: string | undefined;
    readonly isGraphiqlEnabled: boolean;
    readonly isIntrospectionEnabled: boolean;
    readonly limits: Config["limits"];
    readonly rateLimiter: RateLimiter;
    readonly documents: Documents;
    readonly corsOrigins: AllowedOrigins;
    readonly isCacheExplained: boolean;
    readonly sampler: Sampler;
    readonly statistics: OperationStatistics;
    readonly tracing: Tracing | undefined;
  },
) {
  const { identify, store } = sources;
  const streams = createGuardedStreams({ streams: options.streams, identify, store });
  const reruns = createReruns();
  const page = createPagePolicy();
  const operations = createOperations({ statistics: options.statistics, tracing: options.tracing });
  const yoga = createYoga<ServerContext, Awaited<ReturnType<typeof createContext>>>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    context: (initial: YogaInitialContext & ServerContext) => createContext(sources, initial),
    plugins: inTurn([
      operations.plugin,
      answered(),
      page.plugin,
      csrfPrevention(options.corsOrigins),
      codedParameters(),
      trustedDocuments(options.documents),
      // Documents first: one that does not parse, is not valid or asks for too much goes no further.
      codedDocumentErrors({ hasSuggestions: options.isIntrospectionEnabled }),
      operationLimits({
        schema,
        limits: options.limits,
        isIntrospectionEnabled: options.isIntrospectionEnabled,
      }),
      detachedDocumentErrors(),
      codedRefusals(),
      rateLimit(options.rateLimiter),
      reruns.plugin,
      // Before the plugins that wrap the execution of a query, so that they wrap the compiled one.
      compiledQueries({ schema, after: options.limits.compileAfter }),
      executionTime(options.limits.executionTimeMs),
      // Before the response cache, which answers each run of a live query.
      liveQueries({ schema, store, streams, reruns }),
      subscriptions({ streams, reruns, identify }),
      ...responseCache({
        schema,
        ttlMs: sources.ttlMs,
        isExplained: options.isCacheExplained,
        sampler: options.sampler,
      }),
      conditionalResponses(),
      eventStreams(),
    ]),
    // Yoga's own caches count entries alone.
    parserAndValidationCache: {
      documentCache: createDocumentCache<DocumentNode>((document) => document),
      errorCache: createDocumentCache<GraphQLError>(() => undefined),
    },
    maskedErrors: {
      maskError: createErrorMasker(sources.log, { hasSuggestions: options.isIntrospectionEnabled }),
    },
    logging: {
      // The masker logs unexpected errors, once and with their reference; Yoga would log them again.
      debug: () => {},
      info: () => {},
      warn: (...details) => sources.log.warn({ details }, "GraphQL"),
      error: () => {},
    },
    graphiql:
      options.isGraphiqlEnabled &&
      ((request, context) => ({
        title: "Stack converter",
        defaultTabs: EXAMPLE_OPERATIONS.map(({ query, variables }) => ({
          query,
          ...(variables && { variables }),
        })),
        ...(options.localToken !== undefined &&
          // Safe: Yoga types a context that may be absent as an empty object.
          isLocalPage(request, (context as ServerContext | undefined)?.exchange?.address) && {
            additionalHeaders: { Authorization: `Bearer ${options.localToken}` },
          }),
      })),
    // The page and its scripts come from this server, not from a CDN. So it works offline, and nobody else's
    // server gets to run code beside a viewer's token. It is loaded for the first who wants to see it,
    // because it takes 45 MB of memory.
    renderGraphiQL: async (settings) => {
      const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
      return page.protect(await renderGraphiQL(settings));
    },
    landingPage: false,
    // Even from an allowed origin, browsers send no cookies or credentials of a viewer along.
    cors: (request) => {
      const origin = request.headers.get("origin");
      if (origin === null || !isAllowedOrigin(options.corsOrigins, origin)) return false;
      return {
        origin,
        credentials: false,
        methods: ["GET", "POST", "OPTIONS"],
        exposedHeaders: EXPOSED_HEADERS,
      };
    },
    extraParamNames: [DOCUMENT_ID],
    // src/server/http.ts enforces the limit as it reads the body; Yoga's own limit copies every body through
    // a stream.
    maxRequestBodySize: false,
    // No field takes a file, and any page could send a form without a CORS preflight.
    multipart: false,
  });
  return Object.assign(yoga, {
    /** Answers operations in front of Yoga's HTTP layer. */
    direct: createDirectOperations({
      yoga,
      observe: operations.observe,
      documents: options.documents,
      limits: options.limits,
    }),
  });
}

/** Sends the result of an operation that was executed in front of Yoga. */
function answered(): Plugin<object, ServerContext> {
  return {
    onParams({ context, setResult }) {
      const result = (context as ServerContext).exchange?.answered?.();
      if (result !== undefined) setResult(result);
    },
  };
}

const LOOPBACK = /^(::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/;
const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/**
 * Whether somebody on this machine opens the page in a browser. The host has to be one of this machine's own
 * names, which rules out DNS rebinding. The request has to be a navigation: a page of another origin may
 * fetch this one, but no script can claim to navigate (https://www.w3.org/TR/fetch-metadata/).
 */
function isLocalPage({ headers }: Request, address: string | undefined): boolean {
  return (
    LOOPBACK.test(address ?? "") &&
    LOCAL_HOST.test(headers.get("host") ?? "") &&
    headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document"
  );
}
