import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { Interruption } from "../database/interruption.ts";
import type { Tracing } from "../observation/tracing.ts";
import { type BodyFailure, bodyAtHand, ReadBody, readBody } from "./body.ts";
import { type ClientAddress, STRICT_TRANSPORT } from "./clientAddress.ts";
import { requestIdOf } from "./context.ts";
import type { DirectOperations } from "./directOperations.ts";
import { type Exchange, GRAPHQL_PATH, type ServerContext } from "./exchange.ts";
import type { HttpRoute, HttpStatistics } from "./httpStatistics.ts";
import { listenOn } from "./listen.ts";
import { errorBody } from "./plugins/codedErrors.ts";
import { acceptsEvents } from "./plugins/eventStreams.ts";
import type { Probes } from "./probes.ts";
import type { Replay } from "./replay.ts";
import { createRequestSpans } from "./requestSpans.ts";
import { eachHeader, sharedHeaders } from "./responseHeads.ts";
import { Roll } from "./roll.ts";
import { closeWithConnection } from "./waitingResponses.ts";

/** While the service stops: how often it closes connections that have become idle. */
const IDLE_CHECK_MS = 50;

/** How long a connection may be idle between two requests, in ms. */
const KEEP_ALIVE_MS = 5_000;
/**
 * After this time, nobody uses a connection any more that was idle all the while. It is longer than the
 * keep-alive time, to which newer versions of Node.js add a second.
 */
const HAND_OVER_MS = KEEP_ALIVE_MS + 2_000;
/** The most headers of one request; browsers and proxies together send some thirty. */
const MAX_HEADERS = 100;

/**
 * Headers of every answer: those that matter for one that is not a page. GraphiQL's page has more
 * (src/server/plugins/pagePolicy.ts).
 */
