import { ACCESS_ENV, AS_ADMINISTRATOR } from "../../support/access.ts";
import { UNLIMITED } from "../../support/unlimited.ts";
import type { Dialect } from "./work.ts";

/** A server that is measured: a program with an environment. */
export interface Contender {
  readonly name: string;
  /** Its path is relative to the repository's root. */
  readonly program: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly dialect: Dialect;
  /** Contenders of one family differ only in where they keep answers. */
  readonly family: string;
  readonly keeps: "nothing" | "memory" | "redis";
  /** Left out by `--quick`: one of the same family is faster. */
  readonly isSlow: boolean;
}

/** The same as for the peers: nothing expires during the measurement. */
const FOR_AN_HOUR = Object.fromEntries(
  ["USER", "PROJECT", "JOB", "COLLECTION", "STATISTICS"].map((kind) => [`CACHE_TTL_${kind}`, "3600"]),
);

const service = (name: string, keeps: Contender["keeps"], env: Record<string, string>): Contender => ({
  name,
  program: ["dist/cli.js", "serve"],
  // An administrator sees all rows, as everybody does in the peers, which have no access rules. UNLIMITED:
  // one client stands for many.
  env: { ...ACCESS_ENV, ...UNLIMITED, ...FOR_AN_HOUR, ...env },
  headers: AS_ADMINISTRATOR,
  dialect: "service",
  family: "stack-converter",
  keeps,
  isSlow: false,
});

const peer = (
  family: string,
  file: string,
  keeps: Contender["keeps"],
  dialect: Dialect = "schema",
  isSlow = false,
): Contender => ({
  name: keeps === "nothing" ? family : `${family}, ${keeps === "redis" ? "Redis" : keeps}`,
  program: [`test/bench/peers/${file}`],
  env: { CACHE: keeps === "nothing" ? "off" : keeps },
  headers: {},
  dialect,
  family,
  keeps,
  isSlow,
});

export const SERVICE = service("stack-converter", "redis", {});
export const SERVICE_UNCACHED = service("stack-converter, no cache", "nothing", { CACHE_ENABLED: "false" });

export const CACHING_PEERS: readonly Contender[] = [
  peer("Apollo Server", "apollo.js", "redis"),
  peer("Apollo Server", "apollo.js", "memory", "schema", true),
  peer("Mercurius", "mercurius.js", "redis"),
  peer("Mercurius", "mercurius.js", "memory", "schema", true),
  peer("Yoga", "yoga.js", "memory"),
  peer("Yoga", "yoga.js", "redis", "schema", true),
];
export const UNCACHED_PEERS: readonly Contender[] = [
  peer("Apollo Server", "apollo.js", "nothing"),
  peer("Mercurius", "mercurius.js", "nothing"),
  peer("PostGraphile", "postgraphile.js", "nothing", "postgraphile"),
  peer("Yoga", "yoga.js", "nothing"),
];

export type FloorMode = "bytes" | "headers" | "redis" | "sql";

/**
 * A bare `node:http` server: with the bytes in memory, the same with the service's headers, with one GET from
 * Redis, or with one SQL statement for each request.
 */
export const floor = (mode: FloorMode): Contender => ({
  name: { bytes: "bare HTTP", headers: "bare HTTP, same headers", redis: "one GET", sql: "one statement" }[
    mode
  ],
  program: ["test/bench/peers/floor.js"],
  env: { FLOOR: mode },
  headers: {},
  dialect: "schema",
  family: "floor",
  keeps: "nothing",
  isSlow: false,
});
