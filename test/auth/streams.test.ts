import { afterEach, describe, expect, test } from "vitest";
import { generateApiKey } from "../../src/auth/apiKey.ts";
import { type EventStream, openEvents } from "../support/events.ts";
import { startRedis } from "../support/redis.ts";
import { keyOf } from "../support/rows.ts";
import { asUser, bearer, startAuthenticated } from "./service.ts";

const SUBSCRIPTION = `subscription { conversionJobEvents(jobId: "ConversionJob:${keyOf(1)}") { cursor events { sequence } } }`;
const LIVE = `query @live { viewer { id username } projects(first: 1) { totalCount } }`;
const REFUSED = { errors: [{ message: expect.any(String), extensions: { code: "UNAUTHENTICATED" } }] };

describe.each([
  ["a subscription", SUBSCRIPTION],
  ["a live query", LIVE],
])("%s in which nothing happens", async (_, query) => {
  const redis = await startRedis();
  const env = { REDIS_URL: redis.url, AUTH_CLOCK_SKEW: "0" };
  const here = await startAuthenticated(env);
  const there = await startAuthenticated({ ...env, DATABASE_URL: here.databaseUrl });
  const { users, apiKeys } = here.app.repositories;
  const streams: EventStream[] = [];
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close();
  });
  const open = async (headers: Record<string, string>, { url } = there) => {
    const stream = await openEvents(url, query, {}, headers);
    streams.push(stream);
    return stream;
  };
  /** Opens a stream, and waits for the first message of a live query, which comes at once. */
  const openIdle = async (headers: Record<string, string>) => {
    const stream = await open(headers);
    if (query === LIVE) await stream.until(1);
    return stream;
  };
  const openCount = async () =>
    (await there.ask("{ statistics { subscriptions { open } } }", {}, await asUser(keyOf(3)))).data.statistics
      .subscriptions.open;
  const untilOpen = (count: number) => expect.poll(openCount, { timeout: 10_000 }).toBe(count);

  async function newKey(userId = keyOf(1), expiresAt: Date | null = null) {
    const { secret, hash, prefix } = generateApiKey();
    const { id } = await apiKeys.create({ userId, name: "k", prefix, hash, scopes: ["admin"], expiresAt });
    return { id, headers: bearer(secret) };
  }

  test("is not opened with an invalid credential", async () => {
    const stream = await open(bearer("nothing"));
    expect(stream.status).toBe(401);
  });

  test("ends when its API key is revoked on another instance, while other streams go on", async () => {
    const [revoked, kept] = [await newKey(), await newKey()];
    const [stream, other, third] = [
      await openIdle(revoked.headers),
      await openIdle(kept.headers),
      await openIdle(await asUser(keyOf(1))),
    ];
    await untilOpen(3);
    await apiKeys.revoke(revoked.id);
    expect(await stream.ended).toBe("complete");
    expect(stream.messages.at(-1)).toEqual(REFUSED);
    await untilOpen(2);
    for (const { messages } of [other, third]) expect(messages).not.toContainEqual(REFUSED);
  });

  test("ends when its token expires", async () => {
    const stream = await openIdle(await asUser(keyOf(1), 5));
    expect(await stream.ended).toBe("complete");
    expect(stream.messages.at(-1)).toEqual(REFUSED);
  });

  test("ends when its API key expires", async () => {
    const { headers } = await newKey(keyOf(1), new Date(Date.now() + 5_000));
    const stream = await openIdle(headers);
    expect(await stream.ended).toBe("complete");
    expect(stream.messages.at(-1)).toEqual(REFUSED);
  });

  test("ends when its user is deleted", async () => {
    const user = await users.create({
      githubId: `9${Math.floor(Math.random() * 1e9)}`,
      username: "gone",
      role: "ADMIN",
    });
    const stream = await openIdle(await asUser(user.id));
    await users.delete(user.id);
    expect(await stream.ended).toBe("complete");
    expect(stream.messages.at(-1)).toEqual(REFUSED);
  });

  test("goes on when its user changes, and leaves nothing open when it is closed", async () => {
    const user = await users.create({
      githubId: `8${Math.floor(Math.random() * 1e9)}`,
      username: "ada",
      role: "ADMIN",
    });
    const stream = await openIdle(await asUser(user.id));
    await users.update(user.id, { username: "lovelace" });
    if (query === LIVE) await stream.untilMessage(({ data }) => data.viewer.username === "lovelace");
    await untilOpen(1);
    stream.close();
    await untilOpen(0);
  });
});
