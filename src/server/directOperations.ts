import type { IncomingMessage, ServerResponse } from "node:http";
import { type DocumentNode, type ExecutionResult, getOperationAST } from "graphql";
import type { GraphQLParams, YogaServerInstance } from "graphql-yoga";
import { LRUCache } from "lru-cache";
import type { Interruption } from "../database/interruption.ts";
import { bodyOf } from "./cachedResponse.ts";
import { conditionalHeaders, hasContent } from "./conditional.ts";
import { InitialContext, type RequestContext } from "./context.ts";
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

/** Yoga's own two. No page can send one to another origin without asking first, so there is no forgery to look for. */
const JSON_TYPE = /^application\/(graphql\+)?json *(;|$)/i;
/** What a request may have in its body. */
const PARAMETERS = new Set(["query", "documentId", "operationName", "variables", "extensions"]);

/** As many as Yoga remembers, whose documents these are. */
const MAX_PREPARED = 1_000;

/** A document that Yoga's parse and validate have let pass. */
interface PreparedDocument {
  readonly document: DocumentNode;
  /** The names under which one of its queries or mutations was asked for; null: it has one operation alone. */
  readonly operations: Set<string | null>;
}

/**
 * Answers queries and mutations without Yoga's HTTP, whose Request, Response and streams take longer than all the rest of a small query.
 *
 * Everything that decides is run as it is there: Yoga's parse, validate, context and execute, with the hooks of all plugins.
 * What is out of the ordinary goes to Yoga as a whole, before anything was executed; an answer with
 * errors goes there too, to be sent (`Exchange.answered`). So does the first of each sort of request, from whose answer the others' head is learned.
 */
export function createDirectOperations({ yoga, observe, documents, limits }: DirectOperationsOptions) {
  const heads = createResponseHeads();
  /** By their texts. */
  const prepared = new LRUCache<string, PreparedDocument>({ max: MAX_PREPARED });
  let count = 0;

  /** The parameters of a request that Yoga would find nothing wrong with. */
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
      // Safe: as it was looked at above.
      return { operationName, variables, extensions, query } as GraphQLParams;
    } catch {
      return undefined;
    }
  }

  /**
   * The document that is asked for; undefined for what is no valid query or mutation. For a POST, what parsing and validating say, with the hooks
   * of all plugins, follows from its text and the operation's name: what they have let pass once is not shown to them again.
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

  /** Gives the plugins and the context what they look at; undefined: it is Yoga's. */
  function prepare(req: IncomingMessage, params: GraphQLParams, exchange: Exchange) {
    const request = new DirectRequest(req, exchange) as unknown as Request; // Safe: nobody on this way wants more of it.
    const enveloped = yoga.getEnveloped(new InitialContext(request, params, exchange) as never); // Safe: what Yoga itself gives it is in it.
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
     * @param own the headers of this answer alone, names and values in turn
     * @returns the others that it has, whatever is in it; undefined: Yoga has to answer it
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

    /** How many were answered. */
    count: (): number => count,

    /** The request has been answered by Yoga. */
    learn(req: IncomingMessage, res: ServerResponse, { response }: Exchange): void {
      if (response !== undefined && res.statusCode === 200 && isOrdinary(req))
        heads.learn(req, response.outcome().kept !== undefined, res.getHeaders());
    },
  };
}

/** Strangers are turned away earlier, if they are (src/server/plugins/rateLimit.ts). */
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

/** What the plugins look at in a request. */
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
