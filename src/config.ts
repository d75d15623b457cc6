import { z } from "zod";
import { authVariables } from "./config/auth.ts";
import { limitVariables } from "./config/limits.ts";
import { metricsVariables } from "./config/metrics.ts";
import { operationVariables } from "./config/operations.ts";
import { tracingOf, tracingVariables } from "./config/tracing.ts";
import {
  count,
  flag,
  isUrl,
  list,
  milliseconds,
  share,
  url,
  type Variable,
  variable,
} from "./config/variable.ts";

const POSTGRES = ["postgres:", "postgresql:"];

/**
 * Every setting, by environment variable. `loadConfig` reports all problems at once; a test compares the
 * table below with the README's.
 */

export const variables = {
  ...limitVariables,
  ...authVariables,
  ...metricsVariables,
  ...tracingVariables,
  ...operationVariables,
  NODE_ENV: variable(z.enum(["development", "test", "production"]), "What the service is run for.", {
    default: "development",
  }),
  HOST: variable(z.string().min(1), "The address to listen on.", { default: "127.0.0.1" }),
  PORT: variable(count(0, 65_535), "The port to listen on; 0 takes a free one.", { default: "4000" }),
  LOG_LEVEL: variable(
    z.enum(["silent", "fatal", "error", "warn", "info", "debug", "trace"]),
    "The lowest level of severity that is logged.",
    { default: "info" },
  ),
  GRAPHIQL: variable(flag, "Serve GraphiQL to browsers. Unset: yes, except in production."),
  MAX_BODY_BYTES: variable(
    count(1_024, 1_073_741_824),
    "The longest request body that is accepted, in bytes.",
    { default: "4194304" },
  ),
  MAX_SUBSCRIPTIONS: variable(
    count(0, 1_000_000),
    "The most subscriptions and live queries that an instance serves at a time.",
    { default: "10000" },
  ),
  MAX_SUBSCRIPTIONS_PER_VIEWER: variable(
    count(0, 1_000_000),
    "The most of these that one viewer may have. Clients without a credential count by address.",
    { default: "100" },
  ),
  SHUTDOWN_TIMEOUT: variable(
    milliseconds(),
    "The longest that running requests may take to finish after SIGTERM, in ms. Then they are cut off.",
    { default: "10000" },
  ),
  SHUTDOWN_DELAY: variable(
    milliseconds(),
    "After SIGTERM, requests are still accepted for this long while `/readyz` answers 503, in ms. Unset: 3000 in production, else 0.",
  ),
  ENCRYPTION_KEY: variable(
    z.string().regex(/^[0-9a-fA-F]{64}$/, "expected 64 hexadecimal digits (openssl rand -hex 32)"),
    "Encrypts GitHub access tokens in the database. Unset: no tokens are accepted.",
    { isSecret: true },
  ),
  DATABASE_URL: variable(
    url(...POSTGRES),
    "The PostgreSQL database. Unset: an embedded one, in `DATA_DIRECTORY`.",
    { isSecret: true },
  ),
  DATABASE_REPLICA_URLS: variable(
    list(
      (text) => isUrl(text, POSTGRES),
      "expected URLs that begin with postgres:// or postgresql://, separated by commas",
    ),
    "Streaming replicas to read from, comma-separated. They may lag: no answer is older because of it.",
    { isSecret: true },
  ),
  DATA_DIRECTORY: variable(z.string().min(1), "Where the embedded database keeps its files.", {
    default: ".data",
  }),
  CACHE_ENABLED: variable(
    flag,
    "Keep answers in memory and in Redis. If false, other instances' caches still learn of this instance's writes.",
    { default: "true" },
  ),
  CACHE_MAX_BYTES: variable(
    count(0, 68_719_476_736),
    "The most memory that cached answers may take in this process, in bytes.",
    { default: "33554432" },
  ),
  CACHE_WARM_COUNT: variable(
    count(0, 10_000),
    "How many of the most requested queries are run at the next start. 0: none, and none are saved.",
    { default: "100" },
  ),
  CACHE_WARM_FILE: variable(
    z.string().min(1),
    "Queries to run at the start instead: a JSON file, `[{query, variables?, operationName?}]`.",
  ),
  CACHE_SAMPLE_RATE: variable(
    share("0.001"),
    "The share of cache hits that is compared with the database, 0 to 1. A wrong hit is logged.",
    { default: "0.001" },
  ),
  CACHE_TTL_USER: variable(count(0, 86_400), "How long users are cached, in seconds. 0: not at all.", {
    default: "600",
  }),
  CACHE_TTL_PROJECT: variable(count(0, 86_400), "How long projects are cached, in seconds.", {
    default: "300",
  }),
  CACHE_TTL_JOB: variable(count(0, 86_400), "How long finished conversion jobs are cached, in seconds.", {
    default: "180",
  }),
  CACHE_TTL_COLLECTION: variable(
    count(0, 86_400),
    "How long pages and totals of lists are cached, in seconds.",
    { default: "300" },
  ),
  CACHE_TTL_STATISTICS: variable(count(0, 86_400), "How long statistics are cached, in seconds.", {
    default: "300",
  }),
  DB_POOL_MIN: variable(count(0, 1_000), "The connections that stay open when idle.", { default: "2" }),
  DB_POOL_MAX: variable(count(1, 1_000), "The most connections in the pool.", { default: "20" }),
  DB_IDLE_TIMEOUT: variable(
    milliseconds(),
    "An idle connection above the minimum is closed after this long, in ms.",
    { default: "30000" },
  ),
  DB_CONNECTION_TIMEOUT: variable(
    milliseconds(),
    "The longest that a request waits for a connection, in ms.",
    { default: "10000" },
  ),
  DB_STARTUP_TIMEOUT: variable(
    milliseconds(),
    "The longest that `serve` waits at its start for a database that does not answer yet, in ms. 0: not at all.",
    { default: "60000" },
  ),
  DB_QUERY_TIMEOUT: variable(
    milliseconds(),
    "The longest that the service waits for the result of a statement, in ms.",
    { default: "60000" },
  ),
  DB_STATEMENT_TIMEOUT: variable(milliseconds(), "The longest that PostgreSQL works on a statement, in ms.", {
    default: "30000",
  }),
  DB_SLOW_QUERY_MS: variable(
    count(1, 86_400_000),
    "A statement that takes longer is reported as slow (`poolStatistics`), without its values. In ms.",
    { default: "200" },
  ),
  REDIS_URL: variable(
    z
      .string()
      .regex(
        /^(?:rediss?(?:\+sentinel|\+cluster)?:\/\/(?:[^/]*@)?[^/@?]+|(?:unix:\/\/(?:[^/]*@)?)?\/[^/?])/,
        "expected redis://, rediss://, unix:///path, redis+sentinel://host,host/master-name or redis+cluster://host,host",
      ),
    "The Redis that all instances share. Unset: the cache is in this process, and there may be only one instance.",
    { isSecret: true },
  ),
  REDIS_MAX_RETRIES: variable(
    count(0, 10),
    "How often a Redis call is repeated after its connection broke.",
    { default: "2" },
  ),
  REDIS_CONNECT_TIMEOUT: variable(
    count(1, 600_000),
    "The longest that connecting to Redis may take before the next attempt, in ms.",
    { default: "2000" },
  ),
  REDIS_COMMAND_TIMEOUT: variable(
    count(1, 600_000),
    "The longest that the service waits for an answer from Redis, retries included, in ms.",
    { default: "250" },
  ),
} as const;

