import { type Logger, pino } from "pino";
import { type App, createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { asTester } from "./access.ts";
import { atEndOfFile } from "./cleanup.ts";
import { createTestDatabase } from "./postgres.ts";

export interface Answer {
  readonly status: number;
  // Tests look into answers of every shape.
  // biome-ignore lint/suspicious/noExplicitAny: the expectations are the types here
  readonly data: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly errors: any[] | undefined;
  readonly headers: Headers;
}

/**
 * The whole service on a database of this test file's own; both are closed after its last test. Whoever does not say
 * who asks is an administrator (test/support/viewers.ts).
 */
export async function createTestApp(
  env: Record<string, string> = {},
  { log = pino({ level: "silent" }) }: { log?: Logger } = {},
) {
  const database = await createTestDatabase();
  const config = loadConfig({
    NODE_ENV: "test",
    LOG_LEVEL: "silent",
    PORT: "0",
    DATABASE_URL: database.url,
    // Tests write past the service and count its statements. The cache has tests of its own.
    CACHE_ENABLED: "false",
    // Where it is on: one hit in a thousand would be an operation more than a test counts.
    CACHE_SAMPLE_RATE: "0",
    ...env,
  });
  const app: App = await createApp(config, log, asTester);
  // After the database was registered, so before it is dropped.
  atEndOfFile(app.close);

  /** Sends an operation through GraphQL over HTTP, without a socket. */
  const send = async (query: string, variables?: object, headers: Record<string, string> = {}) =>
    app.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ query, variables }),
    });

  async function execute(
    query: string,
    variables?: Record<string, unknown>,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await send(query, variables, headers);
    const { data, errors } = (await response.json()) as Answer;
    return { status: response.status, data, errors, headers: response.headers };
  }

  return { app, config, send, execute, url: database.url };
}
