import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ConfigError, loadConfig, variables } from "../src/config.ts";

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const namesIn = (problems: readonly string[]) =>
  problems.map((problem) => problem.slice(0, problem.indexOf(":")));

test("an empty environment gives the documented defaults", () => {
  expect(loadConfig({})).toEqual({
    environment: "development",
    logLevel: "info",
    workers: 1,
    http: {
      host: "127.0.0.1",
      port: 4000,
      maxBodyBytes: 4_194_304,
      maxSubscriptions: 10_000,
      maxSubscriptionsPerViewer: 100,
      shutdownTimeoutMs: 10_000,
      shutdownDelayMs: 0,
      isGraphiqlEnabled: true,
      isIntrospectionEnabled: true,
      corsOrigins: "local",
      trustedProxies: [],
      headersTimeoutMs: 20_000,
      requestTimeoutMs: 60_000,
      maxHeaderBytes: 16_384,
      maxConnections: 20_000,
    },
    limits: {
      tokens: 2_000,
      depth: 16,
      aliases: 100,
      directives: 50,
      rootFields: 50,
      complexity: 50_000,
      listSize: 10_000,
      variableValues: 200_000,
      compileAfter: 10,
      executionTimeMs: 15_000,
    },
    rateLimit: { viewer: 60_000, stranger: 12_000 },
    trustedDocuments: { areAlone: false, file: undefined, maxRegistered: 1_000 },
    auth: {
      jwtSecret: undefined,
      jwksUrl: undefined,
      issuer: undefined,
      audience: undefined,
      clockSkewMs: 30_000,
    },
    auditRetentionDays: 365,
    encryptionKey: undefined,
    maintenance: { schedule: undefined, isReindexEnabled: false, progressRetentionDays: 30 },
    backup: { directory: "backups", encryptionKey: undefined },
    cache: {
      isEnabled: true,
      warmCount: 100,
      warmFile: undefined,
      sampleRate: 0.001,
      maxBytes: 33_554_432,
      ttlMs: {
        user: 600_000,
        project: 300_000,
        conversionJob: 180_000,
        collection: 300_000,
        statistics: 300_000,
      },
    },
    database: {
      url: undefined,
      replicaUrls: [],
      dataDirectory: ".data",
      poolMin: 2,
      poolMax: 20,
      idleTimeoutMs: 30_000,
      connectionTimeoutMs: 10_000,
      startupTimeoutMs: 60_000,
      queryTimeoutMs: 60_000,
      statementTimeoutMs: 30_000,
      slowQueryMs: 200,
    },
    metrics: { token: undefined, port: undefined, host: "127.0.0.1" },
    tracing: undefined,
  });
});

test("every value can be set, and an empty one counts as unset", () => {
  expect(
    loadConfig({
      NODE_ENV: "production",
      LOG_LEVEL: "warn",
      HOST: "0.0.0.0",
      PORT: "0",
      GRAPHIQL: "",
      DATABASE_URL: "postgresql://u:p@h:1/d",
      DB_POOL_MAX: "7",
      DB_POOL_MIN: "7",
    }),
  ).toMatchObject({
    environment: "production",
    logLevel: "warn",
    http: { host: "0.0.0.0", port: 0, isGraphiqlEnabled: false },
    database: { url: "postgresql://u:p@h:1/d", poolMin: 7, poolMax: 7 },
  });
  expect(loadConfig({ NODE_ENV: "production", GRAPHIQL: "true" }).http.isGraphiqlEnabled).toBe(true);
  expect(loadConfig({ GRAPHIQL: "false" }).http.isGraphiqlEnabled).toBe(false);
  expect(loadConfig({ NODE_ENV: "production" }).http.shutdownDelayMs).toBe(3_000);
  expect(loadConfig({ NODE_ENV: "production", SHUTDOWN_DELAY: "0" }).http.shutdownDelayMs).toBe(0);
});

test("in production nothing is shown that only development needs, unless a variable turns it on", () => {
  const production = { NODE_ENV: "production" };
  expect(loadConfig(production).http).toMatchObject({
    isGraphiqlEnabled: false,
    isIntrospectionEnabled: false,
    corsOrigins: [],
  });
  expect(loadConfig({ ...production, GRAPHIQL: "true" }).http.isIntrospectionEnabled).toBe(true);
  expect(loadConfig({ ...production, INTROSPECTION: "true" }).http).toMatchObject({
    isGraphiqlEnabled: false,
    isIntrospectionEnabled: true,
  });
});