const SECURITY_HEADERS = [
  ["x-content-type-options", "nosniff"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
] as const;

export interface HttpServerOptions {
  readonly graphql: ((req: IncomingMessage, res: ServerResponse, context: ServerContext) => unknown) & {
    readonly direct: DirectOperations;
  };
  readonly replay: Replay;
  readonly probes: Pick<Probes, "answer">;
  readonly statistics: HttpStatistics;
  readonly tracing: Tracing | undefined;
  readonly limits: Pick<
    Config["http"],
    "maxBodyBytes" | "headersTimeoutMs" | "requestTimeoutMs" | "maxHeaderBytes" | "maxConnections"
  >;
  readonly clients: ClientAddress;
  readonly log: Logger;
}

/**
 * The service on Node's own HTTP server. It reads bodies within their limit, answers the operator's probes,
 * logs a line for each request that is not replayed, and stops without dropping one.
 */
export function createHttpServer(options: HttpServerOptions) {
  const { graphql, replay, probes, statistics, tracing, limits, clients, log } = options;
  const { direct } = graphql;
  const { maxBodyBytes } = limits;
  const spans = tracing && createRequestSpans(tracing);
  let isStopping = false;
  /** Every answer is the last on its connection. */
  let isRetiring = false;
  let ended: Promise<void> | undefined;
  /** The responses in progress. Some are event streams, which do not end by themselves. */
  const responses = new Roll<ServerResponse>();
  /** Requests and their responses, alternating: an array of pairs would be one more allocation for each. */
  let arrived: (IncomingMessage | ServerResponse)[] = [];

  /**
   * Collects the requests that arrive in one turn of the event loop. They are received after it, because the
   * parser hands out a request before it has looked at the body. Then the short path is tried first: the
   * replay of a query that was answered before, if its body has arrived with its head.
   */
  const listener: RequestListener = (req, res) => {
    closeWithConnection(req, res);
    if (arrived.length === 0) setImmediate(receiveArrived);
    arrived.push(req, res);
  };

  function receiveArrived(): void {
    const batch = arrived;
    arrived = [];
    // Safe: the listener has added them alternately.
    for (let index = 0; index < batch.length; index += 2) {
      const req = batch[index] as IncomingMessage;
      const res = batch[index + 1] as ServerResponse;
      if (isRetiring) res.shouldKeepAlive = false;
      // Probes and metrics are not traced: they are not part of any client's work.
      if (spans === undefined || pathOf(req) !== GRAPHQL_PATH) receive(req, res);
      else spans.run(req, res, GRAPHQL_PATH, () => receive(req, res));
    }
  }

  function receive(req: IncomingMessage, res: ServerResponse): void {
    const requestId = requestIdOf(req.headers["x-request-id"]?.toString());
    const body = pathOf(req) === GRAPHQL_PATH && !isStopping ? bodyAtHand(req, maxBodyBytes) : undefined;
    if (body === undefined) {
      handle(req, res, requestId, undefined, undefined);
      return;
    }
    const name = acceptsEvents(req.headers.accept) ? undefined : replay.nameOf(req, body);
    const otherwise = () => handle(req, res, requestId, body, name);
    // Bound to this request's span, because the store calls back for many requests at once.
    replay.answer(name, req, res, requestId, tracing === undefined ? otherwise : tracing.bind(otherwise));
  }

  function handle(
    req: IncomingMessage,
    res: ServerResponse,
    requestId: string,
    body: Buffer | undefined,
    name: string | undefined,
  ): void {
    const startedAt = performance.now();
    const own = ["x-request-id", requestId];
    if (clients.isSecure(req)) own.push("strict-transport-security", STRICT_TRANSPORT);
    spans?.notReplayed();
    const place = responses.add(res);
    const client = new Interruption();
    const closed = () => {
      responses.remove(place);
      if (!res.writableFinished) client.interrupt(undefined);
      const level = res.statusCode >= 500 ? "warn" : "info";
      const durationMs = performance.now() - startedAt;
      statistics.record(routeOf(pathOf(req)), res.statusCode, durationMs);
      const ms = Math.round(durationMs * 10) / 10;
      log[level](
        {
          requestId,
          method: req.method,
          path: pathOf(req),
          status: res.statusCode,
          ms,
          aborted: !res.writableFinished,
        },
        "request",
      );
    };
    // The client has gone away while its answer was looked up: nobody would tell that again.
    if (res.destroyed) {
      closed();
      return;
    }
    res.on("close", tracing === undefined ? closed : tracing.bind(closed));
    void route(req, res, { requestId, address: clients.addressOf(req), client }, own, body, name).catch(
      (error: unknown) => {
        log.error({ err: error, requestId }, "a request failed outside of GraphQL");
        if (res.headersSent) return void res.destroy();
        introduce(res, own);
        sendError(res, 500, "INTERNAL_SERVER_ERROR", "Something went wrong here.");
      },
    );
  }

  async function route(
    req: IncomingMessage & { body?: ReadBody },
    res: ServerResponse,
    exchange: Exchange,
    own: readonly string[],
    body: Buffer | undefined,
    name: string | undefined,
  ): Promise<void> {
    switch (pathOf(req)) {
      case GRAPHQL_PATH: {
        const read = req.method === "POST" ? (body ?? (await readBody(req, maxBodyBytes))) : undefined;
        const isRead = read !== undefined && typeof read !== "string";
        const head = isRead ? await direct.answer(req, res, read, exchange, own) : undefined;
        if (head === undefined) {
          introduce(res, own);
          if (typeof read === "string") return refuseBody(res, read);
          // Yoga would fail to make a URL of it, and answer with the stack trace.
          req.headers.host ||= "internal";
          if (!URL.canParse(`http://${req.headers.host}`))
            return sendError(res, 400, "BAD_REQUEST", "The header Host names no host.");
          // Yoga looks here for a body that was read already, where body parsers put it.
          if (read !== undefined) req.body = new ReadBody(read);
          await graphql(req, res, { exchange });
          direct.learn(req, res, exchange);
        }
        if (exchange.response !== undefined && exchange.identity !== undefined) {
          const shared = () => head ?? sharedHeaders(res.getHeaders());
          const outcome = exchange.response.outcome();
          spans?.lookedUp(outcome.status);
          replay.remember(name, res, shared, outcome, exchange.identity);
        }
        return;
      }
      case "/":
        introduce(res, own);
        res.writeHead(302, { location: GRAPHQL_PATH }).end();
        return;
      default:
        introduce(res, own);
        if (await probes.answer(req, res, "service")) return;
        return sendError(res, 404, "NOT_FOUND", `There is nothing here. GraphQL is at ${GRAPHQL_PATH}.`);
    }
  }

  function refuseBody(res: ServerResponse, failure: BodyFailure): void {
    // The client has gone away.
    if (failure === "aborted") return void res.destroy();
    // The rest of the body is not worth reading, so the connection ends with this answer.
    res.setHeader("connection", "close");
    sendError(
      res,
      413,
      "PAYLOAD_TOO_LARGE",
      `The body is longer than ${maxBodyBytes} bytes (MAX_BODY_BYTES).`,
    );
  }

  const server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      // How late it may be noticed that one of these is over.
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
      maxHeaderSize: limits.maxHeaderBytes,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    listener,
  );
  server.maxConnections = limits.maxConnections;
  server.maxHeadersCount = MAX_HEADERS;
  // No limit: the rate limit says how much a client may ask, and a new connection would cost more than the
  // next request.
  server.maxRequestsPerSocket = 0;

  const retire = () => {
    isRetiring = true;
    for (const res of responses.members()) res.shouldKeepAlive = false;
  };
  /**
   * Calls the `close` of a plain server. That of an HTTP server would also close idle connections, on which a
   * request may be on its way.
   */
  const stopListening = () =>
    new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  const countConnections = () =>
    new Promise<number>((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)));
  const countStreams = () => responses.members().filter(isEventStream).length;

  return {
    listener,
    isListening: (): boolean => server.listening,

    /** @throws Error when the address is taken or not this machine's */
    async listen(port: number, host: string): Promise<{ url: string; port: number }> {
      const actualPort = await listenOn(server, port, host);
      const name = host.includes(":") ? `[${host}]` : host;
      return { url: `http://${name}:${actualPort}${GRAPHQL_PATH}`, port: actualPort };
    },

    /**
     * From here on every answer closes its connection. Clients open a new one for each request, so none is
     * closed while a client sends on it.
     */
    retire,

    /**
     * Stops where a successor listens on the same port. It takes no new connections, and waits for the
     * existing ones to have their last answer, or to be idle for so long that nobody uses them any more.
     */
    async handOver(): Promise<void> {
      retire();
      if (!server.listening) return;
      const deadline = performance.now() + HAND_OVER_MS;
      ended = stopListening();
      while (performance.now() < deadline && (await countConnections()) > countStreams())
        await sleep(IDLE_CHECK_MS);
    },

    /** Takes no new connections, lets running requests finish, and cuts off those that outlast the time-out (ms). */
    async close(timeoutMs: number): Promise<void> {
      isStopping = true;
      retire();
      if (server.listening) ended = stopListening();
      if (ended === undefined) return;
      server.closeIdleConnections();
      // A request from before the stop may leave its connection open, and closing would have to wait until
      // the keep-alive time is over.
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
      for (const res of responses.members()) endEventStream(res);
      const timer = setTimeout(() => {
        log.warn({ timeoutMs }, "requests were cut off: they outlasted the shutdown time-out");
        server.closeAllConnections();
      }, timeoutMs);
      await ended;
      clearInterval(idle);
      clearTimeout(timer);
    },
  };
}

