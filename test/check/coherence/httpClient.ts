import { Pool } from "undici";
import { AS_ADMINISTRATOR } from "../../support/access.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const HEADERS = { "content-type": "application/json", accept: "application/json", ...AS_ADMINISTRATOR };

export type HttpClient = ReturnType<typeof createHttpClient>;

/**
 * Posts to one instance over keep-alive connections. Never repeats a request by itself: a write that is sent
 * twice might arrive after a later one.
 */
export function createHttpClient(origin: string, connections: number) {
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    // Longer than any fault, so that a request fails because of the service, not because of this client.
    headersTimeout: 30_000,
    bodyTimeout: 30_000,
    connect: { timeout: 2_000 },
  });
  return {
    /** Rejects when the connection breaks or cannot be made. */
    post(body: string): Promise<HttpAnswer> {
      return new Promise((resolve, reject) => {
        let status = 0;
        let headers: HttpAnswer["headers"] = {};
        const chunks: Buffer[] = [];
        // Not `request`, because its streams and promises would cost more than the rest of an answer.
        pool.dispatch(
          { path: "/graphql", method: "POST", headers: HEADERS, body },
          {
            onRequestStart() {},
            onResponseStart(_controller, statusCode, received) {
              status = statusCode;
              headers = received;
            },
            onResponseData: (_controller, chunk) => void chunks.push(chunk),
            onResponseEnd() {
              const text = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString();
              resolve({ status, headers, text });
            },
            onResponseError: (_controller, error) => reject(error),
          },
        );
      });
    },
    close: () => pool.destroy(),
  };
}

/** Whether `Cache-Status` (RFC 9211) says that the service's own cache answered. */
export function isCacheHit(headers: HttpAnswer["headers"]): boolean {
  const field = headers["cache-status"];
  if (field === undefined) return false;
  return String(field)
    .split(",")
    .some((entry) => {
      const [cache, ...parameters] = entry.split(";").map((part) => part.trim());
      return cache === "stack-converter" && parameters.includes("hit");
    });
}
