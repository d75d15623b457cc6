import type { IncomingMessage, ServerResponse } from "node:http";
import { type DocumentNode, type ExecutionResult, getOperationAST } from "graphql";
import type { GraphQLParams, YogaServerInstance } from "graphql-yoga";
import type { Interruption } from "../database/interruption.ts";
import { bodyOf } from "./cachedResponse.ts";
import { conditionalHeaders, hasContent } from "./conditional.ts";
import { InitialContext, type RequestContext } from "./context.ts";
import { createDocumentCache } from "./documentCache.ts";
import type { Documents, UnreadParameters } from "./documents.ts";
import { type Exchange, GRAPHQL_PATH, type ServerContext } from "./exchange.ts";
import { acceptsEvents } from "./plugins/eventStreams.ts";
import { inputError, type OperationLimits } from "./plugins/operationLimits.ts";
import type { ObserveOperation } from "./plugins/operations.ts";
import { rateHeaders } from "./plugins/rateLimit.ts";
import { createResponseHeads, withoutContentType } from "./responseHeads.ts";
import { byteLengthOf, endWith } from "./sentBody.ts";

export interface DirectOperationsOptions {
  readonly yoga: Pick<YogaServerInstance<ServerContext, RequestContext>, "getEnveloped">;
  readonly observe: ObserveOperation;
  readonly documents: Pick<Documents, "textOf">;
  readonly limits: OperationLimits;
}

type Enveloped = ReturnType<DirectOperationsOptions["yoga"]["getEnveloped"]>;

export type DirectOperations = ReturnType<typeof createDirectOperations>;

/**
 * The two JSON types that Yoga reads. No page can send one to another origin without a CORS preflight, so
 * there is no forgery to look for.
 */
const JSON_TYPE = /^application\/(graphql\+)?json *(;|$)/i;
/** The parameters that a request's body may have. */
const PARAMETERS = new Set(["query", "documentId", "operationName", "variables", "extensions"]);

/** A document that has passed Yoga's parse and validate. */
interface PreparedDocument {
  readonly document: DocumentNode;
  /**
   * The operation names with which a query or mutation of it was requested. Null: no name, which a document
   * with a single operation allows.
   */
  readonly operations: Set<string | null>;
}

/**
 * Answers queries and mutations without Yoga's HTTP layer, whose Request, Response and streams take longer
 * than all the rest of a small query.
 *
 * Everything that decides runs as it does there: Yoga's parse, validate, context and execute, with the hooks
 * of all plugins. An unusual request goes to Yoga as a whole, before anything was executed. A result with
 * errors goes to Yoga to be sent (`Exchange.answered`). So does the first result for each kind of request:
 * later ones are sent under the head that is learned from it.
 */
