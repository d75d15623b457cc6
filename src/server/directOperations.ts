import type { IncomingMessage, ServerResponse } from "node:http";
import { type DocumentNode, type ExecutionResult, getOperationAST } from "graphql";
import type { GraphQLParams, YogaServerInstance } from "graphql-yoga";
import type { Interruption } from "../database/interruption.ts";
import { bodyOf } from "./cachedResponse.ts";
import { conditionalHeaders, hasContent } from "./conditional.ts";
import type { RequestContext } from "./context.ts";
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

export type DirectOperations = ReturnType<typeof createDirectOperations>;

/** Yoga's own two. No page can send one to another origin without asking first, so there is no forgery to look for. */
const JSON_TYPE = /^application\/(graphql\+)?json *(;|$)/i;
/** What a request may have in its body. */
const PARAMETERS = new Set(["query", "documentId", "operationName", "variables", "extensions"]);

/**
 * Answers queries and mutations without Yoga's HTTP, whose Request, Response and streams take longer than all the rest of a small query.
 *
 * Everything that decides is run as it is there: Yoga's parse, validate, context and execute, with the hooks of all plugins.
 * What is out of the ordinary goes to Yoga as a whole, before anything was executed; an answer with
 * errors goes there too, to be sent (`Exchange.answered`). So does the first of each sort of request, from whose answer the others' head is learned.
 */
export function createDirectOperations({ yoga, observe, documents, limits }: DirectOperationsOptions) {
  const heads = createResponseHeads();
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

  /** What the plugins and the context are given, and Yoga's functions with it; undefined for what is no valid query or mutation. */
  function prepare(req: IncomingMessage, params: GraphQLParams, exchange: Exchange) {
    const request = new DirectRequest(req, exchange) as unknown as Request; // Safe: nobody on this way wants more of it.
    const enveloped = yoga.getEnveloped({ request, params, exchange } as never); // Safe: as Yoga itself calls it.
    let document: DocumentNode;
    try {
      document = enveloped.parse(params.query!);
    } catch {
      return undefined;
    }
    if (enveloped.validate(enveloped.schema, document).length > 0) return undefined;
    const kind = getOperationAST(document, params.operationName)?.operation;
    if (kind === undefined || kind === "subscription") return undefined;
    const execute = async (): Promise<ExecutionResult> => {
      const contextValue = await enveloped.contextFactory();
      const { schema } = enveloped;
      const { variables: variableValues, operationName } = params;
      return enveloped.execute({ schema, document, contextValue, variableValues, operationName });
    };
    return { request, execute };
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
      const prepared = params && prepare(req, params, exchange);
      if (prepared === undefined) return undefined;
      exchange.isOwing = true;
      try {
        const result = await observe(prepared.request, prepared.execute);
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
  readonly headers: { get(name: string): string | null };
  readonly #client: Interruption | undefined;
  #signal: AbortSignal | undefined;

  constructor({ headers }: IncomingMessage, { client }: Exchange) {
    this.#client = client;
    this.headers = { get: (name) => headers[name]?.toString() ?? null };
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
