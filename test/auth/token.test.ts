import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { createTokenVerifier, signToken } from "../../src/auth/jwt.ts";
import { ConfigError, loadConfig } from "../../src/config.ts";
import { ACCESS_ENV } from "../support/access.ts";
import { captureLogs } from "../support/logs.ts";
import { keyOf } from "../support/rows.ts";
import { asUser, bearer, startAuthenticated } from "./service.ts";

const VIEWER = "{ viewer { id role } }";
const secret = new TextEncoder().encode(ACCESS_ENV.AUTH_JWT_SECRET);
const nowSeconds = () => Math.floor(Date.now() / 1_000);

/** Signs a token as another program would. */
const signed = (claims: JWTPayload, key: Uint8Array = secret, alg = "HS256") =>
  new SignJWT({ exp: nowSeconds() + 600, sub: keyOf(1), ...claims }).setProtectedHeader({ alg }).sign(key);

const signedWithout = (claim: "exp" | "sub") => {
  const { [claim]: _, ...claims } = { exp: nowSeconds() + 600, sub: keyOf(1) };
  return new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(secret);
};

describe("a token", async () => {
  const logs = captureLogs();
  const service = await startAuthenticated({}, { log: logs.log });
  const ask = (headers: Record<string, string>) => service.send({ query: VIEWER }, headers);

  test("identifies the request's sender by the user's id or node id", async () => {
    for (const sub of [
      keyOf(1),
      `User:${keyOf(1)}`,
      `User:${keyOf(1)}`.toUpperCase().replace("USER", "User"),
    ]) {
      const { status, data } = await ask(bearer(await signed({ sub })));
      expect([status, data]).toEqual([200, { viewer: { id: `User:${keyOf(1)}`, role: "USER" } }]);
    }
  });

  test("is not needed to ask as a stranger", async () => {
    expect(await ask({})).toMatchObject({ status: 200, data: { viewer: null } });
  });

  test("does not decide what its user may do: the user's row does, and a change of it counts at once", async () => {
    const headers = bearer(await signed({ sub: keyOf(2), role: "ADMIN" }));
    const roles: string[] = [];
    for (const role of ["USER", "ADMIN", "WORKER"]) {
      await service.app.repositories.users.update(keyOf(2), { role: role as "USER" });
      roles.push((await ask(headers)).data.viewer.role);
    }
    expect(roles).toEqual(["USER", "ADMIN", "WORKER"]);
  });

  test("of a user who is deleted is refused from then on", async () => {
    const user = await service.app.repositories.users.create({ githubId: "77", username: "gone" });
    const headers = await asUser(user.id);
    expect((await ask(headers)).status).toBe(200);
    await service.app.repositories.users.delete(user.id);
    expect((await ask(headers)).status).toBe(401);
  });

  describe.each<[string, () => string | Promise<string>]>([
    [
      "another secret",
      () => signed({}, new TextEncoder().encode("another secret of at least 32 characters")),
    ],
    ["no signature", () => new UnsecuredJWT({ sub: keyOf(1), exp: nowSeconds() + 600 }).encode()],
    ["another algorithm", () => signed({}, secret, "HS512")],
    ["no expiry", () => signedWithout("exp")],
    ["no subject", () => signedWithout("sub")],
    ["a subject that is no user's id", () => signed({ sub: "octocat" })],
    ["a project as its subject", () => signed({ sub: `Project:${keyOf(1)}` })],
    ["a user who does not exist", () => signed({ sub: keyOf(99) })],
    ["a start in the future", () => signed({ nbf: nowSeconds() + 600 })],
    ["an expiry in the past", () => signed({ exp: nowSeconds() - 60 })],
    [
      "a changed part",
      async () => (await signed({})).replace(/\.(.)/, (_, first) => `.${first === "e" ? "f" : "e"}`),
    ],
    ["a form that no token has", () => "hello"],
    ["two empty parts of three", () => "a.."],
    ["the form of an API key", () => `sck_${"A".repeat(43)}`],
    ["a great length", () => "a".repeat(9_000)],
  ])("with %s", (_, make) => {
    test("is refused with 401, and does not appear in the log", async () => {
      const token = await make();
      const { status, headers, errors, data } = await ask(bearer(token));
      expect(status).toBe(401);
      expect(headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
      expect(data).toBeUndefined();
      expect(errors).toEqual([{ message: expect.any(String), extensions: { code: "UNAUTHENTICATED" } }]);
      expect(logs.text()).not.toContain(token);
    });
  });

  test.each(["Basic dXNlcjpwYXNz", "Bearer", "Bearer a b", "bearer:abc"])(
    "in the header as %j is refused",
    async (authorization) => {
      expect(await ask({ authorization })).toMatchObject({
        status: 401,
        errors: [{ message: "Expected the header `Authorization: Bearer <token or API key>`." }],
      });
    },
  );

  test("that is invalid is refused for POST and GET, and for every media type", async () => {
    const headers = { ...bearer("hello"), "content-type": "application/json" };
    const body = JSON.stringify({ query: VIEWER });
    for (const accept of [
      "application/json",
      "application/graphql-response+json",
      "text/event-stream",
      "*/*",
    ])
      expect(
        (await fetch(service.url, { method: "POST", headers: { ...headers, accept }, body })).status,
      ).toBe(401);
    const url = `${service.url}?query=${encodeURIComponent(VIEWER)}`;
    expect((await fetch(url, { headers: { ...headers, accept: "application/json" } })).status).toBe(401);
  });

  test("is accepted after its expiry for as long as clocks may differ, and no longer", async () => {
    expect((await ask(bearer(await signed({ exp: nowSeconds() - 20 })))).status).toBe(200);
    const strict = await startAuthenticated({ DATABASE_URL: service.databaseUrl, AUTH_CLOCK_SKEW: "0" });
    expect(
      (await strict.send({ query: VIEWER }, bearer(await signed({ exp: nowSeconds() - 1 })))).status,
    ).toBe(401);
  });

  test("must have the service's audience and issuer, if these are set", async () => {
    const env = { AUTH_ISSUER: "https://id.example.com", AUTH_AUDIENCE: "converter" };
    const strict = await startAuthenticated({ DATABASE_URL: service.databaseUrl, ...env });
    const statusOf = async (claims: JWTPayload) =>
      (await strict.send({ query: VIEWER }, bearer(await signed(claims)))).status;
    const right = { iss: "https://id.example.com", aud: ["other", "converter"] };
    expect(await statusOf(right)).toBe(200);
    expect(await statusOf({ ...right, aud: "other" })).toBe(401);
    expect(await statusOf({ ...right, iss: "https://evil.example.com" })).toBe(401);
    expect(await statusOf({})).toBe(401);
    const settings = loadConfig({ ...ACCESS_ENV, ...env }).auth;
    const own = await signToken(
      { ...settings, jwtSecret: settings.jwtSecret! },
      { userId: keyOf(1), lifetimeSeconds: 60, id: "x" },
    );
    expect((await strict.send({ query: VIEWER }, bearer(own))).status).toBe(200);
  });
});

describe("an identity provider's keys", () => {
  type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
  const published = new Map<string, Pair>();
  let requests = 0;
  let isAway = false;
  let url: string;
  let verify: ReturnType<typeof createTokenVerifier>;

  beforeEach(async () => {
    const server = createServer(async (_, res) => {
      requests++;
      if (isAway) return void res.writeHead(500).end();
      const keys = await Promise.all(
        [...published].map(async ([kid, { publicKey }]) => ({
          ...(await exportJWK(publicKey)),
          kid,
          alg: "ES256",
        })),
      );
      res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    published.clear();
    requests = 0;
    isAway = false;
    verify = createVerifier(0);
    return () => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections());
  });

  const createVerifier = (jwksCooldownMs: number) =>
    createTokenVerifier({
      jwtSecret: undefined,
      jwksUrl: url,
      issuer: "https://id.example.com",
      audience: "converter",
      clockSkewMs: 0,
      jwksCooldownMs,
    });
  const publish = async (kid: string) => {
    published.set(kid, await generateKeyPair("ES256"));
    return published.get(kid)!;
  };
  const sign = ({ privateKey }: Pair, kid: string, claims: JWTPayload = {}) =>
    new SignJWT({
      sub: keyOf(1),
      iss: "https://id.example.com",
      aud: "converter",
      exp: nowSeconds() + 60,
      ...claims,
    })
      .setProtectedHeader({ alg: "ES256", kid })
      .sign(privateKey);

  test("sign tokens, and are fetched once for all of them", async () => {
    const key = await publish("one");
    for (let count = 0; count < 3; count++)
      expect(await verify(await sign(key, "one", { jti: "t" }))).toMatchObject({ userId: keyOf(1), id: "t" });
    expect(requests).toBe(1);
  });

  test("are fetched again for a token with a new key", async () => {
    await verify(await sign(await publish("one"), "one"));
    const next = await publish("two");
    published.delete("one");
    expect(await verify(await sign(next, "two"))).toMatchObject({ userId: keyOf(1) });
    expect(requests).toBe(2);
  });

  test("are not fetched again and again for a key that does not exist", async () => {
    verify = createVerifier(30_000);
    await verify(await sign(await publish("one"), "one"));
    const strange = await sign(await generateKeyPair("ES256"), "three");
    for (let count = 0; count < 3; count++)
      await expect(verify(strange)).rejects.toMatchObject({
        code: "UNAUTHENTICATED",
        problem: "badSignature",
      });
    expect(requests).toBe(1);
  });

  test("are not accepted as a shared secret, with which anybody could sign", async () => {
    const { publicKey } = await publish("one");
    const text = new TextEncoder().encode(JSON.stringify(await exportJWK(publicKey)));
    await expect(
      verify(await signed({ iss: "https://id.example.com", aud: "converter" }, text)),
    ).rejects.toMatchObject({
      problem: "badSignature",
    });
  });

  test("that cannot be fetched are an outage and no refusal, because the token may be valid", async () => {
    const token = await sign(await publish("one"), "one");
    isAway = true;
    await expect(verify(token)).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    isAway = false;
    expect(await verify(token)).toMatchObject({ userId: keyOf(1) });
  });
});

test("a database that others can reach is not served without a way to authenticate users", async () => {
  const { log } = captureLogs();
  for (const env of [{ DATABASE_URL: "postgres://127.0.0.1:1/none" }, { NODE_ENV: "production" }] as Record<
    string,
    string
  >[]) {
    const refusal = await createApp(loadConfig(env), log).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as ConfigError).message).toMatch(/AUTH_JWT_SECRET.*openssl rand.*AUTH_JWKS_URL/);
  }
});