type Variables = typeof variables;
type Values = {
  readonly [Name in keyof Variables]: Variables[Name] extends Variable<infer Value> & {
    default: infer Default;
  }
    ? Default extends string
      ? Value
      : Value | undefined
    : never;
};

export type Config = ReturnType<typeof loadConfig>;

/**
 * Prefixes of this service's variables: an unknown variable with one of them is a typing error, not another
 * program's. `REDIS_` is not among them, because Kubernetes sets REDIS_PORT and more where a service is named
 * "redis".
 */
const OWN_PREFIXES = ["DB_", "CACHE_", "AUTH_", "AUDIT_", "METRICS_", "BACKUP_"];

/** Everything that is wrong with the environment, one line for each problem. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `The configuration has ${problems.length} problem(s):\n${problems.map((line) => `  - ${line}`).join("\n")}`,
    );
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Reads the configuration. Pure: the same environment gives the same result. An empty value counts as unset,
 * as in a compose file's `VARIABLE: ${VARIABLE:-}`.
 *
 * @throws ConfigError naming every variable that is malformed, unknown, missing or in conflict with another
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>) {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};

  for (const [name, { schema, default: fallback, isSecret }] of Object.entries(variables) as [
    string,
    Variable<unknown>,
  ][]) {
    const text = env[name] || fallback;
    if (text === undefined) continue;
    const result = schema.safeParse(text);
    if (result.success) values[name] = result.data;
    else {
      const rules = result.error.issues.map((issue) => issue.message).join("; ");
      problems.push(`${name}: ${rules}${isSecret ? "" : ` (got "${text}")`}`);
    }
  }
  for (const name of Object.keys(env)) {
    if (OWN_PREFIXES.some((prefix) => name.startsWith(prefix)) && !(name in variables)) {
      problems.push(`${name}: there is no such variable`);
    }
  }

  // Safe: every name of `variables` without a problem was parsed by its own schema above.
  const value = values as Values;
  if (value.DB_POOL_MIN > value.DB_POOL_MAX) {
    problems.push(
      `DB_POOL_MIN: expected at most DB_POOL_MAX (${value.DB_POOL_MAX}), got ${value.DB_POOL_MIN}`,
    );
  }
  if (value.DATABASE_REPLICA_URLS !== undefined && value.DATABASE_URL === undefined) {
    problems.push("DATABASE_URL: expected a value, because DATABASE_REPLICA_URLS is set");
  }
  if (value.WEB_CONCURRENCY > 1) {
    // Only one process can use the embedded database, and caches that share no Redis would not learn of each
    // other's writes.
    for (const name of ["DATABASE_URL", "REDIS_URL"] as const) {
      if (value[name] === undefined)
        problems.push(`${name}: expected a value, because WEB_CONCURRENCY is above 1; or set that to 1`);
    }
  }
  if (value.HEADERS_TIMEOUT > value.REQUEST_TIMEOUT) {
    problems.push(
      `HEADERS_TIMEOUT: expected at most REQUEST_TIMEOUT (${value.REQUEST_TIMEOUT}), got ${value.HEADERS_TIMEOUT}`,
    );
  }
  if (value.AUTH_JWKS_URL !== undefined) {
    // The provider's keys sign tokens for other services too.
    for (const name of ["AUTH_ISSUER", "AUTH_AUDIENCE"] as const) {
      if (env[name] === undefined || env[name] === "")
        problems.push(`${name}: expected a value, because AUTH_JWKS_URL is set`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);

  const isProduction = value.NODE_ENV === "production";
  const isGraphiqlEnabled = value.GRAPHIQL ?? !isProduction;
  const ttlMs = (seconds: number) => (value.CACHE_ENABLED ? seconds * 1_000 : 0);

  return {
    environment: value.NODE_ENV,
    logLevel: value.LOG_LEVEL,
    /** How many processes `serve` runs to answer requests. */
    workers: value.WEB_CONCURRENCY,
    http: {
      host: value.HOST,
      port: value.PORT,
      maxBodyBytes: value.MAX_BODY_BYTES,
      maxSubscriptions: value.MAX_SUBSCRIPTIONS,
      maxSubscriptionsPerViewer: value.MAX_SUBSCRIPTIONS_PER_VIEWER,
      shutdownTimeoutMs: value.SHUTDOWN_TIMEOUT,
      shutdownDelayMs: value.SHUTDOWN_DELAY ?? (isProduction ? 3_000 : 0),
      isGraphiqlEnabled,
      isIntrospectionEnabled: value.INTROSPECTION ?? isGraphiqlEnabled,
      /** Unset: pages on this machine, on any port; in production, none. */
      corsOrigins: value.CORS_ORIGINS ?? (isProduction ? [] : ("local" as const)),
      trustedProxies: value.TRUST_PROXY ?? [],
      headersTimeoutMs: value.HEADERS_TIMEOUT,
      requestTimeoutMs: value.REQUEST_TIMEOUT,
      maxHeaderBytes: value.MAX_HEADER_BYTES,
      maxConnections: value.MAX_CONNECTIONS,
    },
    limits: {
      tokens: value.MAX_TOKENS,
      depth: value.MAX_DEPTH,
      aliases: value.MAX_ALIASES,
      directives: value.MAX_DIRECTIVES,
      rootFields: value.MAX_ROOT_FIELDS,
      complexity: value.MAX_COMPLEXITY,
      listSize: value.MAX_LIST_SIZE,
      variableValues: value.MAX_VARIABLE_VALUES,
      compileAfter: value.COMPILE_AFTER,
      executionTimeMs: value.MAX_EXECUTION_TIME,
    },
    /** Units per minute; 0: no limit. */
    rateLimit: { viewer: value.RATE_LIMIT, stranger: value.RATE_LIMIT_STRANGERS },
    trustedDocuments: {
      areAlone: value.TRUSTED_DOCUMENTS_ONLY,
      file: value.TRUSTED_DOCUMENTS_FILE,
      maxRegistered: value.MAX_PERSISTED_QUERIES,
    },
    auth: {
      jwtSecret: value.AUTH_JWT_SECRET,
      jwksUrl: value.AUTH_JWKS_URL,
      issuer: value.AUTH_ISSUER,
      audience: value.AUTH_AUDIENCE,
      clockSkewMs: value.AUTH_CLOCK_SKEW * 1_000,
    },
    /** 0: entries are kept for ever. */
    auditRetentionDays: value.AUDIT_RETENTION_DAYS,
    encryptionKey: value.ENCRYPTION_KEY,
    maintenance: {
      schedule: value.DB_MAINTENANCE_SCHEDULE,
      isReindexEnabled: value.DB_ENABLE_REINDEX,
      /** 0: reports are kept for ever. */
      progressRetentionDays: value.PROGRESS_RETENTION_DAYS,
    },
    backup: { directory: value.BACKUP_DIRECTORY, encryptionKey: value.BACKUP_ENCRYPTION_KEY },
    cache: {
      isEnabled: value.CACHE_ENABLED,
      /** 0 when the cache is off. */
      warmCount: value.CACHE_ENABLED ? value.CACHE_WARM_COUNT : 0,
      warmFile: value.CACHE_WARM_FILE,
      sampleRate: value.CACHE_SAMPLE_RATE,
      maxBytes: value.CACHE_MAX_BYTES,
      /** All 0 when the cache is off. */
      ttlMs: {
        user: ttlMs(value.CACHE_TTL_USER),
        project: ttlMs(value.CACHE_TTL_PROJECT),
        conversionJob: ttlMs(value.CACHE_TTL_JOB),
        collection: ttlMs(value.CACHE_TTL_COLLECTION),
        statistics: ttlMs(value.CACHE_TTL_STATISTICS),
      },
    },
    database: {
      /** Unset: the embedded database. */
      url: value.DATABASE_URL,
      replicaUrls: value.DATABASE_REPLICA_URLS ?? [],
      dataDirectory: value.DATA_DIRECTORY,
      poolMin: value.DB_POOL_MIN,
      poolMax: value.DB_POOL_MAX,
      idleTimeoutMs: value.DB_IDLE_TIMEOUT,
      connectionTimeoutMs: value.DB_CONNECTION_TIMEOUT,
      startupTimeoutMs: value.DB_STARTUP_TIMEOUT,
      queryTimeoutMs: value.DB_QUERY_TIMEOUT,
      statementTimeoutMs: value.DB_STATEMENT_TIMEOUT,
      slowQueryMs: value.DB_SLOW_QUERY_MS,
    },
    metrics: {
      token: value.METRICS_TOKEN,
      /** Unset: metrics have no separate port. */
      port: value.METRICS_PORT,
      host: value.METRICS_HOST,
    },
    /** Unset: no traces. */
    tracing: tracingOf(value),
    redis:
      value.REDIS_URL === undefined
        ? undefined
        : {
            url: value.REDIS_URL,
            maxRetries: value.REDIS_MAX_RETRIES,
            connectTimeoutMs: value.REDIS_CONNECT_TIMEOUT,
            commandTimeoutMs: value.REDIS_COMMAND_TIMEOUT,
          },
  } as const;
}
