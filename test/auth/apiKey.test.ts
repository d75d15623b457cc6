import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { generateApiKey, isApiKey } from "../../src/auth/apiKey.ts";
import { startRedis } from "../support/redis.ts";
import { keyOf } from "../support/rows.ts";
import { asUser, bearer, startAuthenticated } from "./service.ts";

const CREATE = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { secret apiKey { id name prefix scopes expiresAt revokedAt lastUsedAt user { id } } }
}`;
const REVOKE =
  "mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { apiKey { id revokedAt } } }";
const VIEWER = "{ viewer { id role } }";
const USER = `User:${keyOf(1)}`;

test("keys have 256 random bits, and differ from everything else in their form", () => {
  const keys = Array.from({ length: 100 }, () => generateApiKey());
  expect(new Set(keys.map(({ secret }) => secret)).size).toBe(100);
  for (const { secret, hash, prefix } of keys) {
    expect(isApiKey(secret)).toBe(true);
    expect(Buffer.from(secret.slice(4), "base64url")).toHaveLength(32);
    expect(secret.startsWith(prefix)).toBe(true);
    expect(hash).not.toContain(secret.slice(4));
  }
  for (const other of ["", "sck_", "sck_abc", `sck_${"a".repeat(44)}`, `SCK_${"a".repeat(43)}`, "a.b.c"])
    expect(isApiKey(other)).toBe(false);
});

describe("an API key", async () => {
  const redis = await startRedis();
  const here = await startAuthenticated({ REDIS_URL: redis.url });
  const there = await startAuthenticated({ REDIS_URL: redis.url, DATABASE_URL: here.databaseUrl });
  const admin = await asUser(keyOf(3));
  const create = async (input: object = {}) => {
    const all = { userId: USER, name: "ci", scopes: ["PROJECTS_READ"], ...input };
    const { data, errors } = await here.ask(CREATE, { input: all }, admin);
    expect(errors).toBeUndefined();
    return data.createApiKey as { secret: string; apiKey: { id: string; prefix: string } };
  };
  const revoke = async (id: string) => {
    expect((await here.ask(REVOKE, { input: { id } }, admin)).errors).toBeUndefined();
  };
  const statusOf = async (service: typeof here, secret: string) =>
    (await service.ask(VIEWER, {}, bearer(secret))).status;

  test("is created by an administrator, and identifies its bearer as its user", async () => {
    const { secret, apiKey } = await create({ scopes: ["PROJECTS_READ", "JOBS_WORK", "PROJECTS_READ"] });
    expect(apiKey).toEqual({
      id: expect.stringMatching(/^ApiKey:/),
      name: "ci",
      prefix: secret.slice(0, 12),
      scopes: ["JOBS_WORK", "PROJECTS_READ"],
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      user: { id: USER },
    });
    for (const service of [here, there])
      expect((await service.ask(VIEWER, {}, bearer(secret))).data).toEqual({
        viewer: { id: USER, role: "USER" },
      });
  });

  test("appears neither in the database, nor in Redis, nor in a list", async () => {
    const { secret } = await create();
    await here.ask(VIEWER, {}, bearer(secret));
    const { rows } = await here.pool.query("SELECT to_jsonb(api_keys)::text AS row FROM api_keys");
    const list = await here.ask("{ apiKeys(first: 100) { nodes { id name prefix } totalCount } }", {}, admin);
    expect(list.data.apiKeys.totalCount).toBe(rows.length);
    expect(JSON.stringify([rows, list.data])).not.toContain(secret.slice(12));
    const client = new Redis(redis.url);
    const keys = await client.keys("*");
    const dumps = await Promise.all(keys.map(async (key) => `${key} ${await client.dump(key)}`));
    await client.quit();
    expect(keys.length).toBeGreaterThan(0);
    expect(dumps.join("\n")).not.toContain(secret.slice(4));
  });

  test("is created, listed and revoked only by administrators whose credential has all of their rights", async () => {
    const { secret } = await create({ userId: `User:${keyOf(3)}`, scopes: ["PROJECTS_WRITE"] });
    const { apiKey } = await create();
    for (const headers of [{}, await asUser(keyOf(1)), bearer(secret)]) {
      const answers = [
        await here.ask(CREATE, { input: { userId: USER, name: "x", scopes: ["ADMIN"] } }, headers),
        await here.ask(REVOKE, { input: { id: apiKey.id } }, headers),
        await here.ask("{ apiKeys { totalCount } }", {}, headers),
        await here.ask("{ auditEntries { totalCount } }", {}, headers),
        await here.ask("mutation { resetCacheStatistics(input: {}) { figures } }", {}, headers),
      ];
      expect(answers.map(({ errors }) => errors?.[0].extensions.code)).toEqual(
        Array(5).fill("authorization" in headers ? "FORBIDDEN" : "UNAUTHENTICATED"),
      );
    }
  });

  test("that is revoked is refused at once, on every instance, even for requests that were answered before", async () => {
    for (let round = 0; round < 5; round++) {
      const { secret, apiKey } = await create();
      for (const service of [here, there])
        for (let count = 0; count < 20; count++) expect(await statusOf(service, secret)).toBe(200);
      await revoke(apiKey.id);
      expect(await Promise.all([statusOf(there, secret), statusOf(here, secret)])).toEqual([401, 401]);
    }
  });

  test("is refused once it has expired, and the error says so", async () => {
    const { secret } = await create({ expiresAt: new Date(Date.now() + 5_000).toISOString() });
    let answer = await here.ask(VIEWER, {}, bearer(secret));
    expect(answer.status).toBe(200);
    const deadline = Date.now() + 20_000;
    while (answer.status === 200 && Date.now() < deadline)
      answer = await here.ask(VIEWER, {}, bearer(secret));
    expect(answer).toMatchObject({ status: 401, errors: [{ message: "The token or API key has expired." }] });
  });

  test("is gone when its user is deleted", async () => {
    const user = await here.app.repositories.users.create({
      githubId: "55",
      username: "bot",
      role: "WORKER",
    });
    const { secret } = await create({ userId: `User:${user.id}` });
    expect((await there.ask(VIEWER, {}, bearer(secret))).data.viewer.role).toBe("WORKER");
    await here.app.repositories.users.delete(user.id);
    expect(await statusOf(there, secret)).toBe(401);
  });

  test("with some scopes does not get what was kept for another credential of its user with other rights", async () => {
    const query = "{ viewer { id } users(first: 1) { totalCount } }";
    const { secret } = await create({ userId: `User:${keyOf(3)}` });
    const [own, other] = [bearer(secret), admin];
    for (const headers of [own, other, own, other]) await here.ask(query, {}, headers);
    await expect.poll(async () => (await here.ask(query, {}, other)).cached).toBe("hit");
    const fresh = await create({ userId: `User:${keyOf(3)}`, scopes: ["USERS_READ"] });
    expect((await here.ask(query, {}, bearer(fresh.secret))).cached).toBe("miss");
  });

  test("is shown when it is created, and not when that mutation is repeated", async () => {
    const input = { userId: USER, name: "once", scopes: ["ADMIN"], idempotencyKey: "once" };
    const first = (await here.ask(CREATE, { input }, admin)).data.createApiKey;
    const second = (await there.ask(CREATE, { input }, admin)).data.createApiKey;
    expect(second).toEqual({ secret: null, apiKey: first.apiKey });
    expect(await statusOf(there, first.secret)).toBe(200);
  });

  test("shows when it was last used, within a minute and without invalidating kept answers", async () => {
    const { secret, apiKey } = await create();
    const query = "{ viewer { username } projects(first: 2) { totalCount } }";
    await expect.poll(async () => (await there.ask(query, {}, bearer(secret))).cached).toBe("hit");
    await there.app.repositories.apiKeys.noteUses(
      new Map([[apiKey.id.slice(7), new Date(1_800_000_000_000)]]),
    );
    expect((await there.ask(query, {}, bearer(secret))).cached).toBe("hit");
    const { data } = await here.ask("{ apiKeys(first: 100) { nodes { id lastUsedAt } } }", {}, admin);
    expect(data.apiKeys.nodes.find(({ id }: { id: string }) => id === apiKey.id).lastUsedAt).toBe(
      "2027-01-15T08:00:00.000Z",
    );
  });

  test.each([
    ["no scope", { scopes: [] }],
    ["no name", { name: " " }],
    ["an expiry in the past", { expiresAt: "2020-01-01T00:00:00Z" }],
  ])("with %s is not created", async (_, input) => {
    const { errors } = await here.ask(
      CREATE,
      { input: { userId: USER, name: "x", scopes: ["ADMIN"], ...input } },
      admin,
    );
    expect(errors?.[0].extensions.code).toBe("VALIDATION_FAILED");
  });
});
