import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, pino } from "pino";
import { type AppOverrides, createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { asTester } from "./access.ts";
import { atEndOfFile } from "./cleanup.ts";
import { recordStatements, withoutTransactionControl } from "./sql.ts";

/** An answer as a client sees it, and what the cache did with its request. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Tests read answers of every shape.
  // biome-ignore lint/suspicious/noExplicitAny: the expectations are the types here
  readonly data: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly errors: any[] | undefined;
  readonly cached: "hit" | "miss" | "bypass" | undefined;
}

/**
 * One instance of the service, with its cache on, behind a socket. Closed when the test file ends. Requests
 * say who asks as test/support/viewers.ts defines it.
 */
export async function startServed(
  env: Readonly<Record<string, string>>,
  { log = pino({ level: "silent" }), overrides = asTester }: { log?: Logger; overrides?: AppOverrides } = {},
) {
  const app = await createApp(
    loadConfig({
      NODE_ENV: "test",
      HOST: "127.0.0.1",
      PORT: "0",
      GRAPHIQL: "false",
      CACHE_SAMPLE_RATE: "0",
      ...env,
    }),
    log,
    overrides,
  );
  atEndOfFile(app.close);
  const { url, port } = await app.listen();

  async function send(
    body: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HttpAnswer> {
    return readAnswer(
      await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    );
  }

  const ask = (query: string, variables?: Readonly<Record<string, unknown>>, headers = {}) =>
    send({ query, ...(variables && { variables }) }, headers);

  /**
   * The statements of the service's own reads and writes. Those of the cache's protocol are left out, and
   * those that look for expired leases once a second.
   */
  async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
    const recording = recordStatements(app.database.pool);
    await work();
    recording.stop();
    return withoutTransactionControl(recording.statements)
      .map(({ text }) => text)
      .filter((text) => !text.startsWith('SELECT EXISTS (SELECT FROM "conversion_jobs" WHERE '));
  }

  /**
   * Repeats the query until the cache answers it: then an epoch is live, and nothing that the query reads is
   * changing.
   */
  async function untilHit(query: string, variables?: Readonly<Record<string, unknown>>): Promise<HttpAnswer> {
    for (let attempt = 0; attempt < 1_000; attempt++) {
      const answer = await ask(query, variables);
      if (answer.cached === "hit") return answer;
      await sleep(20);
    }
    throw new Error(`Expected an answer from the cache within 20 s, got none: ${query}`);
  }

  return { app, url, port, send, ask, statementsOf, untilHit };
}

export async function readAnswer(response: Response): Promise<HttpAnswer> {
  const text = await response.text();
  const { data, errors } = text.startsWith("{")
    ? (JSON.parse(text) as Pick<HttpAnswer, "data" | "errors">)
    : { data: undefined, errors: undefined };
  const { status, headers } = response;
  return { status, headers, text, data, errors, cached: cachedIn(headers.get("cache-status")) };
}

function cachedIn(cacheStatus: string | null): HttpAnswer["cached"] {
  if (cacheStatus === null) return undefined;
  if (cacheStatus.includes("; hit")) return "hit";
  return cacheStatus.includes("fwd=bypass") ? "bypass" : "miss";
}