/**
 * Ends an event stream between two messages, without the `complete` event that would say that no more
 * messages come. So clients subscribe again, elsewhere. The connection would be kept alive for another
 * request, so it is ended, too.
 */
function endEventStream(res: ServerResponse): void {
  if (!isEventStream(res)) return;
  const { socket } = res;
  res.end(() => socket?.end());
}

function isEventStream(res: ServerResponse): boolean {
  return res.headersSent && String(res.getHeader("content-type")).startsWith("text/event-stream");
}

/** Sets the security headers and the answer's own, where an answer's headers are set one by one. */
function introduce(res: ServerResponse, own: readonly string[]): void {
  for (const [name, value] of SECURITY_HEADERS) res.setHeader(name, value);
  eachHeader(own, (name, value) => res.setHeader(name, value));
}

function pathOf({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}

function routeOf(path: string): HttpRoute {
  switch (path) {
    case GRAPHQL_PATH:
      return "graphql";
    case "/livez":
    case "/readyz":
      return "probe";
    case "/metrics":
      return "metrics";
    default:
      return "other";
  }
}

function sendError(res: ServerResponse, status: number, code: string, message: string): void {
  res
    .writeHead(status, { "content-type": "application/json; charset=utf-8" })
    .end(JSON.stringify(errorBody(message, code)));
}
