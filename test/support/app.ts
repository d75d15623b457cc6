import { type Logger, pino } from "pino";
import { type App, createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { asTester } from "./access.ts";
import { atEndOfFile } from "./cleanup.ts";
import { createTestDatabase } from "./postgres.ts";

export interface Answer {
  readonly status: number;
  // Tests read answers of every shape.
  // biome-ignore lint/suspicious/noExplicitAny: the expectations are the types here
  readonly data: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly errors: any[] | undefined;
  readonly headers: Headers;
}

/**
 * The whole service on a database of this test file's own. Both are closed after the file's last test. A
 * request without credentials comes from an administrator (test/support/viewers.ts).
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
    // Tests write to the database directly and count the service's statements. The cache has tests of its
    // own.
    CACHE_ENABLED: "false",
    // Where the cache is on: the check of one hit in a thousand would be an operation more than a test
    // counts.
    CACHE_SAMPLE_RATE: "0",
    ...env,
  });
  const app: App = await createApp(config, log, asTester);
  // Registered after the database, so closed before the database is dropped.
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
