import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { requestIdOf } from "./context.ts";
import { errorBody } from "./plugins/codedErrors.ts";
import { GRAPHQL_PATH, type ServerContext } from "./yoga.ts";

export interface HttpServerOptions {
  readonly graphql: (req: IncomingMessage, res: ServerResponse, context: ServerContext) => unknown;
  readonly isReady: () => Promise<boolean>;
  readonly maxBodyBytes: number;
  readonly log: Logger;
}

/**
 * The service on Node's own HTTP server: reads bodies within their limit, answers the probes of
 * whoever runs it, logs a line for each request, and stops without dropping one.
 */
export function createHttpServer({ graphql, isReady, maxBodyBytes, log }: HttpServerOptions) {
  let isStopping = false;

  const listener: RequestListener = (req, res) => {
    const startedAt = performance.now();
    const requestId = requestIdOf(req.headers["x-request-id"]?.toString());
    res.setHeader("x-request-id", requestId);
    // A connection that stays open would outlive the service.
    if (isStopping) res.setHeader("connection", "close");
    res.once("close", () => {
      const level = res.statusCode >= 500 ? "warn" : "info";
      const ms = Math.round((performance.now() - startedAt) * 10) / 10;
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
    });
    void route(req, res, requestId).catch((error: unknown) => {
      log.error({ err: error, requestId }, "a request failed outside of GraphQL");
      if (res.headersSent) res.destroy();
      else sendError(res, 500, "INTERNAL_SERVER_ERROR", "Something went wrong here.");
    });
  };

  async function route(req: IncomingMessage, res: ServerResponse, requestId: string): Promise<void> {
    switch (pathOf(req)) {
      case GRAPHQL_PATH:
        if (req.method === "POST" && !(await readBody(req, res))) return;
        await graphql(req, res, { requestId });
        return;
      case "/livez":
        return sendText(res, 200, "alive");
      case "/readyz": {
        const isUp = !isStopping && (await isReady());
        return sendText(res, isUp ? 200 : 503, isUp ? "ready" : "not ready");
      }
      case "/":
        res.writeHead(302, { location: GRAPHQL_PATH }).end();
        return;
      default:
        return sendError(res, 404, "NOT_FOUND", `There is nothing here. GraphQL is at ${GRAPHQL_PATH}.`);
    }
  }

  /**
   * Reads the body and puts it where Yoga looks for one that was read already (`req.body`, as
   * body parsers do). The announced length is checked before a byte is read, the real one as
   * they come in.
   *
   * @returns false when the request was answered here, because its body is too long or broke off
   */
  async function readBody(req: IncomingMessage & { body?: Buffer }, res: ServerResponse): Promise<boolean> {
    const tooLong = () => {
      // The rest of the body is not worth reading: the connection ends with this answer.
      res.setHeader("connection", "close");
      sendError(
        res,
        413,
        "PAYLOAD_TOO_LARGE",
        `The body is longer than ${maxBodyBytes} bytes (MAX_BODY_BYTES).`,
      );
      return false;
    };
    if (Number(req.headers["content-length"] ?? 0) > maxBodyBytes) return tooLong();

    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of req as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > maxBodyBytes) return tooLong();
        chunks.push(chunk);
      }
    } catch {
      // The client went away in the middle of it: there is nobody to answer.
      res.destroy();
      return false;
    }
    req.body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    return true;
  }

  const server = createServer({ requestTimeout: 60_000, headersTimeout: 20_000 }, listener);

  return {
    listener,

    /** @throws Error when the address is taken or not this machine's */
    listen(port: number, host: string): Promise<{ url: string; port: number }> {
      return new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          // Safe: a server that listens on a host and port has such an address.
          const { port: actualPort } = server.address() as AddressInfo;
          const name = host.includes(":") ? `[${host}]` : host;
          resolve({ url: `http://${name}:${actualPort}${GRAPHQL_PATH}`, port: actualPort });
        });
      });
    },

    /** Takes no new connections, lets running requests finish, and cuts off those that outlast the time-out (ms). */
    async close(timeoutMs: number): Promise<void> {
      isStopping = true;
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => {
        log.warn({ timeoutMs }, "requests were cut off: they outlasted the shutdown time-out");
        server.closeAllConnections();
      }, timeoutMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function pathOf({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}

function sendText(res: ServerResponse, status: number, text: string): void {
  res
    .writeHead(status, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" })
    .end(`${text}\n`);
}

function sendError(res: ServerResponse, status: number, code: string, message: string): void {
  res
    .writeHead(status, { "content-type": "application/json; charset=utf-8" })
    .end(JSON.stringify(errorBody(message, code)));
}
