import pg from "pg";
import { pino } from "pino";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type App, createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { asTester } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { type EventStream, openEvents } from "../support/events.ts";
import { createEmptyDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { UNLIMITED } from "../support/unlimited.ts";

let app: App;
let url: string;
let outside: pg.Pool;
let owners = 0;
let userId: string;
let projectId: string;
let streams: EventStream[] = [];

beforeAll(async () => {
  const database = await createEmptyDatabase();
  const config = loadConfig({ NODE_ENV: "production", ...UNLIMITED, DATABASE_URL: database.url, PORT: "0" });
  app = await createApp(config, pino({ level: "silent" }), asTester);
  atEndOfFile(app.close);
  outside = new pg.Pool({ connectionString: database.url, max: 1 });
  atEndOfFile(() => outside.end());
  ({ url } = await app.listen());
});

beforeEach(async () => {
  ({ id: userId } = await app.repositories.users.create({ githubId: String(++owners), username: "ada" }));
  ({ id: projectId } = await createProject("first"));
  return async () => {
    for (const stream of streams) stream.close();
    await Promise.all(streams.map((stream) => stream.ended));
    streams = [];
    for (;;) {
      const { data } = await ask("{ statistics { subscriptions { open } } cacheStatistics { watchers } }");
      if (data.statistics.subscriptions.open === 0 && data.cacheStatistics.watchers === 0) return;
    }
  };
});

const createProject = (name: string) =>
  app.repositories.projects.create({
    userId,
    name,
    githubUrl: `https://github.com/acme/${crypto.randomUUID()}`,
    originalTechStack: { language: "Ruby" },
  });

async function follow(query: string, variables: Record<string, unknown> = {}) {
  const stream = await openEvents(url, query, variables);
  streams.push(stream);
  return stream;
}

// biome-ignore lint/suspicious/noExplicitAny: the expectations are the types here
async function ask(query: string, accept = "application/json"): Promise<any> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

const rename = (name: string) => app.repositories.projects.update(projectId, { name });
const nameQuery = () => `query @live { project(id: "Project:${projectId}") { name } }`;
const namesIn = (stream: EventStream) => stream.messages.map(({ data }) => data.project?.name);
const shows = (name: string) => (message: { data: { project: { name: string } | null } }) =>
  message.data.project?.name === name;

describe("a query that is marked @live", () => {
  it("is answered at once, and again when something that it has read changes", async () => {
    const stream = await follow(nameQuery());
    await stream.until(1);
    await rename("second");
    await stream.untilMessage(shows("second"));
    await rename("third");
    await stream.untilMessage(shows("third"));
    expect(namesIn(stream)).toEqual(["first", "second", "third"]);
  });

  it("follows out-of-band writes, lists, totals and rows that did not exist", async () => {
    const absent = "00000000-0000-7000-8000-00000000abcd";
    const stream = await follow(
      `query @live { user(id: "User:${userId}") { projects { totalCount nodes { name } } } project(id: "Project:${absent}") { name } }`,
    );
    await stream.until(1);
    await outside.query("UPDATE projects SET name = 'by psql' WHERE id = $1", [projectId]);
    await stream.untilMessage(({ data }) => data.user.projects.nodes[0].name === "by psql");
    await createProject("another");
    await stream.untilMessage(({ data }) => data.user.projects.totalCount === 2);
    await outside.query(
      "INSERT INTO projects (id, user_id, name, github_url, original_tech_stack) VALUES ($1, $2, 'there', 'https://github.com/x/y', '{}')",
      [absent, userId],
    );
    await stream.untilMessage(shows("there"));
  });

  it("sends nothing for changes of other rows, or while its answer stays the same", async () => {
    const stream = await follow(nameQuery());
    await stream.until(1);
    await createProject("unrelated");
    await outside.query("UPDATE projects SET description = 'not asked for' WHERE id = $1", [projectId]);
    await rename("second");
    await stream.untilMessage(shows("second"));
    expect(namesIn(stream)).toEqual(["first", "second"]);
  });

  it("always sends the last answer, and no more answers than its throttle allows", async () => {
    const stream = await follow(nameQuery().replace("@live", "@live(throttle: 200)"));
    await stream.until(1);
    for (let change = 1; change <= 50; change++) await rename(`name ${change}`);
    await stream.untilMessage(shows("name 50"));
    expect(stream.messages.length).toBeLessThan(50);
    expect(namesIn(stream).at(-1)).toBe("name 50");
  });

  it("costs one execution per change, however many viewers follow it", async () => {
    const viewers = await Promise.all(Array.from({ length: 200 }, () => follow(nameQuery())));
    await Promise.all(viewers.map((stream) => stream.until(1)));
    const responses = async () => {
      const { data } = await ask("{ cacheStatistics { misses } }");
      return data.cacheStatistics.misses as number;
    };
    const before = await responses();
    await rename("second");
    await Promise.all(viewers.map((stream) => stream.untilMessage(shows("second"))));
    // Misses of the response and the project's row, and more of both if a viewer asks while the write ends.
    expect((await responses()) - before).toBeLessThanOrEqual(8);
    for (const stream of viewers) expect(namesIn(stream)).toEqual(["first", "second"]);
  });

  it("goes on when its row is deleted, and shows that", async () => {
    const stream = await follow(nameQuery());
    await stream.until(1);
    await app.repositories.projects.delete(projectId);
    await stream.untilMessage(({ data }) => data.project === null);
    expect(namesIn(stream)).toEqual(["first", undefined]);
  });

  it("is run again from time to time when it reads something whose changes no tag reports", async () => {
    const stream = await follow("query @live { statistics { process { uptimeSeconds } } }");
    await stream.until(2);
    const [first, second] = stream.messages.map(({ data }) => data.statistics.process.uptimeSeconds);
    expect(second).toBeGreaterThan(first);
  });

  it("is an ordinary query when the client accepts no event stream", async () => {
    const response = await ask(nameQuery());
    expect(response).toEqual({ data: { project: { name: "first" } } });
    expect(await ask(nameQuery())).toEqual(response);
  });

  it("is refused if it is a mutation or a subscription", async () => {
    for (const operation of [
      `mutation @live { deleteProject(input: { id: "Project:${projectId}" }) { projectId: __typename } }`,
      `subscription @live { projectActivity(projectId: "Project:${projectId}") { cursor } }`,
    ]) {
      const stream = await follow(operation);
      await stream.ended;
      expect(stream.messages).toMatchObject([
        { errors: [{ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }] },
      ]);
    }
    expect((await app.repositories.projects.findById(projectId))?.name).toBe("first");
  });
});

it("a live query with an answer composed by the database follows all of its rows, even if no list is cached", async () => {
  const config = loadConfig({
    NODE_ENV: "production",
    ...UNLIMITED,
    DATABASE_URL: (await createEmptyDatabase()).url,
    CACHE_TTL_COLLECTION: "0",
    COMPILE_AFTER: "1",
    PORT: "0",
  });
  const service = await createApp(config, pino({ level: "silent" }), asTester);
  atEndOfFile(service.close);
  const { url: address } = await service.listen();
  const { users, projects } = service.repositories;
  const { id } = await users.create({ githubId: "1", username: "first" });
  const githubUrl = "https://github.com/acme/shop";
  await projects.create({ userId: id, name: "shop", githubUrl, originalTechStack: { language: "Ruby" } });
  const stream = await openEvents(
    address,
    "query @live { projects(first: 1) { nodes { owner { username } } } }",
  );
  await stream.until(1);
  // Several changes: until the cache can vouch for an instant, watchers are called without a change too.
  for (const username of ["second", "third", "fourth"]) {
    await users.update(id, { username });
    await stream.untilMessage(({ data }) => data.projects.nodes[0].owner.username === username);
  }
  stream.close();
}, 20_000);

it("a live query goes on while Redis is away, and after it is back", async () => {
  const redis = await startRedis();
  const database = await createEmptyDatabase();
  const config = loadConfig({
    NODE_ENV: "production",
    ...UNLIMITED,
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    PORT: "0",
  });
  const service = await createApp(config, pino({ level: "silent" }), asTester);
  atEndOfFile(service.close);
  const { url: address } = await service.listen();
  const { users } = service.repositories;
  const { id } = await users.create({ githubId: "1", username: "first" });
  const stream = await openEvents(address, `query @live { user(id: "User:${id}") { username } }`);
  await stream.until(1);
  await redis.kill();
  await users.update(id, { username: "away" });
  await stream.untilMessage(({ data }) => data.user.username === "away");
  await redis.restart();
  await users.update(id, { username: "back" });
  await stream.untilMessage(({ data }) => data.user.username === "back");
  stream.close();
}, 60_000);