export function createDirectOperations({ yoga, observe, documents, limits }: DirectOperationsOptions) {
  const heads = createResponseHeads();
  /** By the documents' texts. As many as Yoga remembers: these are its documents. */
  const prepared = createDocumentCache<PreparedDocument>(({ document }) => document);
  let count = 0;

  /** The request's parameters; undefined if Yoga could find anything wrong with them. */
  function parametersIn(body: Buffer): GraphQLParams | undefined {
    try {
      const given: unknown = JSON.parse(body.toString());
      if (!isObject(given)) return undefined;
      for (const name in given) if (!PARAMETERS.has(name)) return undefined;
      const { documentId: _, operationName, variables, extensions } = given;
      if (operationName != null && typeof operationName !== "string") return undefined;
      if (!isObject(variables ?? {}) || !isObject(extensions ?? {})) return undefined;
      if (inputError(variables, limits) !== undefined) return undefined;
      const query = documents.textOf(given);
      if (query === undefined) return undefined;
      // Safe: the types were checked above.
      return { operationName, variables, extensions, query } as GraphQLParams;
    } catch {
      return undefined;
    }
  }

  /**
   * The requested document; undefined for anything but a valid query or mutation. For a POST, the outcome of
   * parsing and validating, with the hooks of all plugins, follows from the text and the operation's name
   * alone. So a document that has passed once is not parsed and validated again.
   */
  function documentFor(enveloped: Enveloped, { query, operationName: given }: GraphQLParams) {
    const operationName = given ?? null;
    const known = prepared.get(query!);
    if (known?.operations.has(operationName)) return known.document;
    let document: DocumentNode;
    try {
      document = enveloped.parse(query!);
    } catch {
      return undefined;
    }
    if (enveloped.validate(enveloped.schema, document).length > 0) return undefined;
    const kind = getOperationAST(document, operationName)?.operation;
    if (kind === undefined || kind === "subscription") return undefined;
    if (known?.document === document) known.operations.add(operationName);
    else prepared.set(query!, { document, operations: new Set([operationName]) });
    return document;
  }

  /**
   * Prepares the execution, with what the plugins and the context look at. Undefined: Yoga has to answer the
   * request.
   */
  function prepare(req: IncomingMessage, params: GraphQLParams, exchange: Exchange) {
    const request = new DirectRequest(req, exchange) as unknown as Request; // Safe: nothing here uses more of a Request.
    const enveloped = yoga.getEnveloped(new InitialContext(request, params, exchange) as never); // Safe: it has what Yoga itself passes.
    const document = documentFor(enveloped, params);
    if (document === undefined) return undefined;
    return async (): Promise<ExecutionResult> => {
      const contextValue = await enveloped.contextFactory();
      const { schema } = enveloped;
      const { variables: variableValues, operationName } = params;
      return enveloped.execute({ schema, document, contextValue, variableValues, operationName });
    };
  }

  function send(
    req: IncomingMessage,
    res: ServerResponse,
    above: readonly string[],
    result: ExecutionResult,
    { response, rate }: Exchange,
  ): void {
    const outcome = response!.outcome();
    const headers = [...above, ...conditionalHeaders(outcome)];
    if (rate !== undefined) headers.push(...rateHeaders(rate));
    if (outcome.kept !== undefined && hasContent(req.headers["if-none-match"], outcome.kept.etag)) {
      res.writeHead(304, withoutContentType(headers)).end();
      return;
    }
    const body = bodyOf(result);
    const byteLength = byteLengthOf(body);
    headers.push("content-length", String(byteLength));
    endWith(res.writeHead(200, headers), body, byteLength);
  }

  return {
    /**
     * Answers the request, if it can.
     *
     * @param own the headers of this answer alone: names and values, alternating
     * @returns the other headers that it was sent with, which do not depend on its content; undefined: Yoga
     *   has to answer it
     */
    async answer(
      req: IncomingMessage,
      res: ServerResponse,
      body: Buffer,
      exchange: Exchange,
      own: readonly string[],
    ): Promise<readonly string[] | undefined> {
      if (!isOrdinary(req)) return undefined;
      const params = parametersIn(body);
      const execute = params && prepare(req, params, exchange);
      if (execute === undefined) return undefined;
      exchange.isOwing = true;
      try {
        const result = await observe(exchange, execute);
        const head = heads.of(req, exchange.response?.outcome().kept !== undefined);
        if (head !== undefined && result.errors === undefined && "data" in result) {
          count++;
          send(req, res, [...own, ...head], result, exchange);
          return head;
        }
        exchange.answered = () => result;
      } catch (error) {
        exchange.answered = () => {
          throw error;
        };
      }
      return undefined;
    },

    /** How many requests were answered here. */
    count: (): number => count,

    /** Learns the head of an answer that Yoga has sent. */
    learn(req: IncomingMessage, res: ServerResponse, { response }: Exchange): void {
      if (response !== undefined && res.statusCode === 200 && isOrdinary(req))
        heads.learn(req, response.outcome().kept !== undefined, res.getHeaders());
    },
  };
}

/**
 * Whether a request can be answered here. One without a credential cannot: strangers may be refused earlier,
 * by Yoga's plugins (src/server/plugins/rateLimit.ts).
 */
function isOrdinary({ method, url, headers }: IncomingMessage): boolean {
  return (
    method === "POST" &&
    url === GRAPHQL_PATH &&
    JSON_TYPE.test(headers["content-type"] ?? "") &&
    headers["content-encoding"] === undefined &&
    headers.authorization !== undefined &&
    !acceptsEvents(headers.accept)
  );
}

function isObject(value: unknown): value is UnreadParameters {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The parts of a Request that the plugins look at. */
class DirectRequest {
  readonly method = "POST";
  readonly headers: DirectHeaders;
  readonly #client: Interruption | undefined;
  #signal: AbortSignal | undefined;

  constructor({ headers }: IncomingMessage, { client }: Exchange) {
    this.#client = client;
    this.headers = new DirectHeaders(headers);
  }

  /** Aborted when the client goes away before it has its answer. */
  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const controller = new AbortController();
      this.#signal = controller.signal;
      this.#client?.listen(() => controller.abort());
    }
    return this.#signal;
  }
}

class DirectHeaders {
  readonly #headers: IncomingMessage["headers"];

  constructor(headers: IncomingMessage["headers"]) {
    this.#headers = headers;
  }

  get(name: string): string | null {
    return this.#headers[name]?.toString() ?? null;
  }
}
