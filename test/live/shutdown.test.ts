import { pino } from "pino";
import { expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { asTester } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { openEvents } from "../support/events.ts";
import { createEmptyDatabase } from "../support/postgres.ts";

async function startApp() {
  const database = await createEmptyDatabase();
  const config = loadConfig({
    NODE_ENV: "test",
    DATABASE_URL: database.url,
    PORT: "0",
    SHUTDOWN_TIMEOUT: "600000",
  });
  const app = await createApp(config, pino({ level: "silent" }), asTester);
  atEndOfFile(app.close);
  return app;
}

it("streams end without a `complete` event when the service stops", async () => {
  const app = await startApp();
  const { url } = await app.listen();
  const owner = await app.repositories.users.create({ githubId: "1", username: "ada" });
  const project = await app.repositories.projects.create({
    userId: owner.id,
    name: "widget",
    githubUrl: "https://github.com/acme/widget",
    originalTechStack: {},
  });
  const live = await openEvents(url, "query @live { users { totalCount } }");
  const subscription = await openEvents(
    url,
    "subscription ($projectId: ID!) { projectActivity(projectId: $projectId) { cursor } }",
    { projectId: `Project:${project.id}` },
    { connection: "keep-alive" },
  );
  await Promise.all([live.until(1), subscription.until(1)]);
  // Would wait for ten minutes if the streams did not end by themselves.
  await app.close();
  expect(await live.ended).toBe("cut");
  expect(await subscription.ended).toBe("cut");
});

it("streams without a socket end with an error that says so", async () => {
  const app = await startApp();
  const response = await app.fetch("http://test/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: "query @live { users { totalCount } }" }),
  });
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes("data: ")) text += decoder.decode((await reader.read()).value);
  await app.close();
  for (let part = await reader.read(); !part.done; part = await reader.read())
    text += decoder.decode(part.value);
  expect(text).toContain('"code":"SERVICE_UNAVAILABLE"');
});
