import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Identify } from "../auth/identity.ts";
import { isAllowed } from "../schema/rules.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics/index.ts";

export interface ProbesOptions {
  readonly health: Health;
  readonly metrics: Metrics;
  /** A bearer token that may read the metrics; administrators may too. */
  readonly token: string | undefined;
  readonly identify: Identify;
}

/**
 * The port on which a request came in. Anybody can reach the service's port; the metrics port, only those
 * whom the network lets through.
 */
export type ProbePort = "service" | "metrics";

/** Stands for the host, which a request's target does not name. */
const INTERNAL = "http://internal";

export type Probes = ReturnType<typeof createProbes>;

/** The operator's endpoints: `/livez`, `/readyz` and `/metrics`. */
export function createProbes({ health, metrics, token, identify }: ProbesOptions) {
  let isDraining = false;

  const isToken = (authorization: string | undefined): boolean =>
    token !== undefined && timingSafeEqual(digestOf(authorization ?? ""), digestOf(`Bearer ${token}`));

  const mayRead = async ({ headers }: IncomingMessage, port: ProbePort): Promise<boolean> => {
    if (port === "metrics" && token === undefined) return true;
    const { authorization } = headers;
    if (authorization === undefined || isToken(authorization)) return isToken(authorization);
    // An invalid credential identifies nobody, and neither does one that cannot be looked up now.
    const identity = await identify(authorization).catch(() => undefined);
    return identity !== undefined && isAllowed("administrator", identity.viewer);
  };

  const readiness = async (
    req: IncomingMessage,
    res: ServerResponse,
    port: ProbePort,
    isVerbose: boolean,
  ) => {
    if (isVerbose && !(await mayRead(req, port))) return refuse(res);
    const report = isVerbose ? await health.read() : await health.ready();
    const isReady = report.isHealthy && !isDraining;
    const lines = isVerbose
      ? report.components.map(
          ({ name, isHealthy, latencyMs, message }) =>
            `${isHealthy ? "+" : "-"} ${name} ${latencyMs} ms${message === null ? "" : `: ${message}`}`,
        )
      : [];
    if (isVerbose && isDraining) lines.unshift("- the service stops");
    sendText(res, isReady ? 200 : 503, [...lines, isReady ? "ready" : "not ready"].join("\n"));
  };

  return {
    /** From here on the service reports that it is not ready, whatever its components report. */
    drain(): void {
      isDraining = true;
    },

    /** @returns whether the path is one of the probes' */
    async answer(req: IncomingMessage, res: ServerResponse, port: ProbePort): Promise<boolean> {
      const { url = "/" } = req;
      if (!URL.canParse(url, INTERNAL)) return false;
      const { pathname, searchParams } = new URL(url, INTERNAL);
      switch (pathname) {
        case "/livez":
          sendText(res, 200, "alive");
          return true;
        case "/readyz":
          await readiness(req, res, port, searchParams.has("verbose"));
          return true;
        case "/metrics":
          if (!(await mayRead(req, port))) refuse(res);
          else sendText(res, 200, await metrics.read(), metrics.contentType);
          return true;
        default:
          return false;
      }
    },
  };
}

/** Digests have one length, which `timingSafeEqual` demands. */
function digestOf(text: string): Buffer {
  return hash("sha256", text, "buffer");
}

function refuse(res: ServerResponse): void {
  res.setHeader("www-authenticate", "Bearer");
  sendText(res, 401, "This is for METRICS_TOKEN and for administrators.");
}

function sendText(
  res: ServerResponse,
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
): void {
  res
    .writeHead(status, { "content-type": type, "cache-control": "no-store" })
    .end(text.endsWith("\n") ? text : `${text}\n`);
}
