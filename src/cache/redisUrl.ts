import { CacheError } from "./errors.ts";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

/** Where Redis is, parsed from a REDIS_URL. */
export type RedisTarget = Credentials & { readonly isTls: boolean; readonly db: number } & (
    | { readonly kind: "single"; readonly endpoint: Endpoint }
    | { readonly kind: "socket"; readonly path: string }
    | {
        readonly kind: "sentinel";
        readonly endpoints: readonly Endpoint[];
        readonly masterName: string;
        /** The Sentinels' own credentials, which may differ from the server's. */
        readonly sentinel: Credentials;
      }
    | { readonly kind: "cluster"; readonly endpoints: readonly Endpoint[] }
  );

// Not `new URL`: it accepts a single host only, and the error that it throws repeats the password.
const FORM =
  /^(?<scheme>rediss?(?:\+sentinel|\+cluster)?|unix):\/\/(?:(?<credentials>[^/]*)@)?(?<hosts>[^/@?]*)(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/;
const HOST = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[^\s:[\]]+))(?::(?<port>\d{1,5}))?$/;

/**
 * Parses a REDIS_URL. User names, passwords and master names are percent-encoded.
 *
 * - `redis://user:password@host:6379/0`, `rediss://…` with TLS
 * - `unix:///run/redis.sock?db=0`, or the bare path `/run/redis.sock`
 * - `redis+sentinel://user:password@host:26379,host:26379/master-name?db=0&sentinelUsername=…&sentinelPassword=…`
 * - `redis+cluster://user:password@host:6379,host:6379`; `rediss+…` with TLS for both
 *
 * @throws CacheError REDIS_URL_INVALID with the broken rule; the message never contains a password
 */
export function parseRedisUrl(url: string): RedisTarget {
  const groups = FORM.exec(url.startsWith("/") ? `unix://${url}` : url)?.groups;
  if (groups === undefined) {
    throw invalid("expected redis://, rediss://, unix://, redis+sentinel:// or redis+cluster:// and a host");
  }
  const { scheme = "", hosts = "", path = "", query = "" } = groups;
  const parameters = new URLSearchParams(query);
  const shared = {
    ...credentialsOf(groups.credentials ?? ""),
    isTls: scheme.startsWith("rediss"),
  };

  if (scheme === "unix") {
    allowOnly(parameters, ["db"]);
    if (hosts !== "" || path.length < 2) throw invalid("unix:// needs an absolute path and no host");
    return { kind: "socket", ...shared, db: dbOf(parameters.get("db")), path: decode(path, "path") };
  }
  const isSentinel = scheme.endsWith("+sentinel");
  const endpoints = hosts.split(",").map((host) => endpointOf(host, isSentinel ? 26_379 : 6_379));
  const segment = decode(path.slice(1), "path");

  if (isSentinel) {
    allowOnly(parameters, ["db", "sentinelUsername", "sentinelPassword"]);
    if (segment === "") throw invalid("redis+sentinel:// needs the master's name as its path");
    const username = parameters.get("sentinelUsername");
    const password = parameters.get("sentinelPassword");
    return {
      kind: "sentinel",
      ...shared,
      db: dbOf(parameters.get("db")),
      endpoints,
      masterName: segment,
      sentinel: { ...(username ? { username } : {}), ...(password ? { password } : {}) },
    };
  }
  if (scheme.endsWith("+cluster")) {
    allowOnly(parameters, []);
    if (segment !== "" && segment !== "0") throw invalid("a Redis Cluster has only database 0");
    return { kind: "cluster", ...shared, db: 0, endpoints };
  }
  allowOnly(parameters, ["db"]);
  const [endpoint, ...others] = endpoints;
  if (endpoint === undefined || others.length > 0) {
    throw invalid("redis:// takes one host; several need redis+sentinel:// or redis+cluster://");
  }
  return { kind: "single", ...shared, db: dbOf(segment || parameters.get("db")), endpoint };
}

/** The target for people and logs, without credentials. */
export function describeTarget(target: RedisTarget): string {
  const list = (endpoints: readonly Endpoint[]) =>
    endpoints.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`).join(",");
  const scheme = target.isTls ? "rediss" : "redis";
  switch (target.kind) {
    case "single":
      return `${scheme}://${list([target.endpoint])}/${target.db}`;
    case "socket":
      return `unix://${target.path}?db=${target.db}`;
    case "sentinel":
      return `${scheme}+sentinel://${list(target.endpoints)}/${target.masterName}?db=${target.db}`;
    case "cluster":
      return `${scheme}+cluster://${list(target.endpoints)}`;
  }
}

function credentialsOf(text: string): Credentials {
  const colon = text.indexOf(":");
  const username = decode(colon === -1 ? text : text.slice(0, colon), "user name");
  const password = colon === -1 ? "" : decode(text.slice(colon + 1), "password");
  return { ...(username ? { username } : {}), ...(password ? { password } : {}) };
}

function endpointOf(text: string, defaultPort: number): Endpoint {
  const groups = HOST.exec(text)?.groups;
  const host = groups?.v6 ?? groups?.name;
  const port = groups?.port === undefined ? defaultPort : Number(groups.port);
  if (host === undefined || port < 1 || port > 65_535) {
    // The message repeats nothing of the URL: half of a password with an unescaped "/" or "?" ends up here.
    throw invalid(
      "expected host or host:port, with a port from 1 to 65535 (is the password percent-encoded?)",
    );
  }
  return { host, port };
}

function dbOf(text: string | null): number {
  if (!text) return 0;
  if (!/^\d{1,5}$/.test(text)) throw invalid("the database is not a number");
  return Number(text);
}

function allowOnly(parameters: URLSearchParams, allowed: readonly string[]): void {
  if ([...parameters.keys()].some((name) => !allowed.includes(name))) {
    throw invalid(`the parameters of this kind of URL are ${allowed.join(", ") || "none"}`);
  }
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Without the cause: the text that cannot be decoded may be the password.
    throw invalid(`the ${what} is not percent-encoded`);
  }
}

function invalid(rule: string): CacheError {
  return new CacheError("REDIS_URL_INVALID", `REDIS_URL: ${rule}.`);
}
