import { createYoga, type Plugin, type YogaInitialContext } from "graphql-yoga";
import type { Config } from "../config.ts";
import type { Tracing } from "../observation/tracing.ts";
import { schema } from "../schema/index.ts";
import { type ContextSources, createContext } from "./context.ts";
import { createDirectOperations } from "./directOperations.ts";
import type { Documents } from "./documents.ts";
import { EXAMPLE_OPERATIONS } from "./exampleOperations.ts";
import { GRAPHQL_PATH, type ServerContext } from "./exchange.ts";
import { createGuardedStreams } from "./guardedStreams.ts";
import { inTurn } from "./inTurn.ts";
import type { OperationStatistics } from "./operationStatistics.ts";
import { type AllowedOrigins, isAllowedOrigin } from "./origins.ts";
import { codedDocumentErrors, codedRefusals, createErrorMasker } from "./plugins/codedErrors.ts";
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

/** What a page of another origin may read of an answer's head. */
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
      trustedDocuments(options.documents),
      // Documents first: what does not parse, is not valid or asks for too much goes no further.
      codedDocumentErrors({ hasSuggestions: options.isIntrospectionEnabled }),
      operationLimits({
        schema,
        limits: options.limits,
        isIntrospectionEnabled: options.isIntrospectionEnabled,
      }),
      codedRefusals(),
      rateLimit(options.rateLimiter),
      reruns.plugin,
      // Before those that run a query in another way than at once.
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
    maskedErrors: {
      maskError: createErrorMasker(sources.log, { hasSuggestions: options.isIntrospectionEnabled }),
    },
    logging: {
      // The masker logs what is unexpected, once and with its reference; Yoga would log it again.
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
    // The page with its scripts comes from this package, not from a CDN: it works offline, and
    // nobody else's server gets to run code beside a viewer's token. Loaded when somebody wants to
    // see it: it is 45 MB of memory.
    renderGraphiQL: async (settings) => {
      const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
      return page.protect(await renderGraphiQL(settings));
    },
    landingPage: false,
    // None of those who may ask gets a viewer's cookies or credentials along.
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
    // The limit is kept where the body is read; Yoga's own copies every body through a stream.
    maxRequestBodySize: false,
    // No field takes a file, and a form could be sent from any page without asking first.
    multipart: false,
  });
  return Object.assign(yoga, {
    /** In front of its HTTP. */
    direct: createDirectOperations({
      yoga,
      observe: operations.observe,
      documents: options.documents,
      limits: options.limits,
    }),
  });
}

/** Sends what an operation has come to already. */
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
 * Whether somebody on this machine opens the page in a browser: by a name that is this machine's, so that no name
 * that leads here by a trick will do, and to look at, because a page of another origin may fetch this one, but
 * no script can say that it navigates (https://www.w3.org/TR/fetch-metadata/).
 */
function isLocalPage({ headers }: Request, address: string | undefined): boolean {
  return (
    LOOPBACK.test(address ?? "") &&
    LOCAL_HOST.test(headers.get("host") ?? "") &&
    headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document"
  );
}
