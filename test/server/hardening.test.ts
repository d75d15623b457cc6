import { describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";

const QUERY = JSON.stringify({ query: "{ __typename }" });

describe("every answer", async () => {
  const { app } = await createTestApp({ TRUST_PROXY: "loopback" });
  const { url } = await app.listen();
  const { origin } = new URL(url);
  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });

  test("has headers that forbid sniffing its type, loading content and framing it", async () => {
    for (const response of [
      await post(QUERY),
      await post("{"),
      await fetch(`${origin}/livez`),
      await fetch(`${origin}/nowhere`),
      await fetch(`${url}?query={__typename}`),
    ]) {
      await response.text();
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      });
      expect(response.headers.has("x-powered-by")).toBe(false);
      expect(response.headers.has("strict-transport-security")).toBe(false);
    }
  });

  test("asks for HTTPS from now on if a trusted proxy says that the request came by HTTPS", async () => {
    const response = await post(QUERY, { "x-forwarded-proto": "https" });
    expect(response.headers.get("strict-transport-security")).toBe("max-age=31536000");
  });

  test("has a policy of its own if it is the GraphiQL page", async () => {
    const response = await fetch(url, { headers: { accept: "text/html" } });
    await response.text();
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "x-frame-options": "DENY",
      "cross-origin-opener-policy": "same-origin",
    });
    expect(response.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/]{43}='; worker-src blob:; .*connect-src 'self'; .*frame-ancestors 'none'$/,
    );
  });
});

describe("pages of other origins", () => {
  // One app for each configuration.
  const apps = new Map<string, ReturnType<typeof createTestApp>>();
  const appOf = (env: Record<string, string>) => {
    const key = JSON.stringify(env);
    const found = apps.get(key) ?? createTestApp(env);
    apps.set(key, found);
    return found;
  };
  const allowedFor = async (env: Record<string, string>, origin: string) => {
    const { app } = await appOf(env);
    const preflight = await app.fetch("http://test/graphql", {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
      },
    });
    const answer = await app.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", origin },
      body: QUERY,
    });
    const allowed = [preflight, answer].map(({ headers }) => headers.get("access-control-allow-origin"));
    expect(answer.headers.get("access-control-allow-credentials")).not.toBe("true");
    expect(new Set(allowed).size).toBe(1);
    return allowed[0];
  };

  test.each([
    [{}, "http://localhost:5173", true],
    [{}, "http://127.0.0.1:3000", true],
    [{}, "http://localhost.evil.example", false],
    [{}, "https://evil.example", false],
    [{}, "null", false],
    [{ NODE_ENV: "production" }, "http://localhost:5173", false],
    [{ CORS_ORIGINS: "https://app.example" }, "https://app.example", true],
    [{ CORS_ORIGINS: "https://app.example" }, "https://app.example.evil.example", false],
    [{ CORS_ORIGINS: "https://app.example" }, "http://localhost:5173", false],
    [{ CORS_ORIGINS: "*" }, "https://anywhere.example", true],
  ])("with %j, %s is allowed: %j", async (env, origin, isAllowed) => {
    expect(await allowedFor(env, origin)).toBe(isAllowed ? origin : null);
  });
});

describe("cross-site request forgery: the service", async () => {
  const { app } = await createTestApp({ CORS_ORIGINS: "https://app.example" });
  const send = async (method: string, headers: Record<string, string>) => {
    const response =
      method === "GET"
        ? await app.fetch("http://test/graphql?query={__typename}", { headers })
        : await app.fetch("http://test/graphql", { method, headers, body: "query=%7B__typename%7D" });
    const { data, errors } = (await response.json()) as {
      data?: unknown;
      errors?: { extensions: { code: string } }[];
    };
    return data === undefined ? [response.status, errors?.[0]?.extensions.code] : "answered";
  };
  const REFUSED = [403, "CSRF_PREVENTED"];
  const form = { "content-type": "application/x-www-form-urlencoded" };

  test.each<[string, string, Record<string, string>]>([
    ["a form", "POST", form],
    ["a form of a foreign origin", "POST", { ...form, origin: "https://evil.example" }],
    ["plain text", "POST", { "content-type": "text/plain;charset=UTF-8" }],
    ["a form with files", "POST", { "content-type": "multipart/form-data; boundary=x" }],
    ["an image of another site", "GET", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }],
    ["a link on another site", "GET", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }],
    ["an image of a neighbour", "GET", { "sec-fetch-site": "same-site" }],
    ["a script of another origin", "GET", { origin: "https://evil.example" }],
    ["plain text on a GET", "GET", { origin: "https://evil.example", "content-type": "text/plain" }],
  ])("refuses what any page can make its visitor's browser send: %s", async (_, method, headers) => {
    expect(await send(method, { accept: "application/json", ...headers })).toEqual(REFUSED);
  });

  test.each<[string, string, Record<string, string>]>([
    ["a program", "GET", {}],
    ["the address bar", "GET", { "sec-fetch-site": "none" }],
    ["its own page", "GET", { "sec-fetch-site": "same-origin" }],
    ["an allowed page", "GET", { "sec-fetch-site": "cross-site", origin: "https://app.example" }],
    [
      "a page that passed the preflight",
      "GET",
      { "sec-fetch-site": "cross-site", "graphql-require-preflight": "1" },
    ],
    ["a form that passed the preflight", "POST", { ...form, "apollo-require-preflight": "1" }],
    ["a client with a token", "GET", { "sec-fetch-site": "cross-site", authorization: "nobody" }],
  ])("answers what no foreign page can send: %s", async (_, method, headers) => {
    expect(await send(method, { accept: "application/json", ...headers })).toBe("answered");
  });
});
