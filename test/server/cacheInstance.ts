import { setTimeout as sleep } from "node:timers/promises";
import { createApp } from "../../src/app.ts";
import { type Viewer, viewerOf } from "../../src/auth/viewer.ts";
import { loadConfig } from "../../src/config.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { captureLogs } from "../support/logs.ts";
import { keyOf } from "../support/rows.ts";

/**
 * Starts the service with its cache on, behind a socket. A request with `Authorization: <role>:<id>` comes
 * from that viewer, and a request without it from the administrator `KEEPER`. Other tests cover tokens.
 */
export async function startCacheInstance(env: Record<string, string>) {
  const config = loadConfig({ NODE_ENV: "test", PORT: "0", CACHE_SAMPLE_RATE: "0", ...env });
  const logs = captureLogs("info");
  const app = await createApp(config, logs.log, { identify: async (token) => viewerNamed(token) });
  atEndOfFile(app.close);
  const { url } = await app.listen();

  async function send(query: string, variables: Record<string, unknown> = {}, authorization?: string) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...(authorization && { authorization }) },
      body: JSON.stringify({ query, variables }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: the expectations are the types here
    const { data, errors } = (await response.json()) as { data: any; errors?: any[] };
    return { data, errors, status: response.headers.get("cache-status") ?? "" };
  }

  async function ask(query: string, variables?: Record<string, unknown>, authorization?: string) {
    const { data, errors } = await send(query, variables, authorization);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }

  async function figures(selection: string) {
    return (await ask(`{ cacheStatistics { ${selection} } }`)).cacheStatistics;
  }

  /**
   * Waits for a condition that comes to hold by itself.
   *
   * @throws Error when that takes longer than a minute
   */
  async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
    for (let attempt = 0; attempt < 2_400; attempt++) {
      if (await holds()) return;
      await sleep(25);
    }
    throw new Error(`Expected within a minute: ${what}.`);
  }

  return {
    app,
    url,
    logs,
    send,
    ask,
    figures,
    until,
    untilServing: () =>
      until("the cache serves", async () => (await figures("status { isServing }")).status.isServing),
    untilItHits: (query: string, variables?: Record<string, unknown>, authorization?: string) =>
      until(`an answer from the cache to ${query}`, async () =>
        (await send(query, variables, authorization)).status.includes("hit"),
      ),
  };
}

/** The second of the users that these tests insert. */
export const KEEPER = viewerOf(keyOf(2), "ADMIN");

function viewerNamed(token: string | null): Viewer | null {
  if (token === null) return KEEPER;
  const [role, userId] = token.split(":");
  return userId !== undefined && (role === "ADMIN" || role === "USER") ? viewerOf(userId, role) : null;
}
