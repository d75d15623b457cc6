import { pino } from "pino";
import { createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { asTester } from "./access.ts";
import { atEndOfFile } from "./cleanup.ts";
import { createEmptyDatabase } from "./postgres.ts";

/** The whole service behind a socket, on a database of this test file's own that holds one user. */
export async function startService() {
  const database = await createEmptyDatabase();
  const config = loadConfig({
    NODE_ENV: "test",
    DATABASE_URL: database.url,
    HOST: "127.0.0.1",
    PORT: "0",
  });
  const app = await createApp(config, pino({ level: "silent" }), asTester);
  atEndOfFile(app.close);
  const owner = await app.repositories.users.create({ githubId: "1", username: "octocat" });
  const { url } = await app.listen();
  const sent: string[] = [];
  return {
    url,
    ownerId: `User:${owner.id}`,
    repositories: app.repositories,
    /** The bodies that went through `fetch`, in their order. */
    sent,
    fetch: (input: Parameters<typeof fetch>[0], init?: RequestInit) => {
      sent.push(String(init?.body));
      return fetch(input, init);
    },
  };
}