describe("an answer that was given before", async () => {
  const service = await startAuthenticated({ AUTH_CLOCK_SKEW: "0" });
  const query = "{ viewer { username role } projects(first: 1) { totalCount } }";
  const { id } = await service.app.repositories.users.create({
    githubId: "99",
    username: "administrator",
    role: "ADMIN",
  });
  const asAdministrator = await asUser(id);
  const replays = async () =>
    (await service.ask("{ cacheStatistics { replay { hits } } }", {}, asAdministrator)).data.cacheStatistics
      .replay.hits;
  const untilReplayed = async (headers: Record<string, string>) => {
    for (let attempt = 0; attempt < 1_000; attempt++) {
      const before = await replays();
      const answer = await service.send({ query }, headers);
      if ((await replays()) > before) return answer;
    }
    throw new Error("Expected a replayed answer within 1,000 requests.");
  };

  test("is replayed to the same token, without verifying it again", async () => {
    const count = () => service.ask("{ users { totalCount } }", {}, asAdministrator);
    await expect.poll(async () => (await count()).cached, { timeout: 15_000 }).toBe("hit");
    expect((await untilReplayed(await asUser(keyOf(1)))).data.viewer).toEqual({
      username: "user 1",
      role: "USER",
    });
    expect((await untilReplayed(await asUser(keyOf(2)))).data.viewer).toEqual({
      username: "user 2",
      role: "USER",
    });
  });

  test("is not replayed once the token has expired", async () => {
    const headers = await asUser(keyOf(1), 5);
    expect((await untilReplayed(headers)).status).toBe(200);
    let answer = await service.send({ query }, headers);
    const deadline = Date.now() + 20_000;
    while (answer.status === 200 && Date.now() < deadline) answer = await service.send({ query }, headers);
    expect(answer).toMatchObject({ status: 401, errors: [{ extensions: { code: "UNAUTHENTICATED" } }] });
  });

  test("is not replayed once the user has another role or is deleted", async () => {
    const user = await service.app.repositories.users.create({
      githubId: "88",
      username: "ada",
      role: "ADMIN",
    });
    const headers = await asUser(user.id);
    expect((await untilReplayed(headers)).data.viewer.role).toBe("ADMIN");
    await service.app.repositories.users.update(user.id, { role: "USER" });
    expect((await service.send({ query }, headers)).data.viewer.role).toBe("USER");
    await untilReplayed(headers);
    await service.app.repositories.users.delete(user.id);
    expect((await service.send({ query }, headers)).status).toBe(401);
  });
});