describe("traces are switched on by OpenTelemetry's own variables", () => {
  const target = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" };
  const defaults = {
    exporter: "otlp",
    protocol: "http/protobuf",
    url: "http://collector:4318/v1/traces",
    sampler: "parentbased_always_on",
    ratio: 1,
    serviceName: "stack-converter",
  };

  test("by an endpoint or an exporter, and off by either of two", () => {
    expect(loadConfig(target).tracing).toEqual(defaults);
    expect(loadConfig({ OTEL_TRACES_EXPORTER: "otlp" }).tracing).toEqual({ ...defaults, url: undefined });
    expect(loadConfig({ OTEL_TRACES_EXPORTER: "console" }).tracing?.exporter).toBe("console");
    expect(loadConfig({ ...target, OTEL_SDK_DISABLED: "TRUE" }).tracing).toBeUndefined();
    expect(loadConfig({ ...target, OTEL_TRACES_EXPORTER: "none" }).tracing).toBeUndefined();
  });

  test("which also set the target, the sampling and the service's name", () => {
    expect(
      loadConfig({
        ...target,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example.com/in",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG: "0.01",
        OTEL_SERVICE_NAME: "converter-eu",
      }).tracing,
    ).toEqual({
      exporter: "otlp",
      protocol: "http/json",
      url: "https://traces.example.com/in",
      sampler: "parentbased_traceidratio",
      ratio: 0.01,
      serviceName: "converter-eu",
    });
  });

  test.each([
    { OTEL_TRACES_EXPORTER: "zipkin" },
    { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    { OTEL_TRACES_SAMPLER: "sometimes" },
    { OTEL_TRACES_SAMPLER_ARG: "2" },
  ])("%j is refused, because it would silently do nothing", (env) => {
    expect(namesIn(problemsOf(env))).toEqual(Object.keys(env));
  });
});

describe("lists", () => {
  test("are separated by commas, with or without spaces", () => {
    expect(
      loadConfig({
        CORS_ORIGINS: "https://a.example, http://b.example:8080",
        TRUST_PROXY: "loopback, 10.0.0.0/8,fd00::/8,192.0.2.1",
      }).http,
    ).toMatchObject({
      corsOrigins: ["https://a.example", "http://b.example:8080"],
      trustedProxies: ["loopback", "10.0.0.0/8", "fd00::/8", "192.0.2.1"],
    });
  });

  test.each([
    { CORS_ORIGINS: "https://a.example/" },
    { CORS_ORIGINS: "a.example" },
    { CORS_ORIGINS: "https://a.example,," },
    { TRUST_PROXY: "true" },
    { TRUST_PROXY: "10.0.0.0/33" },
    { TRUST_PROXY: "10.0.0/8" },
    { TRUST_PROXY: "fd00::/129" },
    { TRUST_PROXY: "::1/64/3" },
  ])("with %j are refused", (env) => {
    expect(namesIn(problemsOf(env))).toEqual(Object.keys(env));
  });
});

test("all problems are reported at once, each by the variable's name", () => {
  const bad = {
    NODE_ENV: "staging",
    LOG_LEVEL: "loud",
    PORT: "65536",
    GRAPHIQL: "yes",
    MAX_BODY_BYTES: "many",
    SHUTDOWN_TIMEOUT: "-1",
    MAX_DEPTH: "0",
    ENCRYPTION_KEY: "short",
    DATABASE_URL: "mysql://h/d",
    DB_POOL_MAX: "0",
    DB_QUERY_TIMEOUT: "1.5",
    DB_POOL_SIZE: "3",
    DB_HOST: "h",
  };
  expect([...namesIn(problemsOf(bad))].sort()).toEqual(Object.keys(bad).sort());
  expect(namesIn(problemsOf({ DB_POOL_MIN: "9", DB_POOL_MAX: "8" }))).toEqual(["DB_POOL_MIN"]);
});

test("the message lists every problem on a line of its own, with the value that was received", () => {
  expect(() => loadConfig({ PORT: "abc", DB_NAME: "x" })).toThrow(
    /^The configuration has 2 problem\(s\):\n {2}- PORT: .*\(got "abc"\)\n {2}- DB_NAME: there is no such variable$/,
  );
});

test("an identity provider's keys need a secure address, and an issuer and an audience", () => {
  const AUTH_JWKS_URL = "https://id.example.com/keys";
  expect(namesIn(problemsOf({ AUTH_JWKS_URL }))).toEqual(["AUTH_ISSUER", "AUTH_AUDIENCE"]);
  const rest = { AUTH_ISSUER: "https://id.example.com", AUTH_AUDIENCE: "converter" };
  expect(loadConfig({ AUTH_JWKS_URL, ...rest }).auth).toMatchObject({ jwksUrl: AUTH_JWKS_URL });
  for (const bad of ["http://id.example.com/keys", "file:///keys", "keys"])
    expect(namesIn(problemsOf({ AUTH_JWKS_URL: bad, ...rest }))).toEqual(["AUTH_JWKS_URL"]);
  expect(problemsOf({ AUTH_JWKS_URL: "http://127.0.0.1:1/keys", ...rest })).toEqual([]);
});

test("replicas need the URL of their database", () => {
  const replicas = "postgres://u:p@a/d, postgresql://u:p@b/d";
  const named = { DATABASE_URL: "postgres://u:p@h/d" };
  expect(loadConfig({ ...named, DATABASE_REPLICA_URLS: replicas }).database.replicaUrls).toEqual([
    "postgres://u:p@a/d",
    "postgresql://u:p@b/d",
  ]);
  expect(namesIn(problemsOf({ DATABASE_REPLICA_URLS: replicas }))).toEqual(["DATABASE_URL"]);
  for (const bad of ["a", "postgres://a,", "mysql://a/d"])
    expect(namesIn(problemsOf({ ...named, DATABASE_REPLICA_URLS: bad }))).toEqual(["DATABASE_REPLICA_URLS"]);
});

describe("numbers", () => {
  test.each(["abc", "1e2x", "-1", "1.5", "Infinity", "NaN", "65536", " ", "0x10", "1_000"])(
    "PORT=%j is refused",
    (PORT) => {
      expect(namesIn(problemsOf({ PORT }))).toEqual(["PORT"]);
    },
  );
});

test("a secret is never printed, not even when it is malformed", () => {
  const secret = "hunter2-hunter2";
  for (const [name, { isSecret }] of Object.entries(variables)) {
    const problems = problemsOf({ [name]: secret }).join("\n");
    if (isSecret) expect(problems).not.toContain("hunter2");
  }
  const secrets = Object.entries(variables).flatMap(([name, { isSecret }]) => (isSecret ? [name] : []));
  expect(secrets).toEqual(expect.arrayContaining(["AUTH_JWT_SECRET", "DATABASE_URL", "ENCRYPTION_KEY"]));
  // An unknown variable with one of the service's prefixes may hold a password, too.
  expect(problemsOf({ DB_PASSWORD: secret })).toEqual(["DB_PASSWORD: there is no such variable"]);
});

test("variables of other programs are left alone", () => {
  expect(
    problemsOf({ PATH: "/bin", HOME: "/", PGHOST: "h", DATABASE_URL_READONLY: "x", SOME_DB_THING: "x" }),
  ).toEqual([]);
});

const readme = new URL("../README.md", import.meta.url);

test("the README's table has every variable, with its default and description", () => {
  // Only the table from its head to the empty line: another table lists roles in capitals.
  const [settings = ""] = readFileSync(readme, "utf8").match(/^\| variable[\s\S]*?\n\n/m) ?? [];
  const rows = [...settings.matchAll(/^\| `([A-Z][A-Z0-9_]*)` *\| *(.*?) *\| *(.*?) *\|$/gm)].map(
    ([, name, fallback, description]) => [name, fallback?.replaceAll("`", ""), description],
  );

  expect(rows.sort()).toEqual(
    Object.entries(variables)
      .map(([name, { default: fallback, description }]) => [name, fallback ?? "", description])
      .sort(),
  );
});
